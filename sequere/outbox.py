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
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from time import monotonic
from typing import Any, cast
from uuid import UUID

from django.db import InterfaceError, OperationalError, connections, transaction
from django.utils import timezone

from sequere import conf, observing, waiting
from sequere.backlog import Backlog, backlogs
from sequere.base import ResourceKey
from sequere.events import TYPES, Event, lifecycle, record
from sequere.exceptions import BackendException, BackendUnavailable, StaleWriter
from sequere.projectors import (
    PIPELINE,
    Chunk,
    LevelTriggeredProjector,
    Projector,
    is_queued,
    mode_of,
    projection,
    projections,
)
from sequere.queued import BUILT_IN, FAN_OUT, IS_DUE, QueuedEvent, QueuedEventQuerySet, Shard
from sequere.resources import lock
from sequere.rows import insert
from sequere.signals import events_queued
from sequere.upsert import on_conflict_lock

EVENT_RETRIED = "event_retried"
EVENT_SKIPPED = "event_skipped"
TYPES.update({EVENT_RETRIED, EVENT_SKIPPED})

#: The projection that the fan-outs belong to.
FANNED_OUT = PIPELINE[-1]
#: Workers that can apply the events of the built-in projections at the same time.
SHARDS = 64
#: Events applied in one transaction.
BATCH_SIZE = 500
#: An event that has failed so often is parked; until then the time to the next attempt doubles, from 2 seconds.
MAX_ATTEMPTS = 5
#: A shard whose oldest event waits for so long was left by its process; the next one that drains takes care of it.
OVERDUE = timedelta(seconds=10)
#: Seconds for which a worker of Celery drains a shard before others have their turn.
TURN = 0.25

COLUMNS = ("pipeline", "event_id", "shard", "stream", "attempts", "error", "traceback")
SHARD = ("pipeline", "number")


def pipeline_of(name: str) -> str:
    """Where the events of a projection wait at first."""
    return BUILT_IN if name in PIPELINE else name


def pipelines_of(name: str) -> list[str]:
    """All the places where the events of a projection may wait."""
    return [pipeline_of(name), *([FAN_OUT] if name == FANNED_OUT else [])]


def known_pipelines() -> list[str]:
    """All the places where events may wait, in the order in which they are applied."""
    return list(dict.fromkeys(chain.from_iterable(map(pipelines_of, projections()))))


def projectors_of(pipeline: str) -> list[Projector]:
    """The projectors that a pipeline applies, in their order. Raises UnknownProjection."""
    if pipeline == FAN_OUT:
        return [projection(FANNED_OUT)]
    if pipeline != BUILT_IN:
        return [projection(pipeline)]
    # Also those that are inline by now: what was queued before they were is not lost, and twice does no harm.
    return [projector for name, projector in projections().items() if name in PIPELINE]


def _is_for_celery(pipeline: str) -> bool:
    """Whether the workers of Celery shall drain a pipeline: if none of its projections wants it done at once."""
    modes = {mode_of(name) for name in projections() if pipeline in pipelines_of(name)}
    return conf.CELERY in modes and conf.ON_COMMIT not in modes


def queue(events: Sequence[Event], using: str) -> None:
    """Let the events wait for every projection that is not inline; 1 statement, none if all are inline.

    After the commit they are drained, or the workers of Celery are told, 1 query.
    """
    pipelines = {pipeline_of(name) for name in projections() if is_queued(name)}
    if not pipelines:
        return
    rows = [
        (pipeline, event.pk, _shard(pipeline, event), event.stream, 0, "", "")
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
    shard = lifecycle(subject).int % SHARDS
    row = (FAN_OUT, event_id, shard, stream, chunk.cursor, chunk.reached, 0, "", "")
    columns = ("pipeline", "event_id", "shard", "stream", "cursor", "reached", "attempts", "error", "traceback")
    insert(QueuedEvent, columns, [row], using, suffix="ON CONFLICT DO NOTHING")
    _after_commit({FAN_OUT: {shard}}, [event_id], using)


def end_fan_outs(streams: Collection[UUID], using: str) -> None:
    """What these events are about is gone, and with it what was to be done for it. 1 statement, none for no streams."""
    if streams:
        QueuedEvent.objects.using(using).filter(pipeline=FAN_OUT, stream__in=streams).delete()


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
    left to the workers of Celery. Raises UnknownProjection.
    """
    started = monotonic()
    projectors = projectors_of(pipeline)
    asked_for = None if shards is None else {*shards}
    applied = overtaken = 0
    is_careful = False
    # Who waits has just left something there.
    numbers = asked_for if asked_for and wait else _shards_with_events(pipeline, asked_for, using)
    while numbers:
        waits = wait and (asked_for is None or numbers <= asked_for)
        try:
            with transaction.atomic(using=using):
                held = _lock(pipeline, numbers, using, wait=waits)
                if pipeline == FAN_OUT:
                    applied += _go_on(held, using)
                    is_all = False
                else:
                    events, is_all = _due(pipeline, held, using)
                    applied += _apply(pipeline, events, projectors, using, is_careful=is_careful)
        except StaleWriter:
            overtaken += 1
            if overtaken < MAX_ATTEMPTS:
                continue
            raise
        except _TROUBLES:
            raise
        except Exception:
            if is_careful:
                raise
            is_careful = True
            continue
        # Who came while the lock was held waits for it too, or has left his events to us.
        if not held or (is_all and waits and numbers == asked_for):
            break
        numbers = _shards_with_events(pipeline, asked_for, using)
        if numbers and seconds is not None and monotonic() - started > seconds:
            _tell_celery(pipeline, numbers, using)
            break
    return applied


def drain_all(*, using: str) -> int:
    """Drain every pipeline, the fan-outs last; returns how many events were applied."""
    return sum(drain(pipeline, using=using) for pipeline in _waiting_pipelines(using)) + (
        drain(FAN_OUT, using=using) if FANNED_OUT in projections() else 0
    )


def sweep(using: str) -> None:
    """Tell the workers of Celery what waits for so long that somebody must have died before he could. 2 queries for
    each pipeline."""
    for pipeline in [*_waiting_pipelines(using), *([FAN_OUT] if FANNED_OUT in projections() else [])]:
        if overdue := _overdue(pipeline, using):
            _tell_celery(pipeline, overdue, using)


def _waiting_pipelines(using: str) -> list[str]:
    """The known pipelines in which something waits, without the fan-outs. 1 query."""
    known = {pipeline_of(name) for name in projections()}
    waiting = QueuedEvent.objects.using(using).order_by().values_list("pipeline", flat=True).distinct()
    return sorted(known.intersection(waiting))


def retry(failed: QueuedEventQuerySet) -> int:
    """Apply events that have failed once more, and what waits behind them; returns how many were applied.

    Leaves an `event_retried` in the log for each.
    """
    pipelines = set()
    with transaction.atomic(using=failed.db):
        for queued in _locked(failed):
            record([queued.trace(EVENT_RETRIED)])
            pipelines.add(queued.pipeline)
            QueuedEvent.objects.using(failed.db).filter(pk=queued.pk).update(attempts=0, retry_at=None, parked_at=None)
    return sum(drain(pipeline, using=failed.db, wait=True) for pipeline in sorted(pipelines))


def skip(failed: QueuedEventQuerySet) -> int:
    """Give up applying events that have failed; returns how many. Leaves an `event_skipped` in the log for each."""
    with transaction.atomic(using=failed.db):
        given_up = _locked(failed)
        for queued in given_up:
            record([queued.trace(EVENT_SKIPPED)])
            QueuedEvent.objects.using(failed.db).filter(pk=queued.pk).delete()
    return len(given_up)


def _locked(failed: QueuedEventQuerySet) -> list[QueuedEvent]:
    """Failed events that nobody else retries or drains meanwhile."""
    shards = failed.order_by().values_list("pipeline", "shard").distinct()
    numbers: dict[str, set[int]] = defaultdict(set)
    for pipeline, number in shards:
        numbers[pipeline].add(number)
    for pipeline in sorted(numbers):
        _lock(pipeline, numbers[pipeline], failed.db, wait=True)
    return list(failed.failed().select_related("event").order_by("event_id"))


@dataclass(frozen=True, slots=True)
class Status:
    """How far a projection is."""

    name: str
    mode: str
    projector: str
    #: Events that wait, up to 100,000.
    pending: int
    #: Seconds since the oldest event was recorded that could be applied now.
    oldest: float | None
    parked: int
    error: str


def status(using: str) -> list[Status]:
    """How far each projection is, in the order in which they are applied. 2 queries, and 1 for each."""
    waiting = waiting_for_projections(using)
    return [_status(name, projector, waiting[name], using) for name, projector in projections().items()]


def waiting_for_projections(using: str) -> dict[str, Backlog]:
    """What waits for each projection, in all its pipelines together. 2 queries."""
    waiting = backlogs(known_pipelines(), using)
    return {name: Backlog.of([waiting[pipeline] for pipeline in pipelines_of(name)]) for name in projections()}


def _status(name: str, projector: Projector, waiting: Backlog, using: str) -> Status:
    queued = QueuedEvent.objects.using(using).filter(pipeline__in=pipelines_of(name))
    last = queued.failed().order_by("-event_id").first()
    class_ = type(projector)
    return Status(
        name=name,
        mode=mode_of(name),
        projector=f"{class_.__module__}.{class_.__qualname__}",
        pending=waiting.pending,
        oldest=waiting.oldest,
        parked=waiting.parked,
        error=_trouble(projector, using) or (last.error if last else ""),
    )


def _trouble(projector: Projector, using: str) -> str:
    """What is wrong with a read model as a whole."""
    try:
        is_lost = isinstance(projector, LevelTriggeredProjector) and projector.is_lost(using)
    except BackendException as error:
        return str(error)
    return "The read model is lost: run rebuild_projections" if is_lost else ""


def hold(pipeline: str, using: str) -> None:
    """Until the end of the transaction, nobody drains the pipeline of a projector of the host."""
    _lock(pipeline, {0}, using, wait=True)


def forget(pipeline: str, subjects: Iterable[ResourceKey], using: str) -> None:
    """Drop the events with these subjects, which were applied from the log."""
    events = Event.objects.using(using).about(subjects)
    QueuedEvent.objects.using(using).filter(pipeline=pipeline, event_id__in=events.values("pk")).delete()


def _shard(pipeline: str, event: Event) -> int:
    # A projector of the host gets all events in the order of the log, not only those of one subject.
    return lifecycle(event.subject).int % SHARDS if pipeline == BUILT_IN else 0


def _after_commit(shards: Mapping[str, set[int]], event_ids: Sequence[int], using: str) -> None:
    """See to events that have just been queued, when everybody can see them."""

    # Not a partial: Django asks for the name of one that fails.
    def see_to_them() -> None:
        for pipeline, numbers in shards.items():
            if pipeline != FAN_OUT:
                waiting.note(pipeline, event_ids, using)
            if _is_for_celery(pipeline):
                _tell_celery(pipeline, numbers - _known_to_celery(pipeline, numbers, event_ids[0], using), using)
                continue
            with suppress(BackendUnavailable):  # which the log was told about; the events wait
                drain(pipeline, numbers, using=using, wait=True)

    transaction.on_commit(see_to_them, using=using, robust=True)


def _tell_celery(pipeline: str, shards: set[int], using: str) -> None:
    if shards:
        events_queued.send_robust(sender=QueuedEvent, pipeline=pipeline, shards=shards, using=using)


def _known_to_celery(pipeline: str, shards: set[int], before: int, using: str) -> set[int]:
    """The shards in which an older event is due. 1 query.

    Whoever left it there has told Celery, and who has just applied it looks again after he has given the lock back: so
    a thousand events do not make a thousand tasks.
    """
    return _shards(
        f"SELECT DISTINCT shard FROM {_QUEUE}"
        f" WHERE pipeline = %s AND shard IN ({_marks(shards)}) AND event_id < %s AND {IS_DUE}",
        [pipeline, *shards, before, timezone.now()],
        using,
    )


def _shards_with_events(pipeline: str, asked_for: set[int] | None, using: str) -> set[int]:
    """The shards in which something is due: of those asked for, else that where it waits for too long. 1 query."""
    now = timezone.now()
    if asked_for is None:
        return _shards(f"SELECT DISTINCT shard FROM {_QUEUE} WHERE pipeline = %s AND {IS_DUE}", [pipeline, now], using)
    look = f"""
        SELECT shard, 1 FROM {_QUEUE} WHERE pipeline = %s AND shard IN ({_marks(asked_for)}) AND {IS_DUE}
        UNION SELECT shard, 0 FROM ({_LEFT}) left_behind
    """
    rows = _rows(look, [pipeline, *asked_for, now, pipeline, now, now - OVERDUE], using)
    return {shard for shard, is_asked_for in rows if is_asked_for} or {shard for shard, _ in rows}


def _overdue(pipeline: str, using: str) -> set[int]:
    """The shards in which something is due for too long. 1 query."""
    now = timezone.now()
    return _shards(
        f"""SELECT DISTINCT shard FROM {_QUEUE} JOIN {_LOG} ON {_LOG}.id = event_id
        WHERE pipeline = %s AND recorded_at < %s AND {IS_DUE}""",
        [pipeline, now - OVERDUE, now],
        using,
    )


def _due(pipeline: str, shards: Collection[int], using: str) -> tuple[list[Event], bool]:
    """The oldest events that wait in some shards, and whether they are known to be all, and none is left elsewhere.
    1 query."""
    if not shards:
        return [], False
    now = timezone.now()
    sql = f"""
        SELECT {_LOG}.*, ({_LEFT}) AS left_in FROM {_QUEUE} JOIN {_LOG} ON {_LOG}.id = event_id
        WHERE pipeline = %s AND shard IN ({_marks(shards)}) AND {IS_DUE} ORDER BY event_id LIMIT {BATCH_SIZE}
    """
    values = [pipeline, now, now - OVERDUE, pipeline, *shards, now]
    events = list(Event.objects.using(using).raw(sql, _adapted(values, using)))
    return events, 0 < len(events) < BATCH_SIZE and vars(events[0])["left_in"] is None


#: A server is in trouble, not an event.
_TROUBLES = (OperationalError, InterfaceError, BackendException)

# What a drain asks stands here in SQL: built by the ORM, it would take longer than all that is applied.
_QUEUE, _LOG = QueuedEvent._meta.db_table, Event._meta.db_table

#: The shard of the oldest event of a pipeline, if it waits for too long.
_LEFT = f"""
    SELECT shard FROM (
        SELECT shard, event_id FROM {_QUEUE} WHERE pipeline = %s AND {IS_DUE} ORDER BY event_id LIMIT 1
    ) oldest JOIN {_LOG} ON {_LOG}.id = event_id WHERE recorded_at < %s
"""


def _shards(sql: str, values: Iterable[Any], using: str) -> set[int]:
    return {number for (number,) in _rows(sql, values, using)}


def _rows(sql: str, values: Iterable[Any], using: str) -> list[tuple[Any, ...]]:
    with connections[using].cursor() as cursor:
        cursor.execute(sql, _adapted(values, using))
        return list(cursor.fetchall())


def _adapted(values: Iterable[Any], using: str) -> list[Any]:
    adapt = connections[using].ops.adapt_datetimefield_value
    return [adapt(value) if isinstance(value, datetime) else value for value in values]


def _marks(values: Collection[Any]) -> str:
    return ", ".join(["%s"] * len(values))


def _lock(pipeline: str, numbers: Collection[int], using: str, *, wait: bool) -> Collection[int]:
    """The shards among `numbers` that are ours until the end of the transaction."""
    shards = Shard.objects.using(using).filter(pipeline=pipeline, number__in=numbers)
    # Who waits holds smaller numbers only; who skips does not wait any more once he holds one that others may want.
    waited_for = set(numbers) if wait else {*numbers} - {*shards.values_list("number", flat=True)}
    if waited_for:
        rows = [(pipeline, number) for number in sorted(waited_for)]
        insert(Shard, SHARD, rows, using, suffix=on_conflict_lock(connections[using], SHARD))
    if wait:
        return waited_for
    return set(shards.select_for_update(skip_locked=True).values_list("number", flat=True))


def _apply(
    pipeline: str, batch: Sequence[Event], projectors: Sequence[Projector], using: str, *, is_careful: bool
) -> int:
    """Apply the events of a batch, but those that fail, which who is not careful raises; returns how many."""
    if not batch:
        return 0
    lock({key for projector in projectors for event in batch for key in projector.resources(event)}, using)
    if not is_careful:
        _apply_together(pipeline, batch, projectors, using)
        return len(batch)
    applied, _ = _apply_what_can_be(pipeline, batch, projectors, using)
    return applied


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
    with connections[using].cursor() as cursor:
        ids = [event.pk for event in batch]
        cursor.execute(f"DELETE FROM {_QUEUE} WHERE pipeline = %s AND event_id IN ({_marks(ids)})", [pipeline, *ids])


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
