"""manage.py rebuild_projections: rebuild the read models from the log."""

import os
import subprocess
import sys
from argparse import SUPPRESS
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from sequere import replay
from sequere.management.progress_bar import ProgressBar
from sequere.management.projections import ProjectionsCommand
from sequere.projections.registry import projections
from sequere.replay.models import Rebuild
from sequere.tenants import current_tenant


class Command(ProjectionsCommand):
    help = _(
        "Rebuild the read models from the event log, while the site runs. Resumes an interrupted rebuild, and joins one"
        " that is in progress."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--projection", choices=list(projections()), help=_("Only this one; all of them by default."))
        add("--workers", type=int, default=1, metavar="N", help=_("Share the work among N processes."))
        add("--celery", action="store_true", help=_("Let Celery workers do it, as N tasks at a time."))
        add("--restart", action="store_true", help=_("Start over, and discard any earlier progress."))
        add("--dry-run", action="store_true", help=_("Report what would be repaired, and write nothing."))
        add("--join", type=int, nargs="+", metavar="ID", help=SUPPRESS)  # a rebuild that another process has begun

    def handle(self, *, projection: str | None, workers: int, restart: bool, dry_run: bool, **options: Any) -> None:
        names = [projection] if projection else [*projections()]
        if workers < 1:
            raise self.wrong_argument(_("--workers must be at least 1."))
        if dry_run:
            for name in names:
                self._preview(name)
        elif options["join"]:
            for rebuild_id in options["join"]:
                replay.work(rebuild_id)
        else:
            rebuilds = [replay.start(name, restart=restart) for name in names]
            if options["celery"]:
                for _number in range(workers):
                    replay.hand_over([rebuild.pk for rebuild in rebuilds])
                self.stdout.write(_("Celery workers run it: see show_projections."))
                return
            others = [self._start_another(rebuilds) for _number in range(workers - 1)]
            try:
                failed = sum([self._finish(rebuild) for rebuild in rebuilds])
            finally:
                codes = [other.wait() for other in others]
            if any(codes):
                self.stderr.write(_("Another process failed; its work was done all the same."))
            if failed:
                self.stdout.write(_("What was left out is in the log of errors, and its events are parked."))
                raise SystemExit(1)

    def _finish(self, rebuild: Rebuild) -> int:
        """Returns how many keys it has left out."""
        with ProgressBar(self) as progress:
            report = replay.finish(rebuild, progress=progress)
        repaired = f", {report.wrong:,} repaired" if report.wrong else ""
        rebuilt = f"{rebuild.projection}: rebuilt, {report.checked:,} checked{repaired}"
        if not report.failed:
            self.stdout.write(self.style.SUCCESS(rebuilt))
        else:
            self.stdout.write(
                self.style.WARNING(f"{rebuilt}, {report.failed:,} left out, since they cannot be applied")
            )
        return report.failed

    def _preview(self, name: str) -> None:
        with ProgressBar(self) as progress:
            report = replay.preview(name, progress=progress, on_difference=progress.note)
        self.stdout.write(f"{name}: {report.checked:,} to be checked, {report.wrong:,} to be repaired")

    def _start_another(self, rebuilds: Sequence[Rebuild]) -> "subprocess.Popen[bytes]":
        """Start this command in another process, which writes only errors; the settings are checked already."""
        command = [sys.executable, "-m", "django", "rebuild_projections", "--settings", settings.SETTINGS_MODULE]
        if tenant := current_tenant():
            command += ["--tenant", tenant]
        command += ["--skip-checks", "--join", *(str(rebuild.pk) for rebuild in rebuilds)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603  # a command of our own
