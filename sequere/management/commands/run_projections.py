"""manage.py run_projections: apply what waits in the outbox."""

import signal
import time
from typing import Any, NoReturn

from django.core.management.base import CommandError, CommandParser
from django.db import DatabaseError, InterfaceError, close_old_connections, connections, router
from django.utils.translation import gettext as _

from sequere.events import Event
from sequere.exceptions import BackendUnavailable, StaleWriter
from sequere.management.projections import ProjectionsCommand
from sequere.outbox import drain_all


class Command(ProjectionsCommand):
    help = "Apply what waits in the outbox, and go on until SIGTERM. Run as many as you like."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="End when nothing waits any more.")
        parser.add_argument("--interval", type=float, default=1.0, help="Seconds between two looks, 1 by default.")

    def handle(self, *, once: bool, interval: float, **options: Any) -> None:
        using = router.db_for_write(Event)
        if once:
            self.stdout.write(f"{drain_all(using=using):,} events applied")
            return
        if interval <= 0:
            raise CommandError(_("--interval needs more than 0 seconds."))
        signal.signal(signal.SIGTERM, _stop)
        while True:
            try:
                if applied := drain_all(using=using):
                    self.stdout.write(f"{applied:,} events applied")
                    self.stdout.flush()
            except BackendUnavailable:
                pass  # which the log was told about, once; what waits is applied when it is back
            except (DatabaseError, InterfaceError, StaleWriter) as error:
                self.stderr.write(f"{type(error).__name__}: {error}")
                connections[using].close()
            time.sleep(interval)
            close_old_connections()


def _stop(*_signal: object) -> NoReturn:
    """End here and now: a transaction that is broken off leaves its events in the outbox."""
    raise SystemExit(0)
