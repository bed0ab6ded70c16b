"""Instrumentation of the outbox: signals and log records, sent by decorators around the steps of a drain.

Nothing is measured without a listener. Everything is sent after the commit, so it is true; only failures are also
logged at once.
"""

import logging
from collections.abc import Callable, Sequence
from functools import wraps
from time import monotonic
from typing import Protocol, TypeVar

from django.dispatch import Signal

from sequere.log.models import Event
from sequere.outbox.models import QueuedEvent
from sequere.projections.projector import Chunk, Projector
from sequere.signals import events_projected, fan_out_advanced, projection_failed
from sequere.sql.commits import after_commit

_logger = logging.getLogger("sequere")

#: Applies events for a queue; raises what a projector raises.
ApplicationStep = Callable[[str, Sequence[Event], Sequence[Projector], str], None]
#: Notes that an event has failed.
FailureStep = Callable[[QueuedEvent, Event, Exception, str], None]


class FanOutInProgress(Protocol):
    """An event on its way to many followers."""

    @property
    def queue(self) -> str:
        """The queue in which it waits for its next step."""

    @property
    def event_id(self) -> int: ...
    @property
    def reached(self) -> int:
        """How many followers were reached before."""


FanOutT = TypeVar("FanOutT", bound=FanOutInProgress)
HowT = TypeVar("HowT")
ChunkT = TypeVar("ChunkT", bound=Chunk | None)


def applications(step: ApplicationStep) -> ApplicationStep:
    """Send `events_projected` for the events that a step has applied."""

    @wraps(step)
    def observed(queue: str, events: Sequence[Event], projectors: Sequence[Projector], using: str) -> None:
        started = monotonic()
        step(queue, events, projectors, using)
        if not _is_heard(events_projected):
            return
        seconds = monotonic() - started

        def tell() -> None:
            lag, event_ids = max(event.age for event in events), [event.pk for event in events]
            _log(f"has applied {len(events)} events", queue, event_ids, seconds=seconds, lag=lag)
            events_projected.send_robust(
                QueuedEvent, queue=queue, events=tuple(events), seconds=seconds, lag=lag, using=using
            )

        after_commit(tell, using)

    return observed


def failures(step: FailureStep) -> FailureStep:
    """Log that an event has failed, and send `projection_failed`."""

    @wraps(step)
    def observed(queued: QueuedEvent, event: Event, error: Exception, using: str) -> None:
        step(queued, event, error, using)
        is_parked, attempts = queued.parked_at is not None, queued.attempts
        about = {"queue": queued.queue, "event_ids": [event.pk], "event_type": event.type, "attempts": attempts}
        if is_parked:
            _logger.error("%s has failed %s times and is parked: %s", queued, attempts, queued.error, extra=about)
        else:
            again = queued.retry_at
            _logger.warning("%s failed, %s; it is tried again at %s", queued, queued.error, again, extra=about)
        if not projection_failed.has_listeners(QueuedEvent):
            return

        def tell() -> None:
            projection_failed.send_robust(
                QueuedEvent,
                queue=queued.queue,
                event=event,
                error=error,
                attempts=attempts,
                is_parked=is_parked,
                using=using,
            )

        after_commit(tell, using)

    return observed


def fan_outs(step: Callable[[FanOutT, HowT, str], ChunkT]) -> Callable[[FanOutT, HowT, str], ChunkT]:
    """Send `fan_out_advanced` for the followers that a step has reached, unless it was none."""

    @wraps(step)
    def observed(fan_out: FanOutT, how: HowT, using: str) -> ChunkT:
        started = monotonic()
        before = fan_out.reached
        chunk = step(fan_out, how, using)
        if chunk is None or not _is_heard(fan_out_advanced):
            return chunk
        seconds, queue, event_id = monotonic() - started, fan_out.queue, fan_out.event_id

        def tell() -> None:
            reached, is_finished = before + chunk.reached, chunk.cursor is None
            what = f"has reached {reached} followers{', all of them,' if is_finished else ''}"
            _log(what, queue, [event_id], seconds=seconds, reached=reached)
            fan_out_advanced.send_robust(
                QueuedEvent,
                queue=queue,
                event_id=event_id,
                followers=chunk.reached,
                reached=reached,
                is_finished=is_finished,
                seconds=seconds,
                using=using,
            )

        after_commit(tell, using)
        return chunk

    return observed


def _is_heard(signal: Signal) -> bool:
    return signal.has_listeners(QueuedEvent) or _logger.isEnabledFor(logging.DEBUG)


def _log(what: str, queue: str, event_ids: Sequence[int], **figures: float) -> None:
    about = {"queue": queue, "event_ids": event_ids, **figures}
    _logger.debug("%s %s in %.3f s: %s", queue, what, figures["seconds"], event_ids, extra=about)
