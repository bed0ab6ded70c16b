"""The common part of the commands about failed events: the choice of events."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import router

from sequere.log.models import Event
from sequere.management.projections import ProjectionsCommand
from sequere.outbox.models import QueuedEvent, QueuedEventQuerySet
from sequere.outbox.queues import fan_out_queue_of, queues_of
from sequere.projections.registry import projection, projections


class FailedEventsCommand(ProjectionsCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("events", nargs="*", type=int, help="Ids of failed events.")
        parser.add_argument("--all", action="store_true", help="All failed events.")
        parser.add_argument("--projection", help="Only the failed events of this projection.")

    def failed(self, options: dict[str, Any]) -> QueuedEventQuerySet:
        """The events that the options select. Raises CommandError if there are none, UnknownProjection."""
        if bool(options["events"]) == options["all"]:
            raise CommandError("Give ids of failed events, or --all.")
        failed = QueuedEvent.objects.using(router.db_for_write(Event)).failed()
        if name := options["projection"]:
            # A projection that the settings no longer name may have some.
            is_known = name in projections()
            failed = failed.filter(queue__in=queues_of(name) if is_known else [name, fan_out_queue_of(name)])
            if not failed.exists():
                projection(name)
        if not options["all"]:
            found = failed.filter(event_id__in=options["events"])
            missing = sorted({*options["events"]} - {*found.values_list("event_id", flat=True)})
            if missing:
                raise CommandError(f"Not among the failed events: {', '.join(map(str, missing))}.")
            failed = found
        return failed
