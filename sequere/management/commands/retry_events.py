"""manage.py retry_events: retry failed events."""

from typing import Any

from sequere.management.failed import FailedEventsCommand, write_first_failed
from sequere.outbox.parked import retry


class Command(FailedEventsCommand):
    help = "Retry failed events, and apply the events that wait behind them. Exit status 1 if one fails again."

    def handle(self, **options: Any) -> None:
        failed = self.failed(options)
        self.stdout.write(f"{retry(failed):,} events applied")
        if failed.exists():
            write_first_failed(self, failed, "failed again")
            raise SystemExit(1)
