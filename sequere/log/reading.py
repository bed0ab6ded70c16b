"""Reading the log: the last events of streams, and whole streams."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from sequere.log.models import Event
from sequere.sql.rows import fields_of, given, instances

#: The last event of each stream that has one.
Latest = Mapping[UUID, Event]


def latest_of(streams: Iterable[UUID], using: str) -> dict[UUID, Event]:
    """The last event of each of `streams` that has one: 1 query."""
    sql, values = _latest(streams, using)
    return {event.stream: event for event in instances(Event, sql, values, using)}


def latest_among(events: Iterable[Event], using: str) -> dict[UUID, Event]:
    """The last event of each stream that events are of: 1 query, and 1 more if some of them are others than these."""
    known = {event.pk: event for event in events}
    sql, values = _latest({event.stream for event in known.values()}, using, "id")
    with connections[using].cursor() as cursor:
        cursor.execute(sql, values)
        ids = [id_ for (id_,) in cursor.fetchall()]
    others = [id_ for id_ in ids if id_ not in known]
    if others:
        known |= Event.objects.using(using).in_bulk(others)
    return {known[id_].stream: known[id_] for id_ in ids}


def all_and_latest(of_all: Iterable[UUID], of_latest: Iterable[UUID], using: str) -> list[Event]:
    """All events of some streams, each in its order, and the last ones of others: 1 query."""
    select, values = _given(of_all, using)
    latest, more = _latest(of_latest, using)
    whole = f"SELECT event.* FROM ({select}) given JOIN {Event._meta.db_table} event USING (stream)"
    return instances(Event, f"{whole} UNION ALL {latest} ORDER BY id", [*values, *more], using)


def _latest(streams: Iterable[UUID], using: str, columns: str = "*") -> tuple[str, list[Any]]:
    select, values = _given(streams, using)
    last = last_event(connections[using], "last", "given.stream")
    return f"SELECT last.{columns} FROM ({select}) given JOIN {last}", values


def _given(streams: Iterable[UUID], using: str) -> tuple[str, list[Any]]:
    return given(connections[using], fields_of(Event, ("stream",)), [(stream,) for stream in streams])


def last_event(connection: BaseDatabaseWrapper, name: str, stream: str, condition: str = "true") -> str:
    """What JOIN and LEFT JOIN take: under a name the last event of a stream, looked up in the index, if it is so."""
    event = connection.ops.quote_name(Event._meta.db_table)
    last = f"FROM {event} WHERE stream = {stream} ORDER BY version DESC LIMIT 1"
    if connection.vendor == "postgresql":  # which, wrong about sizes, may read the whole log for any other join
        return f"LATERAL (SELECT * {last}) {name} ON {condition}"
    return f"{event} {name} ON {name}.id = (SELECT id {last}) AND {condition}"
