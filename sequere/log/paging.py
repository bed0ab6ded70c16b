"""Pages of the log, newest first: no COUNT of the table, no OFFSET, and a limited number of events read for each page.

Some conditions are served by an index in the order of the ids: none (the whole log), an actor, a target, a stream, a
correlation id. Other conditions are not. A page therefore reads a limited number of events, keeps those that match, and
says how far it has looked: a search for something rare does not read 100 million rows unless the caller wants that.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import reduce
from operator import index, or_
from typing import Any
from uuid import UUID

from django.db import connections, models

from sequere.base import ResourceKey
from sequere.event_types import event_types
from sequere.log.models import Event, EventQuerySet, is_correlated
from sequere.log.validation import midnight
from sequere.sql.conditions import is_
from sequere.texts import is_storable

#: Events on a page.
EVENTS_PER_PAGE = 100
#: Events that `Selection.iterator()` loads at once: SQLite allows that many parameters.
EVENTS_PER_QUERY = 900
#: How many events a page reads to find those that match: along the whole log, and along other indexes, whose events are
#: spread over the disk.
LOOK_ALONG_LOG = 100_000
LOOK_ALONG_INDEX = 5_000
#: What no page exceeds, and no id: databases refuse numbers that are much larger.
FARTHEST, LAST_ID = 2**30, 2**63 - 1
#: Ids and times do not grow strictly together: the id for a time is looked up this much earlier and later.
JITTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events, newest first."""

    events: Sequence[Event] = ()
    #: Pass it to `page()` as `after` for the page with newer events; None if there are none.
    newer: int | None = None
    #: Pass it to `page()` as `before` for the page with older events; None if there are none.
    older: int | None = None
    #: Whether the page ends because it has read its limit: further events may match, or none.
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """Some events of the log, however large it is. `Selection()` is the whole log. Costs no query until it is read."""

    #: Conditions that an index serves in the order of the ids; an empty one is the whole log. An event matches any of
    #: them, and all `filters`.
    sources: tuple[models.Q, ...] = (models.Q(),)
    #: Conditions that no index serves.
    filters: models.Q = field(default_factory=models.Q)
    #: The ids that the events lie between, if known.
    first: int = 1
    last: int | None = None

    @classmethod
    def about(cls, key: ResourceKey) -> "Selection":
        """The events that a resource is the actor or the target of."""
        return cls((is_(key, "actor_"), is_(key, "target_")) if all(map(is_storable, key)) else ())

    @classmethod
    def in_stream(cls, stream: UUID) -> "Selection":
        """The events of a stream."""
        return cls((models.Q(stream=stream),))

    @classmethod
    def correlated(cls, correlation_id: str) -> "Selection":
        """The events with a correlation id in their metadata."""
        return cls((is_correlated(correlation_id),) if is_storable(correlation_id) else ())

    def narrowed(
        self,
        using: str,
        *,
        type: str = "",  # noqa: A002  # the name of the field
        verb: str = "",
        kind: str = "",
        who: str = "",
        timeline: ResourceKey | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> "Selection":
        """Only the events of a type, with a verb, with an actor or target of a kind (the identifier of a model), with
        `who` in their metadata, that have changed the timeline of an owner, and recorded on these days, the last one
        included. Texts that no event can have select nothing. 1 query for each of the two days. Raises
        InvalidTimestamp."""
        if not all(map(is_storable, (type, verb, kind, who, *(timeline or ())))):
            return replace(self, sources=())
        filters, first, last = self.filters, self.first, self.last
        for name, value in (("type", type), ("verb", verb)):
            if value:
                filters &= models.Q(**{name: value})
        if kind:
            filters &= models.Q(actor_identifier=kind) | models.Q(target_identifier=kind)
        if who:
            filters &= models.Q(metadata__who=who)
        if timeline:
            of_types = (models.Q(type=one.name) & one.in_timeline(timeline) for one in event_types.with_timelines())
            filters &= reduce(or_, of_types, models.Q(pk__in=[]))
        if since:
            moment = midnight(since)
            filters &= models.Q(recorded_at__gte=moment)
            first = first_id_since(moment - JITTER, using)
        if until:
            moment = midnight(until, days=1)
            filters &= models.Q(recorded_at__lt=moment)
            last = first_id_since(moment + JITTER, using) - 1
        return replace(self, filters=filters, first=first, last=last)

    def page(
        self,
        using: str,
        *,
        before: int | None = None,
        after: int | None = None,
        size: int = EVENTS_PER_PAGE,
        depth: int = 1,
    ) -> EventPage:
        """The newest events with ids below `before`, or the oldest ones with ids above `after`.

        Reads at most 100,000 events of the log, or 5,000 of another index, to find those that match; `depth` times as
        many if it is given. At most 3 queries.
        """
        size, depth = min(index(size), FARTHEST), min(index(depth), FARTHEST)
        if size < 1 or depth < 1:
            raise ValueError("A page has at least one event, and a depth of at least 1.")
        back = after is None
        first = self.first if after is None else max(self.first, min(index(after) + 1, LAST_ID))
        ends = [self.last, None if before is None else max(0, min(index(before) - 1, LAST_ID))]
        last = min((end for end in ends if end is not None), default=None)
        ids, edge = _ids(_Span(self, first, last, back, using), size, depth)
        events = _load(ids[:size], using)
        further = ids[size - 1] if len(ids) > size else edge
        other_way = before if back else after
        if other_way is not None:
            # Nothing lies between the edge of that page and the first event of this one.
            other_way = ids[0] if ids else other_way - 1 if back else other_way + 1
        newer, older = (other_way, further) if back else (further, other_way)
        return EventPage(events, newer, older, is_cut=edge is not None and len(ids) <= size)

    def iterator(self, using: str) -> Iterator[Event]:
        """All events of the selection, newest first, in constant memory. 2 or 3 queries for each 900 of them."""
        before = None
        while True:
            page = self.page(using, before=before, size=EVENTS_PER_QUERY)
            yield from page.events
            if page.older is None:
                return
            before = page.older


@dataclass(frozen=True, slots=True)
class _Span:
    """A part of the log, and the direction to read it in."""

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
    """The ids of a page and of the event after it; and the last id that was read, if the page ends there."""
    sources, filters = span.selection.sources, span.selection.filters
    if not sources:
        return [], None
    events = span.between(span.first, span.last)
    if not filters:
        found = (span.ordered(events.filter(source)).values("id")[: size + 1] for source in sources)
        return _merged(found, span, size), None
    if any(not source for source in sources):
        return _ids_along_log(span, size, LOOK_ALONG_LOG * depth)
    limit = max(size, LOOK_ALONG_INDEX * depth // len(sources))
    # Tested inside the window: a condition outside of it would let the database read everything else first.
    matches = models.ExpressionWrapper(filters, output_field=models.BooleanField())
    windows = [
        span.ordered(events.filter(source)).annotate(matches=matches).values("id", "matches")[:limit]
        for source in sources
    ]
    ids = _merged(windows, span, size, "WHERE matches")
    if len(ids) > size:
        return ids, None
    edge = _edge(windows, limit, span)
    if edge is None:
        return ids, None
    return [id_ for id_ in ids if (id_ >= edge if span.back else id_ <= edge)], edge


def _ids_along_log(span: _Span, size: int, limit: int) -> tuple[list[int], int | None]:
    ends = f"SELECT (SELECT MIN(id) FROM {_LOG}), (SELECT MAX(id) FROM {_LOG})"  # noqa: S608
    ((first_of_all, last_of_all),) = _rows(ends, [], span.using)
    if first_of_all is None:
        return [], None
    first, last = max(span.first, first_of_all), last_of_all if span.last is None else min(span.last, last_of_all)
    if span.back:
        edge, is_end = max(first, last - limit + 1), last - limit < first
        window = span.between(edge, last)
    else:
        edge, is_end = min(last, first + limit - 1), first + limit > last
        window = span.between(first, edge)
    ids = _merged([span.ordered(window.filter(span.selection.filters)).values("id")[: size + 1]], span, size)
    return ids, None if is_end or len(ids) > size else edge


def _merged(parts: Iterable[models.QuerySet[Event, Any]], span: _Span, size: int, where: str = "") -> list[int]:
    """The first ids of several querysets together, each once. 1 query."""
    statements, values = _compiled(parts, span.using)
    union = " UNION ".join(f"SELECT id FROM ({sql}) part{n} {where}" for n, sql in enumerate(statements))  # noqa: S608
    return [id_ for (id_,) in _rows(f"{union} {span.order} LIMIT {size + 1}", values, span.using)]


def _edge(windows: Iterable[models.QuerySet[Event, Any]], limit: int, span: _Span) -> int | None:
    """The id up to which all sources were read; None if all of them to their end. 1 query."""
    statements, values = _compiled(windows, span.using)
    end = "MIN" if span.back else "MAX"
    parts = (f"SELECT {end}(id), COUNT(id) FROM ({sql}) part{n}" for n, sql in enumerate(statements))  # noqa: S608
    edges = [edge for edge, number in _rows(" UNION ALL ".join(parts), values, span.using) if number == limit]
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
    """The id of the first event recorded at `moment` or later, found by bisection, since ids and times grow together.

    Not strictly: an id is assigned shortly after the time is taken. 1 query, which looks up some 50 rows.
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
