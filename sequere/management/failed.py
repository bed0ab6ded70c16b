"""The common part of the commands about failed events: the choice of events, and what is said of them."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import router

from sequere.log.models import Event
from sequere.management.projections import ProjectionsCommand
from sequere.management.tables import write_table
from sequere.outbox.models import QueuedEvent, QueuedEventQuerySet
from sequere.outbox.queues import former_queues_of, queues_of
from sequere.projections.registry import projection, projections

#: Failed events that a command names which was asked for something else.
NAMED = 20
#: What is said of each.
COLUMNS = ("id", "queue", "event", "attempts", "next", "error")


class FailedEventsCommand(ProjectionsCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("events", nargs="*", type=int, help="Ids of failed events.")
        parser.add_argument("--all", action="store_true", help="All failed events.")
        parser.add_argument("--projection", help="Only the failed events of this projection.")

    def failed(self, options: dict[str, Any]) -> QueuedEventQuerySet:
        """The events that the options select. Raises CommandError if there are none, UnknownProjection."""
        if bool(options["events"]) == options["all"]:
            raise self.wrong_argument("Give ids of failed events, or --all.")
        failed = QueuedEvent.objects.using(router.db_for_write(Event)).failed()
        if name := options["projection"]:
            # A projection that the settings no longer name may have some.
            is_known = name in projections()
            failed = failed.filter(queue__in=queues_of(name) if is_known else former_queues_of(name))
            if not failed.exists():
                projection(name)
        if not options["all"]:
            found = failed.filter(event_id__in=options["events"])
            missing = sorted({*options["events"]} - {*found.values_list("event_id", flat=True)})
            if missing:
                raise self.wrong_argument(f"Not among the failed events: {', '.join(map(str, missing))}.")
            failed = found
        return failed


def write_failed(command: BaseCommand, failed: QueuedEventQuerySet) -> None:
    """Write a table of failed events, in the order of the log."""
    write_table(command, COLUMNS, [[str(value) for value in described(one).values()] for one in failed])


def write_first_failed(command: BaseCommand, failed: QueuedEventQuerySet, what: str) -> None:
    """Name the first of some failed events."""
    number = failed.count()
    command.stdout.write(command.style.WARNING(f"{number:,} {what}: see show_projections --failed"))
    for one in in_order(failed)[:NAMED]:
        command.stdout.write(f"  event {one.event_id} ({one.event}) in {one.queue}, {_next(one)}: {one.error}")
    if number > NAMED:
        command.stdout.write("  …")


def described(queued: QueuedEvent) -> dict[str, Any]:
    """What is said of a failed event."""
    values = (queued.event_id, queued.queue, str(queued.event), queued.attempts, _next(queued), queued.error)
    return dict(zip(COLUMNS, values, strict=True))


def in_order(failed: QueuedEventQuerySet) -> QueuedEventQuerySet:
    """Failed events in the order of the log, with their events."""
    return failed.select_related("event").order_by("event_id", "queue")


def _next(queued: QueuedEvent) -> str:
    """What becomes of a failed event."""
    if queued.parked_at:
        return f"parked since {queued.parked_at:%Y-%m-%d %H:%M:%S}"
    return f"tried again at {queued.retry_at:%Y-%m-%d %H:%M:%S}"
