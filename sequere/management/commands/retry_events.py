"""manage.py retry_events: retry failed events."""

from typing import Any

from sequere.management.failed import FailedEventsCommand
from sequere.outbox.parked import retry


class Command(FailedEventsCommand):
    help = "Retry failed events, and apply the events that wait behind them. Exit status 1 if one fails again."

    def handle(self, **options: Any) -> None:
        failed = self.failed(options)
        self.stdout.write(f"{retry(failed):,} events applied")
        if again := failed.count():
            self.stdout.write(self.style.WARNING(f"{again:,} failed again: see show_projections"))
            raise SystemExit(1)
