"""manage.py rebuild_projections: the read models, from the log."""

from typing import Any

from django.core.management.base import CommandParser

from sequere.management.progress import Progress
from sequere.management.projections import ProjectionsCommand
from sequere.projectors import projections
from sequere.replay import rebuild


class Command(ProjectionsCommand):
    help = "Make the read models what the event log says, while the site runs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--projection", choices=list(projections()), help="Only this one; all of them by default.")

    def handle(self, *, projection: str | None, **options: Any) -> None:
        progress = Progress(self.stdout)
        for name in [projection] if projection else projections():
            report = rebuild(name, progress=progress)
            progress.finish()
            repaired = f", {report.wrong:,} repaired" if report.wrong else ""
            self.stdout.write(self.style.SUCCESS(f"{name}: rebuilt, {report.checked:,} checked{repaired}"))
