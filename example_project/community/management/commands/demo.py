"""manage.py demo: a tour of Sequere in the terminal, with a real graph."""

from pathlib import Path
from time import perf_counter
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from example_project.community.demo_user import LOGIN, get_or_create_demo_user
from example_project.community.sequere_registry import LikeAction
from example_project.community.statistics import most_followed
from example_project.community.tour.story import tell_story
from example_project.community.tour.transcript import tell
from sequere.contrib.timeline import Timeline
from sequere.models import Event

GRAPH = settings.BASE_DIR / "data" / "debian-depends.tsv.gz"
RELEASE = settings.BASE_DIR / "community" / "tour" / "release.txt"


class Command(BaseCommand):
    help = "A tour of Sequere. It adds data to the database of the example project, and can be run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--graph", type=Path, default=GRAPH, help="A file for load_graph, instead of Debian's packages."
        )

    def handle(self, *, graph: Path, **options: Any) -> None:
        start = perf_counter()
        self._headline("Setting up")
        self._say(f"The database is {connection.settings_dict['NAME']} ({connection.display_name}).")
        if settings.IS_IN_REDIS:
            self._say(f"The follows and the timelines are in Redis, at {settings.REDIS_URL}.")
        call_command("migrate", verbosity=0)
        call_command("check", databases=["default"])
        if Event.objects.exists():
            self._say("There is a log already, from which the follows and the timelines are rebuilt:")
            call_command("rebuild_projections")

        self._headline("The story of the documentation")
        self._expect(tell_story(self._write))
        self._say("\nThey are deleted now, with their follows and timelines. The log still has everything.")

        self._headline("A real graph: which Debian package depends on which")
        call_command("load_graph", graph)
        self._say("\nThe most followed:")
        for project, followers in most_followed(10):
            self._say(f"{followers:>10,}  {project}")

        self._headline("A release")
        self._expect(tell(RELEASE, self._write))

        self._headline("The follows and the timelines, compared with the event log")
        for command in ("verify_projections", "rebuild_projections", "verify_projections"):
            self._say(f"$ manage.py {command}")
            call_command(command)

        self._headline("The site")
        self._invite()
        self._say(self.style.SUCCESS(f"\nThat was all, in {perf_counter() - start:,.0f} s."))

    def _invite(self) -> None:
        user, is_new = get_or_create_demo_user()
        if is_new:
            for project, _ in most_followed(1):
                Timeline(user).save(LikeAction(actor=user, target=project))
            self._say(f"A superuser was created: {LOGIN}, with the password {LOGIN}.")
        serve = "make serve BACKEND=redis" if settings.IS_IN_REDIS else "make serve"
        self._say(
            f"{serve} opens the site at http://localhost:8000/. Log in as {LOGIN} with the password {LOGIN},"
            " follow\nthe most followed project, and its release is in your timeline."
        )

    def _expect(self, went_well: bool) -> None:
        if not went_well:
            raise CommandError("Something did not go as documented, see above.")

    def _headline(self, text: str) -> None:
        self._say(self.style.MIGRATE_HEADING(f"\n==== {text} ====\n"))

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def _write(self, text: str) -> None:
        self.stdout.write(text, ending="")
        self.stdout.flush()
