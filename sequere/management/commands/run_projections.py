"""manage.py run_projections: apply the pending events of the outbox."""

import signal
import time
from argparse import ArgumentTypeError
from contextlib import suppress
from typing import Any, NoReturn

from django.core.management.base import CommandParser
from django.db import DatabaseError, InterfaceError, close_old_connections, connections, router
from django.utils.translation import gettext as _

from sequere.exceptions import BackendException, BackendUnavailable, ReadModelLost, StaleWriter
from sequere.log.models import Event
from sequere.management.failed import write_first_failed
from sequere.management.projections import ProjectionsCommand
from sequere.outbox.drain import drain_all
from sequere.outbox.models import QueuedEvent
from sequere.outbox.queues import known_queues
from sequere.tenants import at_tenant, tenants_here

#: Seconds: a day.
LONGEST = 24 * 60 * 60
ONCE = "Exit when no event can be applied now. Exit status 1, and a list, if some have failed."


class Command(ProjectionsCommand):
    is_for_all_tenants = True
    help = "Apply the pending events of the outbox, until SIGTERM or Ctrl-C. Any number of processes can run it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--once",
            action="store_true",
            help=ONCE,
        )
        parser.add_argument(
            "--interval", type=seconds, default=1.0, help="Seconds between two checks of the outbox, 1 by default."
        )

    def handle(self, *, once: bool, interval: float, **options: Any) -> None:
        here = tenants_here()
        if once:
            failed = [tenant for tenant in here if self._drain_once(tenant)]
            if failed:
                raise SystemExit(1)
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stop)
        troubles: dict[str | None, str] = {}
        while True:
            for tenant in here:
                self._drain(tenant, troubles)
            time.sleep(interval)
            close_old_connections()
            with suppress(DatabaseError, InterfaceError):  # told of below, if it is that of the log
                here = tenants_here()

    def _drain_once(self, tenant: str | None) -> bool:
        """Returns whether some events have failed, or could not be applied: then the other tenants have their turn."""
        with at_tenant(tenant):
            using = router.db_for_write(Event)
            try:
                applied = drain_all(using=using)
            except (BackendException, DatabaseError) as error:
                if tenant is None:
                    raise
                self.stderr.write(f"{_of(tenant)}{error}")
                return True
            self.stdout.write(f"{_of(tenant)}{applied:,} events applied")
            failed = QueuedEvent.objects.using(using).filter(queue__in=known_queues()).failed()
            if is_some := failed.exists():
                write_first_failed(self, failed, "have failed and wait")
            return is_some

    def _drain(self, tenant: str | None, troubles: dict[str | None, str]) -> None:
        with at_tenant(tenant):
            using = router.db_for_write(Event)
            try:
                if applied := drain_all(using=using):
                    self.stdout.write(f"{_of(tenant)}{applied:,} events applied")
                    self.stdout.flush()
                if troubles.pop(tenant, ""):
                    self.stderr.write(f"{_of(tenant)}The outbox can be drained again.")
            except (BackendUnavailable, ReadModelLost):
                pass  # logged once by the backend; pending events are applied when the server is back, or rebuilt
            except (DatabaseError, InterfaceError, StaleWriter) as error:
                trouble = f"{type(error).__name__}: {error}"
                if troubles.get(tenant) != trouble:  # once for each kind of trouble
                    troubles[tenant] = trouble
                    self.stderr.write(f"{_of(tenant)}{trouble}")
                connections[using].close()


def _of(tenant: str | None) -> str:
    """How a line about a tenant begins."""
    return "" if tenant is None else f"{tenant}: "


def seconds(text: str) -> float:
    """A pause above 0: without one, the loop would use a whole processor."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= LONGEST:
        raise ArgumentTypeError(_("give a number of seconds above 0, such as 0.5"))
    return value


def _stop(*_: object) -> NoReturn:
    """End at once: an interrupted transaction leaves its events in the outbox."""
    raise SystemExit(0)
