"""Keeps the follows and their counts equal to the log."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any, ClassVar
from uuid import UUID

from django.db import connections, models

from sequere.backends.database import counts
from sequere.backends.database.comparison import Comparison
from sequere.backends.database.models import Follow
from sequere.base import ResourceKey
from sequere.log.locks import KEY, Resource
from sequere.log.models import Event
from sequere.log.streams import Relation, relation
from sequere.log.types import DELETED, FOLLOWED, UNFOLLOWED
from sequere.projections.projector import LevelTriggeredProjector
from sequere.projections.reconciler import Cursor, Difference, Page, RowPass, SpanPass, StrayRowPass
from sequere.relations import recorded
from sequere.sql.conditions import among
from sequere.sql.rows import fields_of, given


class Relations:
    """The relations of a page, between two resources whose columns have these prefixes."""

    def __init__(self, rows: models.QuerySet[Any], from_: str, to: str) -> None:
        self._from, self._to = ((f"{prefix}identifier", f"{prefix}object_id") for prefix in (from_, to))
        self._prefix = from_
        self._rows = rows.order_by()

    @cached_property
    def followers(self) -> list[ResourceKey]:
        """Those who follow in them, as they are when this is asked first."""
        return [ResourceKey(*row) for row in self._rows.values_list(*self._from).distinct()]

    def now(self, using: str) -> Comparison:
        """All of them."""
        return self._comparison(self._rows, using)

    def of_followers(self, using: str) -> Comparison:
        """Without those of resources that have followed nobody before, and were not locked."""
        return self._comparison(self._rows.filter(among(self.followers, self._prefix)), using)

    def _comparison(self, rows: models.QuerySet[Any], using: str) -> Comparison:
        streams = rows.annotate(opposite=Relation(*self._to, *self._from)).values_list("stream", "opposite")
        return Comparison(streams.query.get_compiler(using).as_sql(), using, both=False)


class RelationPass(SpanPass):
    """All relations of the log. Counts are left to CountPass.

    Who has locked the one who follows may write a follow: whoever writes it as well has locked both. So those whom many
    follow are not waited for.
    """

    name = "follows"
    columns: ClassVar[tuple[str, ...]] = ("actor_identifier", "actor_object_id", "id")
    ends = ("actor_", "target_")
    #: Those who follow in all of them are locked where something differs, for a tenth of a second.
    size = 4000

    def rows(self, using: str) -> models.QuerySet[Any]:
        return recorded.relations(using)

    def within(self, rows: models.QuerySet[Any], using: str) -> Any:
        return Relations(rows, *self.ends)

    def resources(self, keys: Relations, using: str) -> Iterable[ResourceKey]:
        return keys.followers

    def differs(self, keys: Relations, using: str) -> bool:
        return keys.now(using).differs()

    def compare(self, keys: Relations, using: str, *, repair: bool) -> list[Difference]:
        comparison = keys.of_followers(using)
        found = comparison.differences()
        if found and repair:
            comparison.repair()
        return [Difference(_name(wanted or stored), _described(wanted), _described(stored)) for stored, wanted in found]

    def repair(self, keys: Relations, using: str) -> int:
        return keys.of_followers(using).repair()


class StrayPass(StrayRowPass, RelationPass):
    """The follows of which the log knows nothing."""

    name = "strays"
    columns = ("stream",)
    ends = ("from_", "to_")
    size = 10_000

    def rows(self, using: str) -> models.QuerySet[Any]:
        return Follow.objects.using(using)

    def strays(self, rows: models.QuerySet[Any], using: str) -> models.QuerySet[Any]:
        of_log = Event.objects.using(using).filter(stream=models.OuterRef("stream"), version=1)
        return rows.exclude(models.Exists(of_log))

    def keys(self, rows: list[Any], using: str) -> Relations:
        return Relations(self.rows(using).filter(stream__in=[stream for (stream,) in rows]), *self.ends)


class CountPass(RowPass):
    """The counts of all resources, from the follows that the walks before it have left."""

    name = "counts"
    columns = KEY
    size = 4000

    def rows(self, using: str) -> models.QuerySet[Any]:
        return Resource.objects.using(using)

    def page(self, after: Cursor, until: Cursor, using: str) -> Page:
        """With everything between these resources: counts of others are wrong."""
        rows, number, end = super().page(after, until, using)
        return Page(counts.Range(after, end or until, [ResourceKey(*row) for row in rows or ()], using), number, end)

    def keys(self, rows: list[Any], using: str) -> Any:
        return rows

    def differs(self, keys: counts.Range, using: str) -> bool:
        return keys.differs()

    def resources(self, keys: counts.Range, using: str) -> Iterable[ResourceKey]:
        return keys.resources()

    def compare(self, keys: counts.Range, using: str, *, repair: bool) -> list[Difference]:
        differences = [
            Difference(f"counts of {key.identifier}:{key.object_id} with kind {key.other_identifier}", expected, found)
            for key, expected, found in keys.differences()
        ]
        if differences and repair:
            keys.repair()
        return differences

    def repair(self, keys: counts.Range, using: str) -> int:
        return keys.repair()


class FollowsProjector(LevelTriggeredProjector):
    """Follows and counts, in the transaction of the log."""

    passes = (RelationPass(), StrayPass(), CountPass())

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        """Make the follows that `events` concern what the log says: 1 statement, 3 on SQLite."""
        opposites: dict[UUID, UUID] = {}
        deleted = []
        for event in events:
            if event.type in {FOLLOWED, UNFOLLOWED} and (target := event.target):
                opposite = relation(target, event.actor)
                if opposite not in opposites:
                    opposites[event.stream] = opposite
            elif event.type == DELETED:
                deleted.append(event.actor)
        if opposites:
            streams = given(connections[using], fields_of(Event, ("stream", "stream")), opposites.items())
            Comparison(streams, using, both=True).write()
        if deleted:
            counts.forget_empty(deleted, using)


def _name(row: dict[str, Any]) -> str:
    return "follow {from_identifier}:{from_object_id} → {to_identifier}:{to_object_id}".format(**row)


def _described(row: dict[str, Any]) -> str:
    if not row:
        return "none"
    friends = f", friends by event {row['friends_event_id']}" if row["friends_event_id"] else ""
    return f"by event {row['event_id']} at {row['followed_at']}{friends}"
