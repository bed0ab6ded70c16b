"""Telling others how the outbox gets on: signals and a log, around the steps of a drain and not in them.

Nothing is measured that nobody listens to. What is told is true: it waits for the commit, except that of a failure the
log of the site hears at once.
"""

import logging
from collections.abc import Callable, Sequence
from functools import wraps
from time import monotonic
from typing import Protocol, TypeVar

from django.db import transaction
from django.dispatch import Signal

from sequere.log.models import Event
from sequere.outbox.models import FAN_OUT, QueuedEvent
from sequere.projections.projector import Chunk, Projector
from sequere.signals import events_projected, fan_out_advanced, projection_failed

logger = logging.getLogger("sequere")

#: Applies events for a pipeline; raises what a projector raises.
Application = Callable[[str, Sequence[Event], Sequence[Projector], str], None]
#: Notes that an event has failed.
Failure = Callable[[QueuedEvent, Event, Exception, str], None]


class FanOut(Protocol):
    """What has many followers to reach."""

    @property
    def event_id(self) -> int: ...
    @property
    def reached(self) -> int:
        """How many have been reached before."""


FanOutT = TypeVar("FanOutT", bound=FanOut)
HowT = TypeVar("HowT")


def applications(step: Application) -> Application:
    """Send `events_projected` for what a step has applied."""

    @wraps(step)
    def observed(pipeline: str, events: Sequence[Event], projectors: Sequence[Projector], using: str) -> None:
        started = monotonic()
        step(pipeline, events, projectors, using)
        if not _is_heard(events_projected):
            return
        seconds = monotonic() - started

        def tell() -> None:
            lag, event_ids = max(event.age for event in events), [event.pk for event in events]
            _log(f"has applied {len(events)} events", pipeline, event_ids, seconds=seconds, lag=lag)
            events_projected.send_robust(
                QueuedEvent, pipeline=pipeline, events=tuple(events), seconds=seconds, lag=lag, using=using
            )

        transaction.on_commit(tell, using=using, robust=True)

    return observed


def failures(step: Failure) -> Failure:
    """Log that an event has failed, and send `projection_failed`."""

    @wraps(step)
    def observed(queued: QueuedEvent, event: Event, error: Exception, using: str) -> None:
        step(queued, event, error, using)
        is_parked, attempts = queued.parked_at is not None, queued.attempts
        about = {"pipeline": queued.pipeline, "event_ids": [event.pk], "event_type": event.type, "attempts": attempts}
        if is_parked:
            logger.error("%s has failed %s times and is parked: %s", queued, attempts, queued.error, extra=about)
        else:
            again = queued.retry_at
            logger.warning("%s failed, %s; it is tried again at %s", queued, queued.error, again, extra=about)
        if not projection_failed.has_listeners(QueuedEvent):
            return

        def tell() -> None:
            projection_failed.send_robust(
                QueuedEvent,
                pipeline=queued.pipeline,
                event=event,
                error=error,
                attempts=attempts,
                is_parked=is_parked,
                using=using,
            )

        transaction.on_commit(tell, using=using, robust=True)

    return observed


def fan_outs(step: Callable[[FanOutT, HowT, str], Chunk]) -> Callable[[FanOutT, HowT, str], Chunk]:
    """Send `fan_out_advanced` for the followers that a step has reached."""

    @wraps(step)
    def observed(fan_out: FanOutT, how: HowT, using: str) -> Chunk:
        started = monotonic()
        event_id, before = fan_out.event_id, fan_out.reached
        chunk = step(fan_out, how, using)
        if not _is_heard(fan_out_advanced):
            return chunk
        seconds = monotonic() - started

        def tell() -> None:
            reached, is_finished = before + chunk.reached, chunk.cursor is None
            what = f"has reached {reached} followers{', all of them,' if is_finished else ''}"
            _log(what, FAN_OUT, [event_id], seconds=seconds, reached=reached)
            fan_out_advanced.send_robust(
                QueuedEvent,
                event_id=event_id,
                followers=chunk.reached,
                reached=reached,
                is_finished=is_finished,
                seconds=seconds,
                using=using,
            )

        transaction.on_commit(tell, using=using, robust=True)
        return chunk

    return observed


def _is_heard(signal: Signal) -> bool:
    return signal.has_listeners(QueuedEvent) or logger.isEnabledFor(logging.DEBUG)


def _log(what: str, pipeline: str, event_ids: Sequence[int], **figures: float) -> None:
    about = {"pipeline": pipeline, "event_ids": event_ids, **figures}
    logger.debug("%s %s in %.3f s: %s", pipeline, what, figures["seconds"], event_ids, extra=about)
