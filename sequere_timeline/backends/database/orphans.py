"""The entries that are wrong in themselves: of nobody, of no action of that date, or followed and unpublished."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db import models

from sequere.base import ResourceKey
from sequere.log.locks import Resource, keys_of
from sequere.log.models import Event
from sequere.projections.reconciler import Comparison, Difference, OrphanKeys, Reconciler
from sequere_timeline.backends.base import Reason
from sequere_timeline.backends.database import entries
from sequere_timeline.backends.database.models import Entry, SavedAction

#: The feed, the date and the id of the action.
EntryKey = tuple[int, datetime, int]


class OrphanComparison(Comparison):
    """Finds the entries that should not be there, among some."""

    def resources(self, keys: Sequence[EntryKey], using: str) -> Iterable[ResourceKey]:
        yield from keys_of({feed for feed, _, _ in keys}, using).values()
        # The log knows the actor of an action that is no longer stored.
        for event in Event.objects.using(using).filter(pk__in={action for _, _, action in keys}):
            yield event.actor

    def compare(self, keys: Sequence[EntryKey], using: str, *, repair: bool) -> list[Difference]:
        one_of = reduce(or_, (models.Q(**dict(zip(entries.ENTRY_KEY, key, strict=True))) for key in keys))
        found = Entry.objects.using(using).filter(one_of)
        groundless, unpublished = found.filter(_is_groundless(using)), found.filter(_is_unpublished(using))
        wrong = list(groundless.union(unpublished))
        names = keys_of({entry.feed for entry in wrong}, using)
        if repair:
            groundless.delete()
            entries.take(unpublished, Reason.FOLLOWED)
        return [
            Difference(
                f"entry of action {entry.action_id} at {entry.date} in the timeline of {names.get(entry.feed)}",
                "none",
                "one",
            )
            for entry in wrong
        ]


def _orphans(rows: models.QuerySet[Any], using: str) -> models.QuerySet[Any]:
    return rows.filter(_is_groundless(using) | _is_unpublished(using))


def _is_groundless(using: str) -> models.Q:
    owner = Resource.objects.using(using).filter(pk=models.OuterRef("feed"))
    action = SavedAction.objects.using(using).filter(pk=models.OuterRef("action_id"), date=models.OuterRef("date"))
    return ~models.Q(models.Exists(action)) | ~models.Q(models.Exists(owner))


def _is_unpublished(using: str) -> models.Q:
    action = SavedAction.objects.using(using).filter(pk=models.OuterRef("action_id"), published_event_id__isnull=True)
    return entries.has(Reason.FOLLOWED) & models.Q(models.Exists(action))


ORPHANED_ENTRIES = Reconciler(
    "orphans",
    OrphanKeys(Entry.objects.using, columns=entries.ENTRY_KEY, orphans=_orphans, size=1000),
    OrphanComparison(),
)
