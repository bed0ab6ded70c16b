"""manage.py verify_projections: are the read models what the log says?"""

from typing import Any

from django.core.management.base import CommandParser

from sequere.management.progress import Progress
from sequere.management.projections import ProjectionsCommand
from sequere.replay import verifiable, verify


class Command(ProjectionsCommand):
    help = "Compare the read models with the event log. Exit status 1, and a list, if they differ."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--projection", choices=verifiable(), help="Only this one; all of them by default.")
        parser.add_argument("--repair", action="store_true", help="Make the read models what the log says.")

    def handle(self, *, projection: str | None, repair: bool, **options: Any) -> None:
        progress = Progress(self.stdout)
        wrong = False
        for name in [projection] if projection else verifiable():
            report = verify(name, repair=repair, progress=progress, on_difference=progress.note)
            progress.finish()
            if not report.wrong:
                self.stdout.write(self.style.SUCCESS(f"{name}: {report.checked:,} checked, equal to the log"))
                continue
            found = f"{name}: {report.checked:,} checked, {report.wrong:,} differences"
            self.stdout.write(self.style.WARNING(f"{found}, repaired" if repair else found))
            wrong = wrong or not repair
        if wrong:
            self.stdout.write("Run it with --repair, or run rebuild_projections.")
            raise SystemExit(1)
