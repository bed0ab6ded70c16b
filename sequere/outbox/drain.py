"""The outbox: events that a projection has not applied yet, and how they are applied in the end.

A projection that is not inline leaves a row here in the transaction of each event. Whoever drains holds the row of a
shard, so the changes around one subject are applied by one worker at a time, in the order of the log; the lock ends
with its transaction, whatever becomes of the process.

An event that concerns more followers than one transaction should reach waits once more, as a fan-out: each step of it
is a transaction of its own, and stores where the next one begins. Newer events go on between two steps.
"""

import traceback
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from time import monotonic
from typing import cast
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from sequere.base import ResourceKey
from sequere.exceptions import BackendException, StaleWriter
from sequere.log.locks import lock
from sequere.log.models import Event
from sequere.outbox import instrumentation
from sequere.outbox.models import FAN_OUT, QueuedEvent
from sequere.outbox.queues import (
    FANNED_OUT,
    is_for_celery,
    known_pipelines,
    projectors_of,
)
from sequere.outbox.shards import done, due, lock_shards, overdue_shards, shards_to_drain
from sequere.projections.projector import Chunk, LevelTriggeredProjector, Projector
from sequere.projections.registry import projection
from sequere.signals import events_queued

#: An event that has failed so often is parked; until then the time to the next attempt doubles, from 2 seconds.
MAX_ATTEMPTS = 5

#: Seconds for which a worker of Celery drains a shard before others have their turn.
TURN = 0.25


def drain(
    pipeline: str,
    shards: Collection[int] | None = None,
    *,
    using: str,
    wait: bool = False,
    seconds: float | None = None,
) -> int:
    """Apply what waits in some shards of a pipeline, all of them by default; returns how many events were applied.

    A shard that somebody else drains is left to him, or waited for with `wait`. Every 500 events are a transaction, and
    every step of a fan-out. An event that fails is tried again later, and then parked; what is behind it in its stream
    waits, all else goes on. What was left in other shards for long is applied, too. After some `seconds` the rest is
    left to the workers of Celery, and without them what others have recorded for them meanwhile, however fast they
    are. Raises UnknownProjection.
    """
    started = monotonic()
    projectors = projectors_of(pipeline)
    asked_for = None if shards is None else {*shards}
    applied = 0
    # Who waits has just left something there.
    numbers = asked_for if asked_for and wait else shards_to_drain(pipeline, asked_for, using)
    while numbers:
        waits = wait and (asked_for is None or numbers <= asked_for)
        held, more, is_all = _turn(pipeline, numbers, projectors, using, wait=waits)
        applied += more
        # Who came while the lock was held waits for it, but if Celery was told: then he has left his events to us.
        if not held or (is_all and not is_for_celery(pipeline)):
            break
        numbers = shards_to_drain(pipeline, asked_for, using)
        if numbers and (is_all if seconds is None else monotonic() - started > seconds):
            _tell_celery(pipeline, numbers, using)
            break
    return applied


def drain_all(*, using: str) -> int:
    """Drain every pipeline; returns how many events were applied."""
    return sum(drain(pipeline, using=using) for pipeline in known_pipelines())


def sweep_queues(using: str) -> None:
    """Tell the workers of Celery what waits for so long that somebody must have died before he could. 1 query for each
    pipeline."""
    for pipeline in known_pipelines():
        _tell_celery(pipeline, overdue_shards(pipeline, using), using)


def hold(pipeline: str, using: str) -> None:
    """Until the end of the transaction, nobody drains the pipeline of a projector of the host."""
    lock_shards(pipeline, {0}, using, wait=True)


def forget(pipeline: str, subjects: Iterable[ResourceKey], using: str) -> None:
    """Drop the events with these subjects, which were applied from the log."""
    events = Event.objects.using(using).about(subjects)
    QueuedEvent.objects.using(using).filter(pipeline=pipeline, event_id__in=events.values("pk")).delete()


def _tell_celery(pipeline: str, shards: set[int], using: str) -> None:
    if shards:
        events_queued.send_robust(sender=QueuedEvent, pipeline=pipeline, shards=shards, using=using)


#: A server is in trouble, not an event.
_TROUBLES = (OperationalError, InterfaceError, BackendException)


def _turn(
    pipeline: str, numbers: Collection[int], projectors: Sequence[Projector], using: str, *, wait: bool
) -> tuple[Collection[int], int, bool]:
    """Apply some of what is due in these shards, in one transaction, which begins again when somebody has overtaken it,
    and, more carefully, when an event fails. Returns the shards that were ours, how many events were applied, and
    whether it is known that there is nothing else to do."""
    overtaken, is_careful = 0, False
    while True:
        try:
            with transaction.atomic(using=using):
                held = lock_shards(pipeline, numbers, using, wait=wait)
                if not held:
                    return held, 0, False
                if pipeline == FAN_OUT:
                    return held, _go_on(held, using), False
                events, is_all = due(pipeline, held, using)
                return held, _apply(pipeline, events, projectors, using, is_careful=is_careful), is_all
        except StaleWriter:
            overtaken += 1
            if overtaken == MAX_ATTEMPTS:
                raise
        except _TROUBLES:
            raise
        except Exception:  # of an event: which one, is found out in savepoints
            if is_careful:
                raise
            is_careful = True


def _apply(
    pipeline: str, batch: Sequence[Event], projectors: Sequence[Projector], using: str, *, is_careful: bool
) -> int:
    """Apply the events of a batch; who is careful notes those that fail. Returns how many were applied."""
    if not batch:
        return 0
    lock({key for projector in projectors for event in batch for key in projector.resources(event)}, using)
    if is_careful:
        return _apply_what_can_be(pipeline, batch, projectors, using)[0]
    _apply_together(pipeline, batch, projectors, using)
    return len(batch)


def _apply_what_can_be(
    pipeline: str, batch: Sequence[Event], projectors: Sequence[Projector], using: str
) -> tuple[int, set[UUID]]:
    """Apply events together, or in halves if that fails; returns how many, and the streams that have come to a stop."""
    try:
        with transaction.atomic(using=using):
            _apply_together(pipeline, batch, projectors, using)
    except _TROUBLES:
        raise
    except Exception as error:  # noqa: BLE001  # whatever an event does to a projector
        if len(batch) == 1:
            waiting = QueuedEvent.objects.using(using)
            _note_failure(waiting.get(pipeline=pipeline, event_id=batch[0].pk), batch[0], error, using)
            return 0, {batch[0].stream}
    else:
        return len(batch), set()
    half = len(batch) // 2
    applied, failed = _apply_what_can_be(pipeline, batch[:half], projectors, using)
    if rest := [event for event in batch[half:] if event.stream not in failed]:
        more, also_failed = _apply_what_can_be(pipeline, rest, projectors, using)
        return applied + more, failed | also_failed
    return applied, failed


@instrumentation.applications
def _apply_together(pipeline: str, batch: Sequence[Event], projectors: Sequence[Projector], using: str) -> None:
    """Apply events, which wait no longer then."""
    for projector in projectors:
        projector.apply(batch, using=using)
    done(pipeline, batch, using)


def _go_on(shards: Collection[int], using: str) -> int:
    """One step of the fan-out that has reached the fewest in these shards; returns 1 if it was the last one, else 0."""
    waiting = QueuedEvent.objects.using(using).filter(pipeline=FAN_OUT)
    due = waiting.filter(shard__in=shards).due().order_by("reached", "event_id")
    if (queued := due.select_related("event").first()) is None:
        return 0
    projector = cast(LevelTriggeredProjector, projection(FANNED_OUT))
    lock(projector.resources(queued.event), using)
    # What it is about may be gone since.
    if not waiting.filter(event_id=queued.event_id).exists():
        return 0
    try:
        chunk = _reach_some(queued, projector, using)
    except _TROUBLES:
        raise
    except Exception as error:  # noqa: BLE001  # whatever an event does to a projector
        _note_failure(queued, queued.event, error, using)
        return 0
    return int(chunk.cursor is None)


@instrumentation.fan_outs
def _reach_some(queued: QueuedEvent, projector: LevelTriggeredProjector, using: str) -> Chunk:
    """Bring an event to some more followers, after the last of whom it waits no longer."""
    with transaction.atomic(using=using):
        chunk = projector.fan_out(queued.event, queued.cursor, using=using)
    waiting = QueuedEvent.objects.using(using).filter(pipeline=FAN_OUT, event_id=queued.event_id)
    if chunk.cursor is None:
        waiting.delete()
    else:
        reached = queued.reached + chunk.reached
        waiting.update(cursor=chunk.cursor, reached=reached, attempts=0, error="")
    return chunk


@instrumentation.failures
def _note_failure(queued: QueuedEvent, event: Event, error: Exception, using: str) -> None:
    now = timezone.now()
    queued.attempts += 1
    queued.error = f"{type(error).__name__}: {error}"
    queued.traceback = "".join(traceback.format_exception(error))
    if queued.attempts < MAX_ATTEMPTS:
        queued.retry_at = now + timedelta(seconds=2**queued.attempts)
    else:
        queued.retry_at, queued.parked_at = None, now
    queued.save(using=using, update_fields=["attempts", "retry_at", "parked_at", "error", "traceback"])
