"""manage.py skip_events: skip failed events."""

from typing import Any

from sequere.management.failed import FailedEventsCommand
from sequere.outbox.parked import skip


class Command(FailedEventsCommand):
    help = "Skip failed events, so that the events behind them are applied. They stay in the log."

    def handle(self, **options: Any) -> None:
        self.stdout.write(f"{skip(self.failed(options)):,} events skipped")
