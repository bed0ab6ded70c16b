"""The entries that follows bring into private timelines: written, and compared with the log."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from django.db import connections, models

from sequere.base import ResourceKey
from sequere.log.locks import KEY, Resource
from sequere.log.models import Event
from sequere.projections.reconciler import Comparison, Difference, Reconciler, RowKeys
from sequere.relations.key import RelationKey
from sequere.relations.recorded import ENDS
from sequere.relations.types import FOLLOWED
from sequere.results.cursors import Place
from sequere.sql.conditions import among
from sequere.sql.keyset import walk
from sequere.sql.rows import fields_of, given
from sequere.sql.statements import statement
from sequere_timeline.backends.base import Reason
from sequere_timeline.backends.database import entries
from sequere_timeline.backends.database.models import Entry, SavedAction
from sequere_timeline.visibility import ALL, Follows, Interval, intervals_of, within

#: Owners of timelines into which the same actions of an actor belong: those published in the intervals.
Groups = dict[tuple[ResourceKey, tuple[Interval, ...]], list[ResourceKey]]

ACTIONS_PER_COMPARISON = 1000


def concerned(events: Sequence[Event], using: str) -> Follows:
    """The follows that `events` begin or end, of those actors who have published something. 1 query."""
    connection = connections[using]
    subjects = [event.subject for event in events]
    actors, keys = given(connection, fields_of(Resource, KEY), {*subjects})
    with connection.cursor() as cursor:
        cursor.execute(statement(__package__, "actors_with_actions").format(actors=actors), keys)
        published = set(cursor.fetchall())
    return {
        event.stream: (event.actor, subject)
        for event, subject in zip(events, subjects, strict=True)
        if subject in published
    }


def write_follows(relations: Follows, using: str) -> None:
    """Give the owners what these follows justify, and take the rest. The ends of all follows are locked.

    1 query, and for each actor 1 statement for live follows, 2 for those that have ended.
    """
    for (actor, intervals), owners in _groups(relations, using).items():
        if intervals:
            entries.grant(actor, owners, intervals, using)
            entries.trim(owners, using)
        if intervals != ALL:
            entries.revoke(actor, owners, intervals, using)


def _groups(relations: Follows, using: str) -> Groups:
    """Follows that justify the same, together. 1 query."""
    groups: Groups = defaultdict(list)
    for stream, intervals in intervals_of(relations, using).items():
        owner, actor = relations[stream]
        groups[actor, intervals].append(owner)
    return groups


class PrivateComparison(Comparison):
    """Compares the entries that follows have brought with what these justify."""

    def resources(self, keys: Follows, using: str) -> Iterable[ResourceKey]:
        return chain.from_iterable(keys.values())

    def compare(self, keys: Follows, using: str, *, repair: bool) -> list[Difference]:
        differences = []
        for (actor, intervals), owners in _groups(keys, using).items():
            differences += _differences(actor, owners, intervals, using)
        if repair and differences:
            write_follows(keys, using)
        return differences


def _differences(
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
            if entries.is_kept(owner, Place(date, pk), floors)
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


def _follows_of_actors(using: str) -> models.QuerySet[Any]:
    """The first events of all relations with someone who has published something."""
    published = SavedAction.objects.using(using).filter(
        actor_identifier=models.OuterRef("target_identifier"),
        actor_object_id=models.OuterRef("target_object_id"),
        published_event_id__isnull=False,
    )
    return Event.objects.using(using).filter(models.Exists(published), type=FOLLOWED, version=1)


def _relations(rows: Sequence[Any], using: str) -> Follows:
    return {row[1]: (ResourceKey(*row[2:4]), ResourceKey(*row[4:6])) for row in rows}


def _followed_entries(using: str) -> models.QuerySet[Any]:
    return Entry.objects.using(using).filter(entries.has(Reason.FOLLOWED))


def _unknown_relations(rows: Sequence[Any], using: str) -> Follows:
    """The relations behind entries, without those that the log knows. 1 query."""
    pairs = ((ResourceKey(*row[1:3]), ResourceKey(*row[3:5])) for row in rows if row[3] is not None)
    relations = {RelationKey(*pair).stream: pair for pair in pairs}
    known = Event.objects.using(using).filter(stream__in=list(relations), version=1)
    for stream in known.values_list("stream", flat=True):
        del relations[stream]
    return relations


#: All follows of actors who have published something.
ENTRIES = Reconciler(
    "entries", RowKeys(_follows_of_actors, _relations, also=("stream", *ENDS), size=250), PrivateComparison()
)
#: All entries that a follow has brought, for those of follows that the log does not know.
UNKNOWN_ENTRIES = Reconciler(
    "unknown entries",
    RowKeys(
        _followed_entries,
        _unknown_relations,
        columns=entries.ENTRY_KEY,
        also=("action__actor_identifier", "action__actor_object_id"),
        size=1000,
    ),
    PrivateComparison(),
)
