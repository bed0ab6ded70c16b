"""Relations as they were: answered from the log."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from django.db import models, router
from django.db.models.functions import Coalesce, Greatest

from sequere.base import ResourceKey
from sequere.log.models import Event, EventQuerySet
from sequere.log.suspensions import SUSPENDED
from sequere.log.validation import point_in_time
from sequere.relations.intents import DELETED
from sequere.relations.key import Graph, RelationKey
from sequere.relations.lasting import Until, in_log
from sequere.relations.types import PAUSING
from sequere.results.cursors import Place
from sequere.results.lazy import LazyList
from sequere.results.relations import Related, RelationList, load_relations
from sequere.sql.conditions import among, is_

#: The last event that counts, or the moment until which events do.
PointInPast = Event | datetime


@dataclass(frozen=True, slots=True)
class Past:
    """What a backend would have answered when all events up to `end` were applied, and no later ones. Each answer takes
    as long as the resource has events. Raises InvalidTimestamp."""

    end: PointInPast

    def live_among(self, relations: Collection[RelationKey], *, mutual: bool = False) -> set[RelationKey]:
        """Those of `relations` that were live; if `mutual`, in both directions. 1 query."""
        wanted = {one.stream: one for relation in relations for one in (relation, relation.opposite)}
        begun = {relation.graph.type.begun.name for relation in relations}
        last = self._not_paused(self._last().filter(stream__in=wanted, type__in=begun))
        live = {wanted[stream] for stream in last.values_list("stream", flat=True)}
        return {relation for relation in relations if relation in live and (not mutual or relation.opposite in live)}

    def related(self, what: str, graph: Graph, key: ResourceKey, identifier: str | None, *, desc: bool) -> RelationList:
        return LazyList(PastRows(self, what, graph, key, identifier, desc))

    def count(self, what: str, graph: Graph, key: ResourceKey, identifier: str | None) -> int:
        """1 query."""
        return PastRows(self, what, graph, key, identifier, desc=True).count()

    def events(self) -> EventQuerySet:
        return Event.objects.using(router.db_for_read(Event)).up_to(self.end)

    def deleted_since(self, keys: Collection[ResourceKey]) -> set[ResourceKey]:
        """Those of `keys` that name another instance now, or none. 1 query."""
        deleted = Event.objects.using(router.db_for_read(Event)).of_type(DELETED).filter(among(keys, "actor_"))
        before = self.events().of_type(DELETED).filter(among(keys, "actor_"))
        return {event.actor for event in deleted.exclude(pk__in=before.values("pk"))}

    def _last(self) -> EventQuerySet:
        """The last event of each stream."""
        later = self.events().filter(stream=models.OuterRef("stream"), version=models.OuterRef("version") + 1)
        return self.events().filter(~models.Exists(later))

    def begun(self, graph: Graph) -> EventQuerySet:
        """The events that began the relations of a graph which were live."""
        scoped = models.Q(scope=graph.scope) if graph.scope else models.Q(scope__isnull=True)
        return self._not_paused(self._last().filter(scoped, type=graph.type.begun.name))

    def is_suspended(self, key: ResourceKey) -> bool:
        """Whether a resource was suspended. 1 query."""
        return bool(self._last().filter(is_(key, "actor_"), type=SUSPENDED).exists())

    def _not_paused(self, begun: EventQuerySet) -> EventQuerySet:
        """Those of events that begin relations whose relations had not ended by themselves, and did not pause."""
        moment = self.end.recorded_at if isinstance(self.end, Event) else point_in_time(self.end)
        paused = models.Exists(self._suspending("actor_")) | models.Exists(self._suspending("target_"))
        lasting = begun.alias(until=Until("data")).filter(until__gt=in_log(moment))
        return lasting.exclude(models.Q(type__in=PAUSING) & paused)

    def _suspending(self, end: str) -> EventQuerySet:
        """The event that had suspended the resource at one end of another event."""
        key = {f"actor_{column}": models.OuterRef(f"{end}{column}") for column in ResourceKey._fields}
        return self._last().filter(**key, type=SUSPENDED)


@dataclass(frozen=True, slots=True)
class PastRows:
    """The rows behind a list: (identifier, object_id, since) of the other end of each relation. Those of the same
    moment are in the order of their events."""

    past: Past
    what: str
    graph: Graph
    key: ResourceKey
    identifier: str | None
    desc: bool

    def count(self) -> int:
        return int(self._events().count())

    def rows(self, start: int, stop: int | None) -> list[tuple[Any, ...]]:
        return [row for _, row in self._rows(self._events()[start:stop])]

    def stream(self, start: int, stop: int | None) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows(start, stop))

    def page(self, size: int, after: Place | None) -> list[tuple[Place, tuple[Any, ...]]]:
        events = self._events()
        if after:
            behind = "lt" if self.desc else "gt"
            later = models.Q(**{f"since__{behind}": after.moment})
            events = events.filter(later | models.Q(since=after.moment, **{f"pk__{behind}": after.tie}))
        return self._rows(events[:size])

    def reversed(self) -> Self:
        return replace(self, desc=not self.desc)

    def load(self, rows: Sequence[tuple[Any, ...]]) -> list[Related | None]:
        """What was deleted since is hidden, whatever its key names now. 1 query more."""
        gone = self.past.deleted_since([ResourceKey(*row[:2]) for row in rows])
        loaded = load_relations([(row[0], row[1], row[2]) for row in rows])
        return [None if row[:2] in gone else one for row, one in zip(rows, loaded, strict=True)]

    def _rows(self, events: Any) -> list[tuple[Place, tuple[Any, ...]]]:
        other = f"{self._other}identifier", f"{self._other}object_id"
        return [(Place(since, pk), (*key, since)) for *key, since, pk in events.values_list(*other, "since", "pk")]

    @property
    def _other(self) -> str:
        return "actor_" if self.what == self.graph.type.followers else "target_"

    def _events(self) -> Any:
        own = "target_" if self._other == "actor_" else "actor_"
        events: Any = self.past.begun(self.graph).filter(is_(self.key, own))
        if self.identifier is not None:
            events = events.filter(**{f"{self._other}identifier": self.identifier})
        since: Any = models.F("occurred_at")
        if self.what == self.graph.type.friends:
            events = events.alias(opposite=RelationKey.stream_in_sql(self.graph, "target_", "actor_"))
            back = self.past.begun(self.graph).filter(stream=models.OuterRef("opposite"))
            events = events.alias(back=models.Subquery(back.values("occurred_at")[:1])).filter(back__isnull=False)
            since = Greatest("occurred_at", Coalesce("back", "occurred_at"))
        direction = "-" if self.desc else ""
        return events.annotate(since=since).order_by(f"{direction}since", f"{direction}pk")
