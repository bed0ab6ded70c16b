"""Whether each projection has applied an event."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.utils import quote
from django.utils.translation import gettext_lazy as _

from sequere.log.models import Event
from sequere.log.reading import latest_of
from sequere.outbox.models import QueuedEvent
from sequere.outbox.parked import EventSkipped, trace_stream
from sequere.outbox.queues import is_fan_out, queues_of
from sequere.projections.registry import mode_of, projections

_APPLIED = _("applied")
_SKIPPED = _("skipped")
_PENDING = _("pending")
_BEHIND = _("pending, behind another event of its stream")
_FAILED = _("failed, will be retried")
_PARKED = _("parked")
_REACHED = _("in progress, %(number)s followers reached")


@dataclass(frozen=True, slots=True)
class AppliedState:
    """Whether a projection has applied an event."""

    projection: str
    mode: str
    state: Any
    #: The event's row in the outbox, or the row of the event that it waits behind.
    queued: QueuedEvent | None = None

    @property
    def quoted(self) -> str:
        """The projection, quoted for a URL."""
        return str(quote(self.projection))


def applied_states(event: Event, using: str) -> Sequence[AppliedState]:
    """Whether each projection has applied an event. 2 queries, and 1 for each that has not."""
    queues = {queue for name in projections() for queue in queues_of(name)}
    outbox = QueuedEvent.objects.using(using)
    waiting = {queued.queue: queued for queued in outbox.filter(queue__in=queues, event_id=event.pk)}
    traces = {queue: trace_stream(queue, event.pk) for queue in queues}
    latest = latest_of(traces.values(), using)
    states: dict[str, tuple[Any, QueuedEvent | None]] = {
        queue: (_SKIPPED, None)
        for queue, stream in traces.items()
        if stream in latest and latest[stream].type == EventSkipped.name
    }
    states |= {queue: _waiting(queued, using) for queue, queued in waiting.items()}
    applied = (_APPLIED, None)
    return [
        AppliedState(name, mode_of(name), *next((states[one] for one in queues_of(name) if one in states), applied))
        for name in projections()
    ]


def _waiting(queued: QueuedEvent, using: str) -> tuple[Any, QueuedEvent]:
    if queued.parked_at:
        return _PARKED, queued
    if queued.attempts:
        return _FAILED, queued
    if is_fan_out(queued.queue):
        return _REACHED % {"number": queued.reached}, queued
    before = QueuedEvent.objects.using(using).filter(
        queue=queued.queue, stream=queued.stream, event_id__lt=queued.event_id
    )
    obstacle = before.failed().order_by("event_id").first()
    return (_BEHIND, obstacle) if obstacle else (_PENDING, queued)
