"""The entries that are wrong in themselves: of no action, or followed without being published."""

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_
from typing import Any

from django.db import models

from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.projections.reconciler import Comparison, Difference, OrphanKeys, Reconciler
from sequere_timeline.backends.base import Reason
from sequere_timeline.backends.database import entries
from sequere_timeline.backends.database.models import Entry, SavedAction

#: The id of an action, and the identifier and object_id of the owner.
EntryKey = tuple[int, str, str]


class OrphanComparison(Comparison):
    """Finds the entries that should not be there, among some."""

    def resources(self, keys: Sequence[EntryKey], using: str) -> Iterable[ResourceKey]:
        yield from (ResourceKey(*key[1:]) for key in keys)
        # The log knows the actor of an action that is no longer stored.
        for event in Event.objects.using(using).filter(pk__in={key[0] for key in keys}):
            yield event.actor

    def compare(self, keys: Sequence[EntryKey], using: str, *, repair: bool) -> list[Difference]:
        one_of = reduce(or_, (models.Q(**dict(zip(entries.ENTRY_KEY, key, strict=True))) for key in keys))
        found = Entry.objects.using(using).filter(one_of)
        groundless, unpublished = found.filter(_is_groundless(using)), found.filter(_is_unpublished(using))
        differences = [
            Difference(f"entry of action {entry.action_id} in the timeline of {entry.owner}", "none", "one")
            for entry in groundless.union(unpublished)
        ]
        if repair:
            groundless.delete()
            entries.take(unpublished, Reason.FOLLOWED)
        return differences


def _orphans(rows: models.QuerySet[Any], using: str) -> models.QuerySet[Any]:
    return rows.filter(_is_groundless(using) | _is_unpublished(using))


def _is_groundless(using: str) -> models.Q:
    action = SavedAction.objects.using(using).filter(pk=models.OuterRef("action_id"))
    return ~models.Q(models.Exists(action))


def _is_unpublished(using: str) -> models.Q:
    action = SavedAction.objects.using(using).filter(pk=models.OuterRef("action_id"), published_event_id__isnull=True)
    return entries.has(Reason.FOLLOWED) & models.Q(models.Exists(action))


ORPHANED_ENTRIES = Reconciler(
    "orphans",
    OrphanKeys(Entry.objects.using, columns=entries.ENTRY_KEY, orphans=_orphans, size=1000),
    OrphanComparison(),
)
