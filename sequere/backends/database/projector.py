"""Keeps the follows and their counts equal to the log."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from uuid import UUID

from django.db import models

from sequere.backends.database import counts
from sequere.backends.database.models import Follow, FollowCount
from sequere.base import ResourceKey
from sequere.events import DELETED, FOLLOWED, UNFOLLOWED, Event, relation
from sequere.keyset import walk
from sequere.projectors import Difference, LevelTriggeredProjector
from sequere.resources import Resource

#: Relations by their stream: from and to.
Relations = Mapping[UUID, tuple[ResourceKey, ResourceKey]]
#: The follow that is stored, and the one that the log wants in its place.
Change = tuple[Follow | None, Follow | None]

COLUMNS = tuple(field.attname for field in Follow._meta.concrete_fields)


class RelationPass:
    """All relations: those of the log, then those that only the read model knows. Counts are left to CountPass."""

    name = "follows"
    size = 250

    def total(self, using: str) -> int:
        return Event.objects.using(using).filter(type=FOLLOWED, version=1).count()

    def batches(self, using: str) -> Iterator[Relations]:
        log = Event.objects.using(using)
        known = walk(
            log.filter(type=FOLLOWED, version=1),
            ("stream",),
            self.size,
            ("actor_identifier", "actor_object_id", "target_identifier", "target_object_id"),
        )
        stray = walk(
            Follow.objects.using(using).exclude(models.Exists(log.filter(stream=models.OuterRef("pk")))),
            ("stream",),
            self.size,
            ("from_identifier", "from_object_id", "to_identifier", "to_object_id"),
        )
        for page in chain(known, stray):
            yield {row[0]: (ResourceKey(*row[1:3]), ResourceKey(*row[3:5])) for row in page}

    def resources(self, keys: Relations, using: str) -> Iterable[ResourceKey]:
        return chain.from_iterable(keys.values())

    def compare(self, keys: Relations, using: str, *, repair: bool) -> list[Difference]:
        changed = _changed(keys, using)
        if repair:
            _write(changed, using)
        return [
            Difference(f"follow {wanted or stored}", _described(wanted), _described(stored))
            for stored, wanted in changed
        ]


class CountPass:
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
        for page in chain(walk(resources, key, self.size), walk(stray, counts.KEY, self.size)):
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
        """Make the follows that `events` concern what the log says: 2 queries, and at most 3 statements."""
        relations: dict[UUID, tuple[ResourceKey, ResourceKey]] = {}
        deleted = []
        for event in events:
            if event.type in {FOLLOWED, UNFOLLOWED} and event.target:
                relations[event.stream] = (event.actor, event.target)
                relations[relation(event.target, event.actor)] = (event.target, event.actor)
            elif event.type == DELETED:
                deleted.append(event.actor)
        if relations:
            changed = _changed(relations, using)
            _write(changed, using)
            counts.add(counts.gained(changed), using)
        if deleted:
            counts.forget_empty(deleted, using)


def _changed(relations: Relations, using: str) -> list[Change]:
    """Where the stored follows are not what the log wants. 2 queries."""
    opposite = {stream: relation(to_key, from_key) for stream, (from_key, to_key) in relations.items()}
    log = Event.objects.using(using).latest_of({*relations, *opposite.values()})
    following = {event.stream: event for event in log.defer("data", "metadata") if event.type == FOLLOWED}
    stored = {follow.pk: follow for follow in Follow.objects.using(using).filter(pk__in=list(relations))}
    changes = (
        (stored.get(stream), _follow(following.get(stream), following.get(opposite[stream]))) for stream in relations
    )
    return [change for change in changes if _values(change[0]) != _values(change[1])]


def _follow(event: Event | None, back: Event | None) -> Follow | None:
    """What should be stored for a relation and its opposite, each with its last event where it is live."""
    if event is None:
        return None
    # Friends since the later of the two follows.
    friends = max((event, back), key=lambda one: (one.occurred_at, one.pk)) if back else None
    return Follow(
        stream=event.stream,
        from_identifier=event.actor_identifier,
        from_object_id=event.actor_object_id,
        to_identifier=event.target_identifier,
        to_object_id=event.target_object_id,
        followed_at=event.occurred_at,
        event_id=event.pk,
        friends_at=friends.occurred_at if friends else None,
        friends_event_id=friends.pk if friends else None,
    )


def _values(follow: Follow | None) -> list[object]:
    return [getattr(follow, column) for column in COLUMNS] if follow else []


def _described(follow: Follow | None) -> str:
    if follow is None:
        return "none"
    friends = f", friends by event {follow.friends_event_id}" if follow.friends_event_id else ""
    return f"by event {follow.event_id} at {follow.followed_at}{friends}"


def _write(changes: Sequence[Change], using: str) -> None:
    """Store what is wanted in the place of what is stored: at most 2 statements, however many there are."""
    follows = Follow.objects.using(using)
    if gone := [stored.pk for stored, wanted in changes if stored and not wanted]:
        follows.filter(pk__in=gone).delete()
    if put := [wanted for _, wanted in changes if wanted]:
        follows.bulk_create(put, update_conflicts=True, unique_fields=["stream"], update_fields=COLUMNS[1:])
