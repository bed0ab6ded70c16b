"""The events that are due in the outbox, and the locks of its shards.

The queries are in SQL: the ORM would take longer to build them than applying the events takes.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from functools import cache
from itertools import islice
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from sequere.log.columns import OptionalObject, OptionalText
from sequere.log.models import EVENT_COLUMNS, Event
from sequere.outbox.kept import keep, keepers
from sequere.outbox.models import IS_DUE, QueuedEvent, Shard
from sequere.sql.dialects import dialect
from sequere.sql.rows import Insert, fields_of, given, instances, made
from sequere.sql.statements import statement, statements_with

#: Events applied in one transaction.
EVENTS_AT_ONCE = 2000
#: A shard whose oldest event has waited this long was left behind by its process; the next drain takes care of it.
OVERDUE = timedelta(seconds=10)

#: An event that has waited this long in its shard is not about to be applied by the process that has recorded it.
IN_FLIGHT = timedelta(milliseconds=100)

_TAKE = statement(__package__, "take")
_OLDEST = statement(__package__, "oldest").format(is_due=IS_DUE)
_SHARD = ("queue", "number")
_COLUMNS = ("id", *EVENT_COLUMNS)
_EVENT_ID = fields_of(QueuedEvent, ("event_id",))

#: Creates the shards that are missing, and locks the others.
_LOCKED = Insert(Shard, _SHARD, lambda words: words.on_conflict_lock(_SHARD))


def lock_shards(queue: str, numbers: Collection[int], using: str, *, wait: bool) -> Collection[int]:
    """The shards among `numbers` that this process holds until the end of the transaction: all of them with `wait`,
    otherwise those that were free. 1 statement, up to 3 without `wait`."""
    if wait:
        _wait_for(queue, numbers, using)
        return numbers
    shards = Shard.objects.using(using).filter(queue=queue, number__in=numbers)
    # Missing ones are created first: a process that holds a shard others may want must not wait for another one.
    if new := {*numbers}.difference(shards.values_list("number", flat=True)):
        _wait_for(queue, new, using)
    return set(shards.select_for_update(skip_locked=True).values_list("number", flat=True))


def _wait_for(queue: str, numbers: Iterable[int], using: str) -> None:
    """Lock shards, the smaller numbers first, so there are no deadlocks. 1 statement."""
    _LOCKED.rows([(queue, number) for number in sorted(numbers)], using)


def due(queue: str, shards: Collection[int], using: str) -> tuple[list[Event], bool]:
    """The oldest events that wait in some shards, and whether there is nothing else to do: they are all, and nothing
    is overdue elsewhere. 1 query."""
    now = timezone.now()
    values = _adapted([queue, now, now - OVERDUE, queue, *shards, now], using)
    events = instances(Event, _due(len(shards)), values, using)
    return events, 0 < len(events) < EVENTS_AT_ONCE and vars(events[0])["left_in"] is None


def take_out(
    queue: str,
    shards: Collection[int],
    in_data: Collection[tuple[str, str]] | None,
    using: str,
    *,
    may_be_undone: bool = False,
) -> tuple[list[Event], bool] | None:
    """Lock shards, take out of the queue what `due()` would say, keep it, and lock the resources that the events name:
    at their two ends, and `in_data` (`Projector.resources_in_data`); none for None. 1 query. None if nothing is due or
    a shard is missing, and on databases without functions.

    If the transaction `may_be_undone` by a crash of the database, since it is repeated then, its commit does not wait
    for the disk.
    """
    if not dialect(connections[using]).has_routines:
        return None
    now = timezone.now()
    places = [None, None] if in_data is None else [*map(list, zip(*in_data, strict=True))] or [[], []]
    values = [
        queue,
        list(shards),
        *_adapted([now, now - OVERDUE], using),
        EVENTS_AT_ONCE,
        *places,
        keepers(queue),
        may_be_undone,
    ]
    with connections[using].cursor() as cursor:
        cursor.execute(_TAKE, values)
        rows, left_in = cursor.fetchone()
    if rows is None:
        return None
    events = made(Event, _COLUMNS, _read(json.loads(rows), connections[using].timezone), using)
    return events, len(events) < EVENTS_AT_ONCE and left_in is None


def settle(queue: str, shard: int, event_id: int, servers: Mapping[str, str], using: str) -> bool | None:
    """Take an event out of a queue that was applied without a lock on its shard, and keep it for the projections whose
    `servers` have these identities; returns whether nothing else is to be drained. None if the event was left there,
    since one of the projections has another server now. 1 statement."""
    now = timezone.now()
    values = [
        shard,
        event_id,
        *_adapted([now, now - IN_FLIGHT, now - OVERDUE], using),
        list(servers.values()),
        connections[using].get_autocommit(),
    ]
    with connections[using].cursor() as cursor:
        cursor.execute(_settle(queue, tuple(servers), using), values)
        return cursor.fetchone()[0]  # type: ignore[no-any-return]  # a boolean, or None


def _read(rows: Iterable[Sequence[Any]], zone: tzinfo | None) -> Iterable[Sequence[Any]]:
    """The columns of events in JSON, as the model has them."""
    columns = list(zip(*rows, strict=True))
    for place, field in enumerate(Event._meta.concrete_fields):
        if isinstance(field, models.DateTimeField):
            moments = {value: _moment(value, zone) for value in {*columns[place]}}  # one, of what was recorded together
            columns[place] = tuple(map(moments.__getitem__, columns[place]))
        elif isinstance(field, models.UUIDField):
            columns[place] = tuple(map(UUID, columns[place]))
        elif isinstance(field, OptionalText):
            columns[place] = tuple(value or "" for value in columns[place])
        elif isinstance(field, OptionalObject):
            columns[place] = tuple({} if value is None else value for value in columns[place])
    return zip(*columns, strict=True)


def _moment(text: str, zone: tzinfo | None) -> datetime:
    """In the zone of the connection; a site without time zones has local times, whatever the session has."""
    moment = datetime.fromisoformat(text)
    return moment.astimezone(zone) if zone else timezone.make_naive(moment, timezone.get_default_timezone())


def outbox_functions(connection: BaseDatabaseWrapper) -> Mapping[str, str]:
    """The functions that queue events, and take them out."""
    if not dialect(connection).has_routines:
        return {}
    is_due = IS_DUE.replace("%s", "now_")
    columns = ", ".join(str(field.column) for field in Event._meta.concrete_fields)
    return statements_with(__package__, connection.vendor, {"{is_due}": is_due, "{columns}": columns})


def done(queue: str, events: Sequence[Event], using: str) -> None:
    """The events no longer wait, but are kept. 1 statement or 2."""
    select, values = given(connections[using], _EVENT_ID, [(event.pk,) for event in events])
    with connections[using].cursor() as cursor:
        cursor.execute(_done(using).replace("{given}", select), [queue, *values])
    keep(queue, [event.pk for event in events], using)


def still_queued(queues: Sequence[str], event_ids: Iterable[int], using: str) -> set[int]:
    """Those of some events that wait in one of the queues. 1 query."""
    select, values = given(connections[using], _EVENT_ID, [(event_id,) for event_id in event_ids])
    among = dialect(connections[using]).is_among(select)
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"SELECT event_id FROM sequere_queuedevent WHERE queue IN ({_marks(len(queues))}) AND event_id {among}",
            [*queues, *values],
        )
        return {event_id for (event_id,) in cursor.fetchall()}


def shards_to_drain(queue: str, asked_for: Collection[int] | None, using: str) -> set[int]:
    """The shards in which an event is due: those among the ones asked for, or else the one with the oldest event of
    all, if that is overdue. 1 query."""
    oldest = _oldest(queue, using)
    if asked_for is None:
        return {*oldest}
    left = {shard for shard, (_, is_overdue) in islice(oldest.items(), 1) if is_overdue}
    return oldest.keys() & asked_for or left


def shards_with_older(queue: str, before: int, using: str) -> set[int]:
    """The shards in which an event is due that is older than another one. 1 query."""
    return {shard for shard, (event_id, _) in _oldest(queue, using).items() if event_id < before}


def overdue_shards(queue: str, using: str) -> set[int]:
    """The shards in which an event is overdue. 1 query."""
    return {shard for shard, (_, is_overdue) in _oldest(queue, using).items() if is_overdue}


def _oldest(queue: str, using: str) -> dict[int, tuple[int, bool]]:
    """The oldest event that is due in each shard, and whether it is overdue; the oldest of all first. 1 query."""
    now = timezone.now()
    with connections[using].cursor() as cursor:
        cursor.execute(_OLDEST, _adapted([queue, queue, now - OVERDUE, queue, now], using))
        rows = sorted(cursor.fetchall(), key=itemgetter(1))
    return {shard: (event_id, bool(is_overdue)) for shard, event_id, is_overdue in rows}


@cache
def _settle(queue: str, keepers: tuple[str, ...], using: str) -> str:
    text = dialect(connections[using]).text
    return statement(__package__, "settle").format(queue=text(queue), keepers=", ".join(map(text, keepers)))


@cache
def _done(using: str) -> str:
    among = dialect(connections[using]).is_among("{given}")
    return f"DELETE FROM sequere_queuedevent WHERE queue = %s AND event_id {among}"


@cache
def _due(shards: int) -> str:
    return statement(__package__, "due").format(is_due=IS_DUE, shards=_marks(shards), limit=EVENTS_AT_ONCE)


def _marks(number: int) -> str:
    return ", ".join(["%s"] * number)


def _adapted(values: Iterable[Any], using: str) -> list[Any]:
    adapt = connections[using].ops.adapt_datetimefield_value
    return [adapt(value) if isinstance(value, datetime) else value for value in values]
