"""Reading the log: the last events of streams, and whole streams."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections

from sequere.log.models import Event
from sequere.sql.dialects import dialect
from sequere.sql.rows import fields_of, given, instances

_EVENTS_OF = "SELECT * FROM sequere_events_of(%s::uuid[], %s::uuid[])"

#: An expression: the id of the last event, 0 for none.
LAST_ID = "COALESCE((SELECT MAX(id) FROM sequere_event), 0)"

#: The last event of each stream that has one.
Latest = Mapping[UUID, Event]


class History(NamedTuple):
    """What the log knows when an intent is decided."""

    #: The last event of its stream, if any.
    last: Event | None
    #: The last events by stream: those of its own stream, of the streams in `Intent.reads`, and of other intents.
    latest: Latest
    #: With `Intent.reads_history`, all events of its stream, oldest first.
    events: Sequence[Event] = ()


def read_streams(
    whole: Collection[UUID], streams: Collection[UUID], using: str
) -> tuple[dict[UUID, Event], dict[UUID, list[Event]]]:
    """The last event of each of `streams` that has one, and all events of those in `whole`: 1 query."""
    if not whole:
        return latest_of(streams, using), {}
    latest: dict[UUID, Event] = {}
    events: dict[UUID, list[Event]] = defaultdict(list)
    for event in all_and_latest(whole, {*streams}.difference(whole), using):
        latest[event.stream] = event
        if event.stream in whole:
            events[event.stream].append(event)
    return latest, events


def latest_of(streams: Iterable[UUID], using: str) -> dict[UUID, Event]:
    """The last event of each of `streams` that has one: 1 query."""
    sql, values = _latest(streams, using)
    return {event.stream: event for event in instances(Event, sql, values, using)}


def all_and_latest(of_all: Iterable[UUID], of_latest: Iterable[UUID], using: str) -> list[Event]:
    """All events of some streams, each stream in its order, and the last events of others: 1 query."""
    if dialect(connections[using]).has_routines:
        return instances(Event, _EVENTS_OF, [list(of_all), list(of_latest)], using)
    select, values = _given(of_all, using)
    latest, more = _latest(of_latest, using)
    whole = f"SELECT event.* FROM ({select}) given JOIN {Event._meta.db_table} event USING (stream)"
    return instances(Event, f"{whole} UNION ALL {latest} ORDER BY id", [*values, *more], using)


def last_id(using: str) -> int:
    """The id of the last event, 0 for none. Whoever has locked a resource sees all events about it up to this one, and
    what is recorded about it later gets a larger id. 1 query."""
    with connections[using].cursor() as cursor:
        cursor.execute(f"SELECT {LAST_ID}")
        return int(cursor.fetchone()[0])


@cache
def last_event(using: str, name: str, stream: str, condition: str = "true") -> str:
    """What JOIN and LEFT JOIN take: the last event of a stream under a name, if it meets a condition."""
    words = dialect(connections[using])
    return words.join_last_event(words.table(Event), name, stream, condition)


def _latest(streams: Iterable[UUID], using: str) -> tuple[str, list[Any]]:
    select, values = _given(streams, using)
    last = last_event(using, "last", "given.stream")
    return f"SELECT last.* FROM ({select}) given JOIN {last}", values


def _given(streams: Iterable[UUID], using: str) -> tuple[str, list[Any]]:
    return given(connections[using], fields_of(Event, ("stream",)), [(stream,) for stream in streams])
