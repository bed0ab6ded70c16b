"""Leaving events in the outbox, in the transaction that records them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from uuid import UUID

from django.db import transaction

from sequere.base import ResourceKey
from sequere.exceptions import BackendUnavailable
from sequere.log.models import Event
from sequere.outbox import waiting
from sequere.outbox.drain import _tell_celery, drain
from sequere.outbox.models import FAN_OUT, QueuedEvent
from sequere.outbox.queues import is_for_celery, pipeline_of, shard_around, shard_of
from sequere.outbox.shards import shards_with_older
from sequere.projections.projector import Chunk
from sequere.projections.registry import is_queued, projections
from sequere.sql.rows import insert

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
