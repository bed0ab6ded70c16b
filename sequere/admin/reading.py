"""Pages of the log in the order of its ids: no COUNT of the table, no OFFSET, and never more than a bounded look at it.

Events come in along ways, each of which an index serves in the order of the ids: all, those of an actor, those with a
correlation id. What is asked of them besides, no index serves. So a page looks at a limited number of events, shows
what it finds among them, and says how far it has looked: something rare does not make anybody read 100 million rows
who has not asked for that.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connections, models

from sequere.log.models import Event, EventQuerySet

#: Events on a page.
PAGE = 100
#: How many events a page looks at for those that were asked for: along the log, and along other ways, where they are
#: spread over the disk.
LOOK_ALONG_LOG = 100_000
LOOK_ALONG_INDEX = 5_000


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events are asked for."""

    #: Where they come from, each a condition that an index serves in the order of ids; an empty one is the whole log.
    ways: tuple[models.Q, ...]
    #: What must be true of them besides, which no index serves.
    filters: models.Q = field(default_factory=models.Q)
    #: Between which ids, if that is known.
    first: int = 1
    last: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, the newest first."""

    events: Sequence[Event] = ()
    #: What to give to `read()` as `after` for the page with newer events, if there may be one.
    newer: int | None = None
    #: What to give to `read()` as `before` for the page with older events, if there may be one.
    older: int | None = None
    #: Whether it ends where the look did, and not with its last event: there may be more of them, or none.
    is_cut: bool = False


def read(
    selection: Selection,
    using: str,
    *,
    before: int | None = None,
    after: int | None = None,
    size: int = PAGE,
    depth: int = 1,
) -> Page:
    """The newest events that are older than `before`, or the oldest that are newer than `after`.

    Looks at `depth` times as many events as usual, if it must. At most 3 queries.
    """
    back = after is None
    first = selection.first if after is None else max(selection.first, after + 1)
    ends = [end for end in (selection.last, None if before is None else before - 1) if end is not None]
    last = min(ends, default=None)
    ids, edge = _ids(_Span(selection, first, last, back, using), size, depth)
    events = _load(ids[:size], using)
    further = ids[size - 1] if len(ids) > size else edge
    other_way = before if back else after
    if other_way is not None:
        # Nothing lies between the edge of that page and the first event of this one.
        other_way = ids[0] if ids else other_way - 1 if back else other_way + 1
    newer, older = (other_way, further) if back else (further, other_way)
    return Page(events, newer, older, is_cut=edge is not None and len(ids) <= size)


@dataclass(frozen=True, slots=True)
class _Span:
    """A part of the log, and in which direction it is read."""

    selection: Selection
    first: int
    last: int | None
    back: bool
    using: str

    def between(self, first: int, last: int | None) -> EventQuerySet:
        events = Event.objects.using(self.using).filter(pk__gte=first)
        return events if last is None else events.filter(pk__lte=last)

    def ordered(self, events: models.QuerySet[Event]) -> models.QuerySet[Event]:
        return events.order_by("-pk" if self.back else "pk")

    @property
    def order(self) -> str:
        return "ORDER BY 1 DESC" if self.back else "ORDER BY 1"


def _ids(span: _Span, size: int, depth: int) -> tuple[list[int], int | None]:
    """The ids of a page, and of one event more; and the last id that was looked at, if the look ended there."""
    ways, filters = span.selection.ways, span.selection.filters
    if not ways:
        return [], None
    all_of_them = span.between(span.first, span.last)
    if not filters:
        found = (span.ordered(all_of_them.filter(way)).values("id")[: size + 1] for way in ways)
        return _merged(found, span, size), None
    if any(not way for way in ways):
        return _ids_along_log(span, size, LOOK_ALONG_LOG * depth)
    looked_at = max(size, LOOK_ALONG_INDEX * depth // len(ways))
    # Asked inside the window: a condition outside of it would let the database look at everything else first.
    is_asked = models.ExpressionWrapper(filters, output_field=models.BooleanField())
    windows = [
        span.ordered(all_of_them.filter(way)).annotate(is_asked=is_asked).values("id", "is_asked")[:looked_at]
        for way in ways
    ]
    ids = _merged(windows, span, size, "WHERE is_asked")
    if len(ids) > size:
        return ids, None
    edge = _edge(windows, looked_at, span)
    if edge is None:
        return ids, None
    return [id_ for id_ in ids if (id_ >= edge if span.back else id_ <= edge)], edge


def _ids_along_log(span: _Span, size: int, looked_at: int) -> tuple[list[int], int | None]:
    ends = f"SELECT (SELECT MIN(id) FROM {_LOG}), (SELECT MAX(id) FROM {_LOG})"  # noqa: S608
    ((first_of_all, last_of_all),) = _rows(ends, [], span.using)
    if first_of_all is None:
        return [], None
    first, last = max(span.first, first_of_all), last_of_all if span.last is None else min(span.last, last_of_all)
    if span.back:
        edge, is_end = max(first, last - looked_at + 1), last - looked_at < first
        window = span.between(edge, last)
    else:
        edge, is_end = min(last, first + looked_at - 1), first + looked_at > last
        window = span.between(first, edge)
    ids = _merged([span.ordered(window.filter(span.selection.filters)).values("id")[: size + 1]], span, size)
    return ids, None if is_end or len(ids) > size else edge


def _merged(parts: Iterable[models.QuerySet[Event, Any]], span: _Span, size: int, where: str = "") -> list[int]:
    """The first ids of several querysets together, each once. 1 query."""
    statements, values = _compiled(parts, span.using)
    ways = " UNION ".join(f"SELECT id FROM ({sql}) way{n} {where}" for n, sql in enumerate(statements))  # noqa: S608
    return [id_ for (id_,) in _rows(f"{ways} {span.order} LIMIT {size + 1}", values, span.using)]


def _edge(windows: Iterable[models.QuerySet[Event, Any]], looked_at: int, span: _Span) -> int | None:
    """Up to which id all ways were looked at; None if all to their end. 1 query."""
    statements, values = _compiled(windows, span.using)
    end = "MIN" if span.back else "MAX"
    ways = (f"SELECT {end}(id), COUNT(id) FROM ({sql}) way{n}" for n, sql in enumerate(statements))  # noqa: S608
    sql = " UNION ALL ".join(ways)
    edges = [edge for edge, number in _rows(sql, values, span.using) if number == looked_at]
    return (max if span.back else min)(edges, default=None)


def _compiled(parts: Iterable[models.QuerySet[Event, Any]], using: str) -> tuple[list[str], list[Any]]:
    compiled = [part.query.get_compiler(using=using).as_sql() for part in parts]
    return [sql for sql, _ in compiled], [value for _, values in compiled for value in values]


def _rows(sql: str, values: Sequence[Any], using: str) -> list[Any]:
    with connections[using].cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _load(ids: Sequence[int], using: str) -> list[Event]:
    events = Event.objects.using(using).in_bulk(ids)
    return [events[id_] for id_ in sorted(ids, reverse=True)]


def first_id_since(moment: datetime, using: str) -> int:
    """The id from which on events were recorded at `moment` or later, by halves: ids and times grow together.

    Not strictly so: an id is handed out a little later than its time is taken. 1 query, which looks up some 50 rows.
    """
    adapted = connections[using].ops.adapt_datetimefield_value(moment)
    middle = "(low + high) / 2"
    is_earlier = f"(SELECT recorded_at FROM {_LOG} WHERE id >= {middle} ORDER BY id LIMIT 1) < %s"  # noqa: S608
    sql = f"""
        WITH RECURSIVE half (low, high) AS (
            SELECT CAST(1 AS bigint), (SELECT COALESCE(MAX(id), 0) + 1 FROM {_LOG})
            UNION ALL
            SELECT CASE WHEN {is_earlier} THEN {middle} + 1 ELSE low END,
                CASE WHEN {is_earlier} THEN high ELSE {middle} END
            FROM half WHERE low < high
        )
        SELECT low FROM half WHERE low >= high
    """  # noqa: S608
    ((found,),) = _rows(sql, [adapted, adapted], using)
    return int(found)


_LOG = Event._meta.db_table
