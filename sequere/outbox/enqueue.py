"""Leaving events in the outbox, in the transaction that records them, and having them applied after its commit."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from uuid import UUID
from weakref import WeakKeyDictionary

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from sequere.base import ResourceKey
from sequere.exceptions import BackendUnavailable, ReadModelLost
from sequere.log.metadata import caused_by
from sequere.log.models import Event
from sequere.log.suspensions import changes_pauses
from sequere.outbox import waiting
from sequere.outbox.direct import apply_directly
from sequere.outbox.drain import announce_shards, drain
from sequere.outbox.kept import Range
from sequere.outbox.models import QueuedEvent
from sequere.outbox.pausing import Pauses
from sequere.outbox.queues import (
    fan_out_queue_of,
    fan_out_queues_of,
    is_fan_out,
    is_for_celery,
    pause_queue_of,
    queue_of,
    shard_around,
    shards_of,
)
from sequere.outbox.shards import EVENTS_AT_ONCE, shards_with_older
from sequere.projections.projector import Chunk, NewRelation, Projector
from sequere.projections.registry import inline_projectors, projection, queued_projections
from sequere.relations.appending import Step, StepReport
from sequere.sql.chunks import chunks
from sequere.sql.commits import after_commit
from sequere.sql.dialects import dialect
from sequere.sql.rows import Insert

_COLUMNS = ("queue", "event_id", "shard", "stream", "attempts", "error", "traceback")
_QUEUE = Insert(QueuedEvent, _COLUMNS)
_QUEUE_AGAIN = Insert(QueuedEvent, _COLUMNS, lambda words: words.on_conflict_ignore())
_QUEUE_FAN_OUT = Insert(
    QueuedEvent,
    ("queue", "event_id", "shard", "stream", "cursor", "reached", "attempts", "error", "traceback"),
    lambda words: words.on_conflict_ignore(),
)

_QUEUE_AT_ONCE = "sequere_queue_events(%s::text[], %s::smallint[], news.places, news.event_ids, news.streams, {uids})"
#: Of one relation, both ends are asked about; of several, and of others, none.
_OF_RELATION = _QUEUE_AT_ONCE.format(uids="news.from_uids || news.to_uids")
_OF_OTHERS = _QUEUE_AT_ONCE.format(uids="NULL")


def queue_events(events: Sequence[Event], using: str) -> None:
    """Queue events for every projection that is not inline: 1 statement.

    After the commit they are drained, or the Celery workers are told, which costs 1 query.
    """
    for name in queued_projections():
        projection(name).prepare(events, using=using)
    subjects = [event.subject for event in events]
    shards = {queue: _shards(queue, subjects) for queue in _queues()}
    rows = [
        (queue, event.pk, shard, event.stream, 0, "", "")
        for queue, in_queue in shards.items()
        for event, shard in zip(events, in_queue, strict=True)
    ]
    _QUEUE.rows(rows, using)
    _after_commit({queue: {*in_queue} for queue, in_queue in shards.items()}, [event.pk for event in events], using)
    _queue_pauses(events, queued_projections(), using)


def queueing_step(subjects: Sequence[ResourceKey], using: str, *, is_relation: bool = False) -> Step | None:
    """What does so in the call that records events with these subjects, if the database can; `is_relation` says that it
    is that of one relation. It does not call `Projector.prepare()`."""
    if not dialect(connections[using]).has_routines:
        return None
    shards = {queue: _shards(queue, subjects) for queue in _queues()}

    def told(news: StepReport) -> None:
        of_news = {queue: {in_queue[place - 1] for place in news.places} for queue, in_queue in shards.items()}
        new = NewRelation(news.events[0], *news.answer) if news.answer else None
        _after_commit(of_news, news.event_ids, using, new)

    text = _OF_RELATION if is_relation else _OF_OTHERS
    return Step(text, (list(shards), [*chain(*shards.values())]), queued_projections(), told)


def _shards(queue: str, subjects: Iterable[ResourceKey]) -> list[int]:
    number = shards_of(queue)
    return [shard_around(subject, number) for subject in subjects]


def _queues() -> Collection[str]:
    """In the order of the projections: after the commit, the queues are drained in this order."""
    return dict.fromkeys(queue_of(name) for name in queued_projections())


def _queue_pauses(events: Iterable[Event], names: Iterable[str], using: str) -> None:
    """Have the relations of the resources that some of these events suspend or resume applied to projections. 1
    statement for each of them and each queue."""
    for event in filter(changes_pauses, events):
        for queue in _pause_queues(names):
            _queue_step(queue, event.pk, event.stream, event.subject, Chunk(0, None), using)


def _pause_queues(names: Iterable[str]) -> Collection[str]:
    return dict.fromkeys(pause_queue_of(queue_of(name)) for name in names if projection(name).has_pauses)


def pause_inline(event: Event, using: str) -> None:
    """Apply the first relations of a resource that an event suspends or resumes to the projectors that are inline, and
    have the others applied after the commit, with what a process that has died has left. The caller has locked both
    ends of each.

    2 queries at most besides what that costs, 1 statement if there are others, and 1 query after the commit.
    """
    projectors = [projector for projector in inline_projectors() if projector.has_pauses]
    if not projectors:
        return
    with caused_by(event):
        chunk = Pauses(projectors).fan_out(event, None, using=using)
    of_others = _pause_queues(queued_projections())  # from the beginning, for all of a queue
    for queue in _pause_queues(projector.name for projector in projectors):
        if queue in of_others:
            continue
        if chunk.cursor is None:
            _after_commit({queue: set()}, [event.pk], using)
        else:
            _queue_step(queue, event.pk, event.stream, event.subject, chunk, using)


def start_fan_out(projector: Projector, event: Event, *, using: str) -> None:
    """Bring an event to the first followers now, and to the others after the commit: `projector.fan_out()`, step by
    step. For `apply()` and `on_<type>()` of a projector that fans out; TypeError if it does not say so. 1 statement
    besides those of the first step."""
    if not getattr(projector, "fans_out", False):
        raise TypeError(f"{type(projector).__name__} takes steps: it needs fans_out = True")
    with caused_by(event):
        chunk = projector.fan_out(event, None, using=using)
    if chunk.cursor is not None:
        queue_fan_out(projector.name, event.pk, event.stream, event.subject, chunk, using)


def queue_fan_out(projection: str, event_id: int, stream: UUID, subject: ResourceKey, chunk: Chunk, using: str) -> None:
    """Have a projection continue after the commit where `chunk` has ended: with `fan_out()`, step by step.

    1 statement. A fan-out that is queued already continues from its own cursor. The resources of the event are locked.
    """
    _queue_step(fan_out_queue_of(projection), event_id, stream, subject, chunk, using)


def _queue_step(queue: str, event_id: int, stream: UUID, subject: ResourceKey, chunk: Chunk, using: str) -> None:
    shard = shard_around(subject, shards_of(queue))
    row = (queue, event_id, shard, stream, chunk.cursor, chunk.reached, 0, "", "")
    _QUEUE_FAN_OUT.rows([row], using)
    _after_commit({queue: {shard}}, [event_id], using)


def end_fan_outs(projection: str, event_ids: Collection[int], using: str) -> None:
    """Cancel the fan-outs of a projection for these events. 1 statement, none for no events."""
    if event_ids:
        fan_outs = QueuedEvent.objects.using(using).filter(queue=fan_out_queue_of(projection))
        fan_outs.filter(event_id__in=event_ids).delete()


def queue_again(projection: str, ranges: Iterable[Range], using: str) -> int:
    """Have events applied once more that a projection has applied before, and its unfinished fan-outs begin anew;
    returns how many events.

    1 statement, and 2 for every 2,000 events.
    """
    queue, number = queue_of(projection), 0
    for event_ids in chunks((one for first, last in ranges for one in range(first, last + 1)), EVENTS_AT_ONCE):
        events = list(Event.objects.using(using).filter(pk__in=event_ids))
        number += len(events)
        shards = _shards(queue, [event.subject for event in events])
        rows = [(queue, event.pk, shard, event.stream, 0, "", "") for event, shard in zip(events, shards, strict=True)]
        _QUEUE_AGAIN.rows(rows, using)
        _after_commit({queue: {*shards}}, event_ids, using)
        _queue_pauses(events, [projection], using)
    fan_outs = QueuedEvent.objects.using(using).filter(queue__in=fan_out_queues_of(projection))
    fan_outs.update(cursor=None, reached=0)
    return number


#: By connection, the last event that was queued with it.
_last: WeakKeyDictionary[BaseDatabaseWrapper, int] = WeakKeyDictionary()


def _after_commit(
    shards: Mapping[str, set[int]], event_ids: Sequence[int], using: str, new: NewRelation | None = None
) -> None:
    """Have events applied that are queued in this transaction, once every process can see them; without shards, only
    those of a queue that were left behind. If it is that of a `new` relation, both ends are not suspended.

    Each queue has a callback of its own: if a projector of one fails, the others are drained all the same.
    """
    _last[connections[using]] = event_ids[-1]
    for queue, numbers in shards.items():
        after_commit(_application(queue, numbers, event_ids, using, new), using)


def _application(
    queue: str, numbers: set[int], event_ids: Sequence[int], using: str, new: NewRelation | None
) -> Callable[[], None]:
    # Not a partial: Django asks for the name of a callback that fails.
    def apply_them() -> None:
        if not is_fan_out(queue):
            waiting.note(queue, event_ids, using)
        if is_for_celery(queue):
            # If an older event waits in the shard, a task is already on its way; a drainer always looks again after
            # releasing the lock. So a thousand events do not make a thousand tasks.
            announce_shards(queue, numbers - shards_with_older(queue, event_ids[0], using), using)
            return
        with suppress(BackendUnavailable, ReadModelLost):  # has been logged; the events stay in the queue
            # Of several events in one transaction, readers see only what all of them come to.
            is_last = _last.get(connections[using]) == event_ids[-1]
            if not (new and is_last and apply_directly(queue, min(numbers), new, using)):
                drain(queue, numbers, using=using, wait=True)

    return apply_them
