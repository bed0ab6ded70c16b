"""manage.py run_projections: apply the pending events of the outbox."""

import signal
import time
from argparse import ArgumentTypeError
from typing import Any, NoReturn

from django.core.management.base import CommandParser
from django.db import DatabaseError, InterfaceError, close_old_connections, connections, router
from django.utils.translation import gettext as _

from sequere.exceptions import BackendUnavailable, ReadModelLost, StaleWriter
from sequere.log.models import Event
from sequere.management.failed import end_with_failed
from sequere.management.projections import ProjectionsCommand
from sequere.outbox.drain import drain_all
from sequere.outbox.models import QueuedEvent
from sequere.outbox.queues import known_queues

#: Seconds: a day.
LONGEST = 24 * 60 * 60
ONCE = "Exit when no event can be applied now. Exit status 1, and a list, if some have failed."


class Command(ProjectionsCommand):
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
        using = router.db_for_write(Event)
        if once:
            self.stdout.write(f"{drain_all(using=using):,} events applied")
            if (failed := QueuedEvent.objects.using(using).filter(queue__in=known_queues()).failed()).exists():
                end_with_failed(self, failed, "have failed and wait")
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stop)
        trouble = ""
        while True:
            try:
                if applied := drain_all(using=using):
                    self.stdout.write(f"{applied:,} events applied")
                    self.stdout.flush()
                if trouble:
                    self.stderr.write("The outbox can be drained again.")
                    trouble = ""
            except (BackendUnavailable, ReadModelLost):
                pass  # logged once by the backend; pending events are applied when the server is back, or rebuilt
            except (DatabaseError, InterfaceError, StaleWriter) as error:
                if trouble != (trouble := f"{type(error).__name__}: {error}"):  # once for each kind of trouble
                    self.stderr.write(trouble)
                connections[using].close()
            time.sleep(interval)
            close_old_connections()


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
