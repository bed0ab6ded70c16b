"""The entries that follows bring: what the log wants, what is stored, and how one becomes the other."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, ClassVar

from django.db import connections, models

from sequere.base import ResourceKey
from sequere.log.locks import KEY, Resource
from sequere.log.models import Event
from sequere.log.streams import relation
from sequere.log.types import FOLLOWED
from sequere.projections.reconciler import Difference, RowPass
from sequere.sql.conditions import among
from sequere.sql.keyset import walk
from sequere.sql.rows import fields_of, given
from sequere_timeline.backends.base import Reason
from sequere_timeline.backends.database import entries
from sequere_timeline.backends.database.models import Entry, SavedAction
from sequere_timeline.visibility import ALL, Interval, Relations, intervals_of, within

#: Owners of timelines into which the same actions of an actor belong: those published in the intervals.
Groups = dict[tuple[ResourceKey, tuple[Interval, ...]], list[ResourceKey]]

ACTIONS_PER_COMPARISON = 1000


def concerned(events: Sequence[Event], using: str) -> Relations:
    """The follows that `events` begin or end, of those actors who have published something. 1 query."""
    connection = connections[using]
    actors, keys = given(connection, fields_of(Resource, KEY), {event.subject for event in events})
    public = connection.ops.quote_name(SavedAction._meta.db_table)
    sql = f"""
        SELECT identifier, object_id FROM ({actors}) actor WHERE EXISTS (
            SELECT 1 FROM {public} WHERE published_event_id IS NOT NULL
            AND actor_identifier = actor.identifier AND actor_object_id = actor.object_id
        )"""
    with connection.cursor() as cursor:
        cursor.execute(sql, keys)
        published = {ResourceKey(*row) for row in cursor.fetchall()}
    if not published:
        return {}
    return {event.stream: (event.actor, event.subject) for event in events if event.subject in published}


def write(relations: Relations, using: str) -> None:
    """Give the owners what these follows justify, and take the rest. The ends of all follows are locked.

    1 query, and for each actor 1 statement for live follows, 2 for those that have ended.
    """
    for (actor, intervals), owners in _groups(relations, using).items():
        if intervals:
            entries.grant(actor, owners, intervals, using)
            entries.trim(owners, using)
        if intervals != ALL:
            entries.revoke(actor, owners, intervals, using)


class FollowedPass(RowPass):
    """All follows of those who have published something."""

    name = "entries"
    also: ClassVar[tuple[str, ...]] = (
        "stream",
        "actor_identifier",
        "actor_object_id",
        "target_identifier",
        "target_object_id",
    )
    size = 250

    def rows(self, using: str) -> models.QuerySet[Any]:
        published = SavedAction.objects.using(using).filter(
            actor_identifier=models.OuterRef("target_identifier"),
            actor_object_id=models.OuterRef("target_object_id"),
            published_event_id__isnull=False,
        )
        return Event.objects.using(using).filter(models.Exists(published), type=FOLLOWED, version=1)

    def keys(self, rows: list[Any], using: str) -> Relations:
        return {row[1]: (ResourceKey(*row[2:4]), ResourceKey(*row[4:6])) for row in rows}

    def resources(self, keys: Relations, using: str) -> Iterable[ResourceKey]:
        return chain.from_iterable(keys.values())

    def compare(self, keys: Relations, using: str, *, repair: bool) -> list[Difference]:
        differences = []
        for (actor, intervals), owners in _groups(keys, using).items():
            differences += _compare(actor, owners, intervals, using)
        if repair and differences:
            write(keys, using)
        return differences


class UnknownPass(FollowedPass):
    """All entries that a follow has brought, for those of follows of which the log knows nothing."""

    name = "unknown entries"
    columns = entries.KEY
    also = ("action__actor_identifier", "action__actor_object_id")
    size = 1000

    def rows(self, using: str) -> models.QuerySet[Any]:
        return Entry.objects.using(using).filter(entries.has(Reason.FOLLOWED))

    def keys(self, rows: list[Any], using: str) -> Relations:
        pairs = ((ResourceKey(*row[1:3]), ResourceKey(*row[3:5])) for row in rows if row[3] is not None)
        relations = {relation(*pair): pair for pair in pairs}
        known = Event.objects.using(using).filter(stream__in=list(relations), version=1)
        for stream in known.values_list("stream", flat=True):
            del relations[stream]
        return relations


def _groups(relations: Relations, using: str) -> Groups:
    """Follows that justify the same, together. 1 query."""
    groups: Groups = defaultdict(list)
    for stream, intervals in intervals_of(relations, using).items():
        owner, actor = relations[stream]
        groups[actor, intervals].append(owner)
    return groups


def _compare(
    actor: ResourceKey, owners: Sequence[ResourceKey], intervals: tuple[Interval, ...], using: str
) -> list[Difference]:
    floors = entries.floors(owners, using)
    differences = []
    actions = entries.public_actions(actor, using)
    justified_ids = set(actions.filter(within(intervals, "published_event_id")).values_list("pk", flat=True))
    for page in walk(actions, ("id",), ACTIONS_PER_COMPARISON, ("date",)):
        wanted: dict[tuple[int, ResourceKey], datetime] = {
            (pk, owner): date
            for pk, date in page
            if pk in justified_ids
            for owner in owners
            if entries.is_kept(owner, (date, pk), floors)
        }
        rows = Entry.objects.using(using).filter(
            entries.has(Reason.FOLLOWED), among(owners, "owner_"), action_id__in=[row[0] for row in page]
        )
        stored = {(entry.action_id, entry.owner): entry.date for entry in entries.kept(rows, using)}
        differences += [
            Difference(
                f"action {key[0]} of {actor} in the timeline of {key[1]}",
                wanted.get(key, "none"),
                stored.get(key, "none"),
            )
            for key in sorted({*wanted, *stored})
            if wanted.get(key) != stored.get(key)
        ]
    return differences
