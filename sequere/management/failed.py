"""What the commands about failed events have in common: which events are meant."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import router

from sequere.log.models import Event
from sequere.management.projections import ProjectionsCommand
from sequere.outbox.models import QueuedEvent, QueuedEventQuerySet
from sequere.outbox.queues import pipelines_of
from sequere.projections.registry import projection


class FailedEventsCommand(ProjectionsCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("events", nargs="*", type=int, help="Ids of events that have failed.")
        parser.add_argument("--all", action="store_true", help="All events that have failed.")
        parser.add_argument("--projection", help="Only those that wait for this one.")

    def failed(self, options: dict[str, Any]) -> QueuedEventQuerySet:
        """The events that the caller means. Raises CommandError if there are none,
        UnknownProjection."""
        if bool(options["events"]) == options["all"]:
            raise CommandError("Give the ids of events, or --all.")
        failed = QueuedEvent.objects.using(router.db_for_write(Event)).failed()
        if name := options["projection"]:
            failed = failed.filter(pipeline__in=pipelines_of(name))
            if not failed.exists():  # also of one that the settings no longer name
                projection(name)
        if not options["all"]:
            found = failed.filter(event_id__in=options["events"])
            missing = sorted({*options["events"]} - {*found.values_list("event_id", flat=True)})
            if missing:
                raise CommandError(f"Not among the failed events: {', '.join(map(str, missing))}.")
            failed = found
        return failed
