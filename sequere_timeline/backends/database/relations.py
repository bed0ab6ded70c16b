"""The entries that follows bring: what the log wants, what is stored, and how one becomes the other."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from uuid import UUID

from django.db import models

from sequere.base import ResourceKey
from sequere.events import DELETED, FOLLOWED, Event, lifecycle, relation
from sequere.keyset import walk
from sequere.projectors import Difference
from sequere.resources import among
from sequere_timeline import conf
from sequere_timeline.backends.database import entries
from sequere_timeline.backends.database.justification import ALL, Interval, justified, within
from sequere_timeline.backends.database.models import Entry, Reason, SavedAction

#: Follows by their stream: the owner of a timeline, and the actor whom he follows or has followed.
Relations = Mapping[UUID, tuple[ResourceKey, ResourceKey]]

#: Owners of timelines into which the same actions of an actor belong: those published in the intervals.
Groups = dict[tuple[ResourceKey, tuple[Interval, ...]], list[ResourceKey]]

ACTIONS_PER_COMPARISON = 1000


def write(relations: Relations, using: str, *, strays: bool = False) -> None:
    """Give the owners what these follows justify, and take the rest. The ends of all follows are locked.

    1 query; if the actor has published anything, 1 statement more for a live follow, 2 for one that has ended.
    """
    for (actor, intervals), owners in _groups(relations, using, strays=strays).items():
        if intervals:
            entries.grant(actor, owners, intervals, using)
            entries.trim(owners, using)
        if intervals != ALL:
            entries.revoke(actor, owners, intervals, using)


class FollowedPass:
    """All follows of those who have published something, then those that only an entry knows of."""

    name = "entries"
    size = 250

    def total(self, using: str) -> int:
        return self._known(using).count()

    def batches(self, using: str) -> Iterator[Relations]:
        columns = ("actor_identifier", "actor_object_id", "target_identifier", "target_object_id")
        for page in walk(self._known(using), ("stream",), self.size, columns):
            yield {row[0]: (ResourceKey(*row[1:3]), ResourceKey(*row[3:5])) for row in page}
        followed = Entry.objects.using(using).filter(entries.has(Reason.FOLLOWED))
        for page in walk(followed, entries.KEY, 4 * self.size, ("action__actor_identifier", "action__actor_object_id")):
            pairs = ((ResourceKey(*row[1:3]), ResourceKey(*row[3:5])) for row in page if row[3] is not None)
            relations = {relation(*pair): pair for pair in pairs}
            known = Event.objects.using(using).filter(stream__in=list(relations), version=1)
            for stream in known.values_list("stream", flat=True):
                del relations[stream]
            if relations:
                yield relations

    def resources(self, keys: Relations, using: str) -> Iterable[ResourceKey]:
        return chain.from_iterable(keys.values())

    def compare(self, keys: Relations, using: str, *, repair: bool) -> list[Difference]:
        differences = []
        for (actor, intervals), owners in _groups(keys, using, strays=True).items():
            differences += _compare(actor, owners, intervals, using)
        if repair and differences:
            write(keys, using, strays=True)
        return differences

    def _known(self, using: str) -> models.QuerySet[Event]:
        published = SavedAction.objects.using(using).filter(
            actor_identifier=models.OuterRef("target_identifier"),
            actor_object_id=models.OuterRef("target_object_id"),
            published_event_id__isnull=False,
        )
        return Event.objects.using(using).filter(models.Exists(published), type=FOLLOWED, version=1)


def _groups(relations: Relations, using: str, *, strays: bool) -> Groups:
    """Follows that justify the same, together, without those of actors who have published nothing. 1 query.

    With `strays` also those that the log has never heard of: they justify nothing.
    """
    imports, removes = conf.import_actions_on_follow(), conf.remove_actions_on_unfollow()
    log = Event.objects.using(using)
    published = SavedAction.objects.using(using).filter(
        actor_identifier=models.OuterRef("target_identifier"),
        actor_object_id=models.OuterRef("target_object_id"),
        published_event_id__isnull=False,
    )
    if imports and removes:  # the last event tells it all
        history = log.latest_of(relations).filter(models.Exists(published))
    else:
        # What an earlier owner of the key has followed justifies nothing.
        deletions = {lifecycle(owner) for owner, _ in relations.values()}
        of_published = models.Q(models.Exists(published), stream__in=list(relations))
        history = log.filter(of_published | models.Q(stream__in=list(deletions))).order_by("id")
    born: dict[UUID, int] = {}
    changes: dict[UUID, list[tuple[int, bool]]] = defaultdict(list)
    for stream, pk, type_ in history.values_list("stream", "pk", "type"):
        if type_ == DELETED:
            born[stream] = pk
        else:
            changes[stream].append((pk, type_ == FOLLOWED))
    groups: Groups = defaultdict(list)
    for stream in relations if strays else changes:
        owner, actor = relations[stream]
        since = born.get(lifecycle(owner), 0)
        lived = [change for change in changes[stream] if change[0] > since]
        groups[actor, justified(lived, imports=imports, removes=removes)].append(owner)
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
