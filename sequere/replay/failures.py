"""What a rebuild leaves out: the keys whose events cannot be applied. An operator finds these events parked."""

import logging
from collections.abc import Mapping

from django.db import models

from sequere.exceptions import RecordingInReplay, shown
from sequere.log.models import Event
from sequere.outbox.drain import INFRASTRUCTURE, park
from sequere.outbox.queues import projectors_of, queue_of
from sequere.projections.projector import LevelTriggeredProjector
from sequere.projections.reconciler import Cursor, KeySource, Page, Reconciler
from sequere.replay.models import Rebuild, Slice
from sequere.replay.subjects import Reapplication

_logger = logging.getLogger("sequere")

#: Errors of servers, and of projectors that must not record: never an event's fault.
NOT_OF_EVENTS = (*INFRASTRUCTURE, RecordingInReplay)
#: What a damaged row may have that cannot be read. The rest is needed to park it.
_UNREADABLE = ("occurred_at", "recorded_at", "data", "metadata")

#: A key: it is the only one behind a cursor, and not behind another one.
Span = tuple[Cursor | None, Cursor | None]


def number_left_out(rebuild: Rebuild, using: str) -> int:
    """How many keys a rebuild in progress has left out. 1 query."""
    slices = Slice.objects.using(using).filter(rebuild=rebuild.pk)
    return int(slices.aggregate(number=models.Sum("failed", default=0))["number"])


def leave_out(name: str, reconciler: Reconciler, keys: KeySource, span: Span, error: Exception, using: str) -> Page:
    """Name a key at which the comparison fails, and park the event that it comes from; returns its page.

    A projector that goes event by event applies all others about the subject.
    """
    page, comparison = keys.page(*span, using), reconciler.comparison
    if isinstance(comparison, Reapplication):
        failed: Mapping[Event, Exception] = comparison.apply_each(page.keys, using)
    else:
        event_id = keys.first_event(*span, using)
        failed = dict.fromkeys(Event.objects.using(using).defer(*_UNREADABLE).filter(pk=event_id or 0), error)
    if not failed:
        _logger.error("%s: %s behind %s left out, %s", name, reconciler.name, span[0], named_error(error))
    queue = queue_of(name)
    others = [projector for projector in projectors_of(queue) if projector.name != name]
    for event, reason in failed.items():
        if all(isinstance(other, LevelTriggeredProjector) for other in others):
            park(queue, event, reason, using, others_wait=isinstance(comparison, Reapplication))
        else:  # another one would get it twice
            _logger.error("%s: event %s left out, %s", name, event.pk, named_error(reason))
    return page


def named_error(error: Exception) -> str:
    """An error as reports and logs show it."""
    return f"{type(error).__name__}: {shown(error)}"
