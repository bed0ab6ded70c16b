"""What is due in the outbox, and the locks of its shards.

The questions are in SQL: built by the ORM, they would take longer than all that is applied.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from itertools import islice
from operator import itemgetter
from typing import Any

from django.db import connections
from django.utils import timezone

from sequere.log.models import Event
from sequere.outbox.models import IS_DUE, QueuedEvent, Shard
from sequere.sql.rows import insert, instances
from sequere.sql.upsert import on_conflict_lock

#: Events applied in one transaction.
BATCH_SIZE = 500
#: A shard whose oldest event waits for so long was left by its process; the next one that drains takes care of it.
OVERDUE = timedelta(seconds=10)

_QUEUE, _LOG = QueuedEvent._meta.db_table, Event._meta.db_table
_SHARD = ("pipeline", "number")

# The shard of the oldest event of a pipeline, if it is overdue.
_LEFT = f"""
    SELECT shard FROM (
        SELECT shard, event_id FROM {_QUEUE} WHERE pipeline = %s AND {IS_DUE} ORDER BY event_id LIMIT 1
    ) oldest JOIN {_LOG} ON {_LOG}.id = event_id WHERE recorded_at < %s
"""

# The shards of a pipeline in which something is due, each with its oldest event and whether that is overdue. They are
# looked up one after the other: to ask all that waits which shards there are, is to read all that waits.
_OLDEST = f"""
    WITH RECURSIVE number (shard) AS (
        SELECT MIN(shard) FROM {_QUEUE} WHERE pipeline = %s
        UNION ALL
        SELECT (SELECT MIN(shard) FROM {_QUEUE} WHERE pipeline = %s AND shard > number.shard)
        FROM number WHERE shard IS NOT NULL
    )
    SELECT shard, event_id, recorded_at < %s FROM (
        SELECT shard, (
            SELECT event_id FROM {_QUEUE} WHERE pipeline = %s AND shard = number.shard AND {IS_DUE}
            ORDER BY event_id LIMIT 1
        ) AS event_id FROM number
    ) oldest JOIN {_LOG} ON {_LOG}.id = event_id
"""


def lock_shards(pipeline: str, numbers: Collection[int], using: str, *, wait: bool) -> Collection[int]:
    """The shards among `numbers` that are ours until the end of the transaction: all if we wait, else those that
    nobody has. 1 statement, up to 3 without waiting."""
    if wait:
        _wait_for(pipeline, numbers, using)
        return numbers
    shards = Shard.objects.using(using).filter(pipeline=pipeline, number__in=numbers)
    # Who skips does not wait any more once he holds one that others may want.
    if new := {*numbers}.difference(shards.values_list("number", flat=True)):
        _wait_for(pipeline, new, using)
    return set(shards.select_for_update(skip_locked=True).values_list("number", flat=True))


def _wait_for(pipeline: str, numbers: Iterable[int], using: str) -> None:
    """Lock shards, the smaller numbers first: nobody waits in a circle. 1 statement."""
    rows = [(pipeline, number) for number in sorted(numbers)]
    insert(Shard, _SHARD, rows, using, suffix=on_conflict_lock(connections[using], _SHARD))


def due(pipeline: str, shards: Collection[int], using: str) -> tuple[list[Event], bool]:
    """The oldest events that wait in some shards, and whether there is nothing else to do: they are all, and nothing
    is overdue elsewhere. 1 query."""
    now = timezone.now()
    sql = f"""
        SELECT {_LOG}.*, ({_LEFT}) AS left_in FROM {_QUEUE} JOIN {_LOG} ON {_LOG}.id = event_id
        WHERE pipeline = %s AND shard IN ({_marks(shards)}) AND {IS_DUE} ORDER BY event_id LIMIT {BATCH_SIZE}
    """
    values = [pipeline, now, now - OVERDUE, pipeline, *shards, now]
    events = instances(Event, sql, _adapted(values, using), using)
    return events, 0 < len(events) < BATCH_SIZE and vars(events[0])["left_in"] is None


def done(pipeline: str, events: Iterable[Event], using: str) -> None:
    """They wait no longer. 1 statement."""
    ids = [event.pk for event in events]
    with connections[using].cursor() as cursor:
        cursor.execute(f"DELETE FROM {_QUEUE} WHERE pipeline = %s AND event_id IN ({_marks(ids)})", [pipeline, *ids])


def shards_to_drain(pipeline: str, asked_for: Collection[int] | None, using: str) -> set[int]:
    """The shards in which something is due: of those asked for, else that where it waits for too long. 1 query."""
    oldest = _oldest(pipeline, using)
    if asked_for is None:
        return {*oldest}
    left = {shard for shard, (_, is_overdue) in islice(oldest.items(), 1) if is_overdue}
    return oldest.keys() & asked_for or left


def shards_with_older(pipeline: str, before: int, using: str) -> set[int]:
    """The shards in which an event is due that is older than another one. 1 query."""
    return {shard for shard, (event_id, _) in _oldest(pipeline, using).items() if event_id < before}


def overdue_shards(pipeline: str, using: str) -> set[int]:
    """The shards in which something is due for too long. 1 query."""
    return {shard for shard, (_, is_overdue) in _oldest(pipeline, using).items() if is_overdue}


def _oldest(pipeline: str, using: str) -> dict[int, tuple[int, bool]]:
    """The oldest event that is due in each shard, and whether it is for too long; the oldest of all first. 1 query."""
    now = timezone.now()
    with connections[using].cursor() as cursor:
        cursor.execute(_OLDEST, _adapted([pipeline, pipeline, now - OVERDUE, pipeline, now], using))
        rows = sorted(cursor.fetchall(), key=itemgetter(1))
    return {shard: (event_id, bool(is_overdue)) for shard, event_id, is_overdue in rows}


def _adapted(values: Iterable[Any], using: str) -> list[Any]:
    adapt = connections[using].ops.adapt_datetimefield_value
    return [adapt(value) if isinstance(value, datetime) else value for value in values]


def _marks(values: Collection[Any]) -> str:
    return ", ".join(["%s"] * len(values))
