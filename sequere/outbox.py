"""The outbox: events that a projection has not applied yet, and how they are applied in the end.

A projection that is not inline leaves a row here in the transaction of each event. Whoever drains holds the row of a
shard, so the changes around one subject are applied by one worker at a time, in the order of the log; the lock ends
with its transaction, whatever becomes of the process.
"""

import logging
import traceback
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, connections, models, transaction
from django.utils import timezone

from sequere.base import ResourceKey
from sequere.events import TYPES, Event, lifecycle, record
from sequere.exceptions import BackendException, BackendUnavailable, StaleWriter
from sequere.projectors import (
    PIPELINE,
    LevelTriggeredProjector,
    Projector,
    is_queued,
    mode_of,
    projection,
    projections,
)
from sequere.queued import IS_DUE, QueuedEvent, QueuedEventQuerySet, Shard
from sequere.resources import lock
from sequere.rows import insert
from sequere.upsert import on_conflict_lock

logger = logging.getLogger("sequere")

EVENT_RETRIED = "event_retried"
EVENT_SKIPPED = "event_skipped"
TYPES.update({EVENT_RETRIED, EVENT_SKIPPED})

#: The name under which the projections of our own are queued. They are applied together, in their order, so that the
#: timelines never run ahead of the follows.
BUILT_IN = "built-in"
#: Workers that can apply the events of the built-in projections at the same time.
SHARDS = 64
#: Events applied in one transaction.
BATCH_SIZE = 500
#: An event that has failed so often is parked; until then the time to the next attempt doubles, from 2 seconds.
MAX_ATTEMPTS = 5
#: A shard whose oldest event waits for so long was left by its process; the next one that drains takes care of it.
OVERDUE = timedelta(seconds=10)

COLUMNS = ("pipeline", "event_id", "shard", "stream", "attempts", "error", "traceback")
SHARD = ("pipeline", "number")


def pipeline_of(name: str) -> str:
    """Where the events of a projection wait."""
    return BUILT_IN if name in PIPELINE else name


def projectors_of(pipeline: str) -> list[Projector]:
    """The projectors that a pipeline applies, in their order. Raises UnknownProjection."""
    if pipeline != BUILT_IN:
        return [projection(pipeline)]
    # Also those that are inline by now: what was queued before they were is not lost, and twice does no harm.
    return [projector for name, projector in projections().items() if name in PIPELINE]


def queue(events: Sequence[Event], using: str) -> None:
    """Let the events wait for every projection that is not inline; 1 statement, none if all are inline.

    They are drained after the commit.
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

    def drain_them() -> None:
        _drain_after_commit(shards, using)

    # Not a partial: Django asks for the name of one that fails.
    transaction.on_commit(drain_them, using=using, robust=True)


def drain(pipeline: str, shards: Collection[int] | None = None, *, using: str, wait: bool = False) -> int:
    """Apply what waits in some shards of a pipeline, all of them by default; returns how many events were applied.

    A shard that somebody else drains is left to him, or waited for with `wait`. Every 500 events are a transaction. An
    event that fails is tried again later, and then parked; what is behind it in its stream waits, all else goes on.
    What was left in other shards for long is applied, too. Raises UnknownProjection.
    """
    projectors = projectors_of(pipeline)
    asked_for = None if shards is None else {*shards}
    applied = overtaken = 0
    # Who waits has just left something there.
    numbers = asked_for if asked_for and wait else _shards_with_events(pipeline, asked_for, using)
    while numbers:
        try:
            with transaction.atomic(using=using):
                held = _lock(pipeline, numbers, using, wait=wait and (asked_for is None or numbers <= asked_for))
                applied += _apply(pipeline, _due(pipeline, held, using), projectors, using)
        except StaleWriter:
            overtaken += 1
            if overtaken < MAX_ATTEMPTS:
                continue
            raise
        if not held:
            break
        # Looks again after each lock is given back: who came while it was held has left his events to us.
        numbers = _shards_with_events(pipeline, asked_for, using)
    return applied


def drain_all(*, using: str) -> int:
    """Drain every pipeline; returns how many events were applied."""
    known = {pipeline_of(name) for name in projections()}
    waiting = QueuedEvent.objects.using(using).order_by().values_list("pipeline", flat=True).distinct()
    return sum(drain(pipeline, using=using) for pipeline in sorted(known.intersection(waiting)))


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
    pending: int
    #: Seconds since the oldest pending event was recorded.
    oldest: float | None
    parked: int
    error: str


def status(using: str) -> list[Status]:
    """How far each projection is, in the order in which they are applied. 2 queries each."""
    return [_status(name, projector, using) for name, projector in projections().items()]


def _status(name: str, projector: Projector, using: str) -> Status:
    waiting = QueuedEvent.objects.using(using).filter(pipeline=pipeline_of(name))
    numbers = waiting.order_by().aggregate(
        pending=models.Count("event_id", filter=models.Q(parked_at__isnull=True)),
        parked=models.Count("event_id", filter=models.Q(parked_at__isnull=False)),
        oldest=models.Min("event__recorded_at"),
    )
    last = waiting.failed().order_by("-event_id").first()
    class_ = type(projector)
    return Status(
        name=name,
        mode=mode_of(name),
        projector=f"{class_.__module__}.{class_.__qualname__}",
        pending=numbers["pending"],
        oldest=(timezone.now() - numbers["oldest"]).total_seconds() if numbers["oldest"] else None,
        parked=numbers["parked"],
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


def _drain_after_commit(shards: Mapping[str, Collection[int]], using: str) -> None:
    for pipeline, numbers in shards.items():
        with suppress(BackendUnavailable):  # which the log was told about; the events wait
            drain(pipeline, numbers, using=using, wait=True)


def _shards_with_events(pipeline: str, asked_for: set[int] | None, using: str) -> set[int]:
    """The shards in which something is due: of those that are asked for, else that where it waits for too long."""
    now = timezone.now()
    if asked_for is None:
        return _shards(f"SELECT DISTINCT shard FROM {_QUEUE} WHERE pipeline = %s AND {IS_DUE}", [pipeline, now], using)
    of_these = f"shard IN ({_marks(asked_for)})"
    look = f"SELECT DISTINCT shard FROM {_QUEUE} WHERE pipeline = %s AND {of_these} AND {IS_DUE}"
    return _shards(look, [pipeline, *asked_for, now], using) or _shards(
        f"""SELECT shard FROM (
            SELECT shard, event_id FROM {_QUEUE} WHERE pipeline = %s AND {IS_DUE} ORDER BY event_id LIMIT 1
        ) oldest JOIN {_LOG} ON {_LOG}.id = event_id WHERE recorded_at < %s""",
        [pipeline, now, now - OVERDUE],
        using,
    )


def _due(pipeline: str, shards: Collection[int], using: str) -> list[Event]:
    """The oldest events that wait in some shards. 1 query."""
    if not shards:
        return []
    sql = f"""
        SELECT {_LOG}.* FROM {_QUEUE} JOIN {_LOG} ON {_LOG}.id = event_id
        WHERE pipeline = %s AND shard IN ({_marks(shards)}) AND {IS_DUE} ORDER BY event_id LIMIT {BATCH_SIZE}
    """
    return list(Event.objects.using(using).raw(sql, _adapted([pipeline, *shards, timezone.now()], using)))


# What a drain asks stands here in SQL: built by the ORM, it would take longer than all that is applied.
_QUEUE, _LOG = QueuedEvent._meta.db_table, Event._meta.db_table


def _shards(sql: str, values: Iterable[Any], using: str) -> set[int]:
    with connections[using].cursor() as cursor:
        cursor.execute(sql, _adapted(values, using))
        return {number for (number,) in cursor.fetchall()}


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


def _apply(pipeline: str, batch: Sequence[Event], projectors: Sequence[Projector], using: str) -> int:
    """Apply the events of a batch, but those that fail; returns how many."""
    if not batch:
        return 0
    lock({key for projector in projectors for event in batch for key in projector.resources(event)}, using)
    applied, _ = _apply_what_can_be(pipeline, batch, projectors, using)
    return applied


def _apply_what_can_be(
    pipeline: str, batch: Sequence[Event], projectors: Sequence[Projector], using: str
) -> tuple[int, set[UUID]]:
    """Apply events together, or in halves if that fails; returns how many, and the streams that have come to a stop."""
    waiting = QueuedEvent.objects.using(using).filter(pipeline=pipeline)
    try:
        with transaction.atomic(using=using):
            for projector in projectors:
                projector.apply(batch, using=using)
    except (OperationalError, InterfaceError, BackendException):  # a server is in trouble, not an event
        raise
    except Exception as error:  # noqa: BLE001  # whatever an event does to a projector
        if len(batch) == 1:
            _note_failure(waiting.get(event_id=batch[0].pk), error, using)
            return 0, {batch[0].stream}
    else:
        waiting.filter(event_id__in=[event.pk for event in batch]).delete()
        return len(batch), set()
    half = len(batch) // 2
    applied, failed = _apply_what_can_be(pipeline, batch[:half], projectors, using)
    if rest := [event for event in batch[half:] if event.stream not in failed]:
        more, also_failed = _apply_what_can_be(pipeline, rest, projectors, using)
        return applied + more, failed | also_failed
    return applied, failed


def _note_failure(queued: QueuedEvent, error: Exception, using: str) -> None:
    now = timezone.now()
    queued.attempts += 1
    queued.error = f"{type(error).__name__}: {error}"
    queued.traceback = "".join(traceback.format_exception(error))
    if queued.attempts < MAX_ATTEMPTS:
        queued.retry_at = now + timedelta(seconds=2**queued.attempts)
        logger.warning("%s failed, %s; it is tried again at %s", queued, queued.error, queued.retry_at)
    else:
        queued.retry_at, queued.parked_at = None, now
        logger.error("%s has failed %s times and is parked: %s", queued, queued.attempts, queued.error)
    queued.save(using=using, update_fields=["attempts", "retry_at", "parked_at", "error", "traceback"])
