"""manage.py demo: a tour of Sequere in the terminal, with a real graph."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from example_project.community.demo_user import LOGIN
from example_project.community.statistics import most_followed
from example_project.community.tour.transcript import tell
from sequere.management.tables import write_table

GRAPH = settings.BASE_DIR / "data" / "debian-depends.tsv.gz"
TOUR = settings.BASE_DIR / "community" / "tour"
STORY, RELEASE = TOUR / "story.txt", TOUR / "release.txt"


class Command(BaseCommand):
    help = "A tour of Sequere, in a database of its own, which is dropped at the end."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--graph", type=Path, default=GRAPH, help="A file for load_graph, instead of Debian's packages."
        )
        parser.add_argument("--one-in", type=int, default=4, metavar="N", help="Only every Nth follow, 4 by default.")

    def handle(self, *, graph: Path, one_in: int, **options: Any) -> None:
        start = perf_counter()
        self._headline("Setting up")
        with _own_database():
            self._say(f"The database is {connection.settings_dict['NAME']} ({connection.display_name}).")
            if settings.IS_IN_REDIS:
                self._say(f"The follows and the timelines are in Redis, at {settings.REDIS_URL}.")
                self._manage("rebuild_projections")  # the server may have those of an earlier tour
            self._manage("check", databases=["default"])
            self._show(graph, one_in)
        self._headline("The site")
        serve = "make serve BACKEND=redis" if settings.IS_IN_REDIS else "make serve"
        self._say(
            f"This database is dropped now. {serve} opens a site of people and projects, with data of its own,\n"
            f"at http://localhost:8000/. Log in as {LOGIN} with the password {LOGIN}."
        )
        self._say(self.style.SUCCESS(f"\nThat was all, in {perf_counter() - start:,.0f} s."))

    def _show(self, graph: Path, one_in: int) -> None:
        self._headline("The story of the documentation")
        self._tell(STORY)

        self._headline("A real graph: which Debian package depends on which")
        self._manage("load_graph", graph, one_in=one_in)
        self._say("")
        write_table(self, ["project", "followers"], [[str(one), f"{number:,}"] for one, number in most_followed(10)])

        self._headline("A release")
        self._tell(RELEASE)

        self._headline("The follows and the timelines, compared with the event log")
        for command in ("verify_projections", "rebuild_projections", "verify_projections"):
            self._say(self.style.MIGRATE_LABEL(f"$ manage.py {command}"))
            self._manage(command)

    def _manage(self, command: str, *arguments: Any, **options: Any) -> None:
        call_command(command, *arguments, stdout=self.stdout, **options)

    def _tell(self, transcript: Path) -> None:
        if not tell(transcript, self._write, self.style.MIGRATE_LABEL):
            raise CommandError("Something did not go as documented, see above.")

    def _headline(self, text: str) -> None:
        self._say(self.style.MIGRATE_HEADING(f"\n==== {text} ====\n"))

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def _write(self, text: str) -> None:
        self.stdout.write(text, ending="")
        self.stdout.flush()


@contextmanager
def _own_database() -> Iterator[None]:
    """In this block the default database is a new one, as in Django's tests: a graph does not suit the site."""
    name = connection.settings_dict["NAME"]
    with TemporaryDirectory(prefix="sequere-") as directory:
        if connection.vendor == "sqlite":  # in a file, as a site has it, not in memory
            connection.settings_dict["TEST"]["NAME"] = str(Path(directory, "demo.sqlite3"))
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        try:
            yield
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)
