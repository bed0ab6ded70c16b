"""Keeps the follows and their counts equal to the log."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any
from uuid import UUID

from django.db import models

from sequere.backends import recorded
from sequere.backends.database import counts
from sequere.backends.database.comparison import COUNT_KEY, Comparison
from sequere.backends.database.models import Follow, FollowCount
from sequere.base import ResourceKey
from sequere.events import DELETED, FOLLOWED, UNFOLLOWED, Event, relation
from sequere.keyset import walk
from sequere.projectors import Difference, LevelTriggeredProjector, Pass
from sequere.resources import Resource

#: Relations by their stream: from and to.
Relations = Mapping[UUID, tuple[ResourceKey, ResourceKey]]


class RelationPass(Pass):
    """All relations: those of the log, then those that only the read model knows. Counts are left to CountPass."""

    name = "follows"
    size = 250

    def total(self, using: str) -> int:
        return recorded.relations(using).count()

    def batches(self, using: str) -> Iterator[Relations]:
        log = Event.objects.using(using)
        stray = walk(
            Follow.objects.using(using).exclude(models.Exists(log.filter(stream=models.OuterRef("pk")))),
            ("stream",),
            self.size,
            ("from_identifier", "from_object_id", "to_identifier", "to_object_id"),
        )
        for page in chain(([row[1:] for row in page] for page in recorded.pages(using, self.size)), stray):
            yield {row[0]: (ResourceKey(*row[1:3]), ResourceKey(*row[3:5])) for row in page}

    def resources(self, keys: Relations, using: str) -> Iterable[ResourceKey]:
        return chain.from_iterable(keys.values())

    def compare(self, keys: Relations, using: str, *, repair: bool) -> list[Difference]:
        opposites = {stream: relation(to_key, from_key) for stream, (from_key, to_key) in keys.items()}
        comparison = Comparison(opposites, using, both=False)
        found = comparison.differences()
        if found and repair:
            comparison.write(count=False)
        return [Difference(_name(wanted or stored), _described(wanted), _described(stored)) for stored, wanted in found]


class CountPass(Pass):
    """The counts of all resources, from the follows that RelationPass has left."""

    name = "counts"
    size = 500

    def total(self, using: str) -> int:
        return Resource.objects.using(using).count()

    def batches(self, using: str) -> Iterator[Sequence[ResourceKey]]:
        resources = Resource.objects.using(using)
        same = {"identifier": models.OuterRef("identifier"), "object_id": models.OuterRef("object_id")}
        stray = FollowCount.objects.using(using).exclude(models.Exists(resources.filter(**same)))
        key = ("identifier", "object_id")
        for page in chain(walk(resources, key, self.size), walk(stray, COUNT_KEY, self.size)):
            yield sorted({ResourceKey(*row[:2]) for row in page})

    def resources(self, keys: Sequence[ResourceKey], using: str) -> Iterable[ResourceKey]:
        return keys

    def compare(self, keys: Sequence[ResourceKey], using: str, *, repair: bool) -> list[Difference]:
        wanted, stored = counts.expected(keys, using), counts.stored(keys, using)
        if repair and wanted != stored:
            counts.put(wanted, keys, using)
        nothing = counts.Numbers()
        both = {key: (wanted.get(key, nothing), stored.get(key, nothing)) for key in {*wanted, *stored}}
        return [
            Difference(f"counts of {key.identifier}:{key.object_id} with kind {key.other_identifier}", *pair)
            for key, pair in sorted(both.items())
            if pair[0] != pair[1]
        ]


class FollowsProjector(LevelTriggeredProjector):
    """Follows and counts, in the transaction of the log."""

    passes = (RelationPass(), CountPass())

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
            Comparison(opposites, using, both=True).write(count=True)
        if deleted:
            counts.forget_empty(deleted, using)


def _name(row: dict[str, Any]) -> str:
    return "follow {from_identifier}:{from_object_id} → {to_identifier}:{to_object_id}".format(**row)


def _described(row: dict[str, Any]) -> str:
    if not row:
        return "none"
    friends = f", friends by event {row['friends_event_id']}" if row["friends_event_id"] else ""
    return f"by event {row['event_id']} at {row['followed_at']}{friends}"
