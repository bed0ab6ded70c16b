"""The outbox: events that a projection has not applied yet, and how they are applied in the end.

A projection that is not inline leaves a row here in the transaction of each event. Whoever drains holds the row of a
shard, so the changes around one subject are applied by one worker at a time, in the order of the log; the lock ends
with its transaction, whatever becomes of the process.

An event that concerns more followers than one transaction should reach waits once more, as a fan-out: each step of it
is a transaction of its own, and stores where the next one begins. Newer events go on between two steps.
"""

import traceback
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from time import monotonic
from typing import cast
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from sequere import observing, waiting
from sequere.base import ResourceKey
from sequere.due import done, due, lock_shards, overdue_shards, shards_to_drain, shards_with_older
from sequere.events import TYPES, Event, record
from sequere.exceptions import BackendException, BackendUnavailable, StaleWriter
from sequere.pipelines import (
    FANNED_OUT,
    is_for_celery,
    known_pipelines,
    pipeline_of,
    projectors_of,
    shard_around,
    shard_of,
)
from sequere.projectors import Chunk, LevelTriggeredProjector, Projector, is_queued, projection, projections
from sequere.queued import FAN_OUT, QueuedEvent, QueuedEventQuerySet
from sequere.resources import lock
from sequere.rows import insert
from sequere.signals import events_queued

EVENT_RETRIED = "event_retried"
EVENT_SKIPPED = "event_skipped"
TYPES.update({EVENT_RETRIED, EVENT_SKIPPED})

#: An event that has failed so often is parked; until then the time to the next attempt doubles, from 2 seconds.
MAX_ATTEMPTS = 5
#: Seconds for which a worker of Celery drains a shard before others have their turn.
TURN = 0.25

COLUMNS = ("pipeline", "event_id", "shard", "stream", "attempts", "error", "traceback")


def queue(events: Sequence[Event], using: str) -> None:
    """Let the events wait for every projection that is not inline; 1 statement, none if all are inline.

    After the commit they are drained, or the workers of Celery are told, 1 query.
    """
    pipelines = {pipeline_of(name) for name in projections() if is_queued(name)}
    if not pipelines:
        return
    rows = [
        (pipeline, event.pk, shard_of(pipeline, event), event.stream, 0, "", "")
        for pipeline in sorted(pipelines)
        for event in events
    ]
    insert(QueuedEvent, COLUMNS, rows, using)
    shards: dict[str, set[int]] = defaultdict(set)
    for pipeline, _event, shard, *_rest in rows:
        shards[pipeline].add(shard)
    _after_commit(shards, [event.pk for event in events], using)


def queue_fan_out(event_id: int, stream: UUID, subject: ResourceKey, chunk: Chunk, using: str) -> None:
    """Let a projector go on after the commit with what `chunk` has begun: with `fan_out()`, step by step.

    1 statement. One that waits already goes on from where it is. The resources of the event are locked.
    """
    shard = shard_around(subject)
    row = (FAN_OUT, event_id, shard, stream, chunk.cursor, chunk.reached, 0, "", "")
    columns = ("pipeline", "event_id", "shard", "stream", "cursor", "reached", "attempts", "error", "traceback")
    insert(QueuedEvent, columns, [row], using, suffix="ON CONFLICT DO NOTHING")
    _after_commit({FAN_OUT: {shard}}, [event_id], using)


def end_fan_outs(event_ids: Collection[int], using: str) -> None:
    """What these events have begun is not to be done any more. 1 statement, none for no events."""
    if event_ids:
        QueuedEvent.objects.using(using).filter(pipeline=FAN_OUT, event_id__in=event_ids).delete()


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


def sweep(using: str) -> None:
    """Tell the workers of Celery what waits for so long that somebody must have died before he could. 1 query for each
    pipeline."""
    for pipeline in known_pipelines():
        _tell_celery(pipeline, overdue_shards(pipeline, using), using)


def retry(failed: QueuedEventQuerySet) -> int:
    """Apply events that have failed once more, and what waits behind them; returns how many of those that had failed
    were applied.

    Leaves an `event_retried` in the log for each.
    """
    with transaction.atomic(using=failed.db):
        again = _decided(failed, EVENT_RETRIED)
        number = sum(rows.update(attempts=0, retry_at=None, parked_at=None) for rows in again.values())
    # Not what the drains say: after the commit another one may have been first, and the traces are events as well.
    for pipeline in again:
        drain(pipeline, using=failed.db, wait=True)
    return number - sum(rows.count() for rows in again.values())


def skip(failed: QueuedEventQuerySet) -> int:
    """Give up applying events that have failed; returns how many. Leaves an `event_skipped` in the log for each."""
    with transaction.atomic(using=failed.db):
        return sum(rows.delete()[0] for rows in _decided(failed, EVENT_SKIPPED).values())


def _decided(failed: QueuedEventQuerySet, decision: str) -> dict[str, QueuedEventQuerySet]:
    """The rows of failed events by their pipelines, after the log was told what an operator has decided about them.

    It is told of all at once, so that their resources are locked in one order, whatever that of the events is.
    """
    event_ids: dict[str, list[int]] = defaultdict(list)
    queued = _locked(failed)
    record([one.trace(decision) for one in queued])
    for one in queued:
        event_ids[one.pipeline].append(one.event_id)
    rows = QueuedEvent.objects.using(failed.db)
    return {name: rows.filter(pipeline=name, event_id__in=ids) for name, ids in sorted(event_ids.items())}


def _locked(failed: QueuedEventQuerySet) -> list[QueuedEvent]:
    """Failed events that nobody else retries or drains meanwhile."""
    shards = failed.order_by().values_list("pipeline", "shard").distinct()
    numbers: dict[str, set[int]] = defaultdict(set)
    for pipeline, number in shards:
        numbers[pipeline].add(number)
    for pipeline in sorted(numbers):
        lock_shards(pipeline, numbers[pipeline], failed.db, wait=True)
    found = failed.failed().select_related("event").order_by("event_id")
    # One may have failed meanwhile, in another shard.
    return [queued for queued in found if queued.shard in numbers[queued.pipeline]]


def hold(pipeline: str, using: str) -> None:
    """Until the end of the transaction, nobody drains the pipeline of a projector of the host."""
    lock_shards(pipeline, {0}, using, wait=True)


def forget(pipeline: str, subjects: Iterable[ResourceKey], using: str) -> None:
    """Drop the events with these subjects, which were applied from the log."""
    events = Event.objects.using(using).about(subjects)
    QueuedEvent.objects.using(using).filter(pipeline=pipeline, event_id__in=events.values("pk")).delete()


def _after_commit(shards: Mapping[str, set[int]], event_ids: Sequence[int], using: str) -> None:
    """See to events that have just been queued, when everybody can see them."""

    # Not a partial: Django asks for the name of one that fails.
    def see_to_them() -> None:
        for pipeline, numbers in shards.items():
            if pipeline != FAN_OUT:
                waiting.note(pipeline, event_ids, using)
            if is_for_celery(pipeline):
                # Whoever left an older event there has told Celery, and who has just applied it looks again after he
                # has given the lock back: so a thousand events do not make a thousand tasks.
                _tell_celery(pipeline, numbers - shards_with_older(pipeline, event_ids[0], using), using)
                continue
            with suppress(BackendUnavailable):  # which the log was told about; the events wait
                drain(pipeline, numbers, using=using, wait=True)

    transaction.on_commit(see_to_them, using=using, robust=True)


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


@observing.applications
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


@observing.fan_outs
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


@observing.failures
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
