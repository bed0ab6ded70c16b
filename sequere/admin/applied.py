"""Whether each projection has applied an event."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.utils import quote
from django.utils.translation import gettext_lazy as _

from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.log.reading import latest_of
from sequere.log.streams import stream_of
from sequere.outbox.models import FAN_OUT, QueuedEvent
from sequere.outbox.parked import EVENT_SKIPPED
from sequere.outbox.queues import pipelines_of
from sequere.projections.registry import mode_of, projections

APPLIED = _("applied")
SKIPPED = _("skipped")
PENDING = _("pending")
BEHIND = _("pending, behind another event of its stream")
FAILED = _("failed, tried again later")
PARKED = _("parked")
REACHED = _("under way, %(number)s followers reached")


@dataclass(frozen=True, slots=True)
class Application:
    """How far a projection is with an event."""

    projection: str
    mode: str
    state: Any
    #: Its row in the outbox, or the one of the event that it waits behind.
    queued: QueuedEvent | None = None

    @property
    def quoted(self) -> str:
        """The projection as a part of an address."""
        return str(quote(self.projection))


_APPLIED = (APPLIED, None)


def applications(event: Event, using: str) -> Sequence[Application]:
    """How far each projection is with an event. 2 queries, and 1 for each that it waits for."""
    pipelines = {pipeline for name in projections() for pipeline in pipelines_of(name)}
    outbox = QueuedEvent.objects.using(using)
    waiting = {queued.pipeline: queued for queued in outbox.filter(pipeline__in=pipelines, event_id=event.pk)}
    traces = {pipeline: stream_of("queued", ResourceKey(pipeline, str(event.pk))) for pipeline in pipelines}
    latest = latest_of(traces.values(), using)
    states: dict[str, tuple[Any, QueuedEvent | None]] = {
        pipeline: (SKIPPED, None)
        for pipeline, stream in traces.items()
        if stream in latest and latest[stream].type == EVENT_SKIPPED
    }
    states |= {pipeline: _waiting(queued, using) for pipeline, queued in waiting.items()}
    return [
        Application(name, mode_of(name), *next((states[one] for one in pipelines_of(name) if one in states), _APPLIED))
        for name in projections()
    ]


def _waiting(queued: QueuedEvent, using: str) -> tuple[Any, QueuedEvent]:
    if queued.parked_at:
        return PARKED, queued
    if queued.attempts:
        return FAILED, queued
    if queued.pipeline == FAN_OUT:
        return REACHED % {"number": queued.reached}, queued
    before = QueuedEvent.objects.using(using).filter(
        pipeline=queued.pipeline, stream=queued.stream, event_id__lt=queued.event_id
    )
    obstacle = before.failed().order_by("event_id").first()
    return (BEHIND, obstacle) if obstacle else (PENDING, queued)
