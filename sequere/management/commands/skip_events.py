"""manage.py skip_events: give up applying events that have failed."""

from typing import Any

from sequere.management.failed import FailedEventsCommand
from sequere.outbox.parked import skip


class Command(FailedEventsCommand):
    help = "Give up applying events that have failed, so that what waits behind them goes on. They stay in the log."

    def handle(self, **options: Any) -> None:
        self.stdout.write(f"{skip(self.failed(options)):,} events skipped")
