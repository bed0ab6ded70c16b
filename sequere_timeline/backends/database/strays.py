"""The entries that are wrong in themselves: of no action, or followed without being published."""

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import or_
from typing import Any

from django.db import models

from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.projections.reconciler import Difference, StrayRowPass
from sequere_timeline.backends.base import Reason
from sequere_timeline.backends.database import entries
from sequere_timeline.backends.database.models import Entry, SavedAction

#: Action id, and the owner as identifier and object_id.
EntryKey = tuple[int, str, str]


class StrayPass(StrayRowPass):
    name = "strays"
    columns = entries.KEY
    size = 1000

    def rows(self, using: str) -> models.QuerySet[Any]:
        return Entry.objects.using(using)

    def strays(self, rows: models.QuerySet[Any], using: str) -> models.QuerySet[Any]:
        return rows.filter(_is_groundless(using) | _is_unpublished(using))

    def keys(self, rows: list[Any], using: str) -> Sequence[EntryKey]:
        return rows

    def resources(self, keys: Sequence[EntryKey], using: str) -> Iterable[ResourceKey]:
        yield from (ResourceKey(*key[1:]) for key in keys)
        # The log knows whose an action was that is not stored any more.
        for event in Event.objects.using(using).filter(pk__in={key[0] for key in keys}):
            yield event.actor

    def compare(self, keys: Sequence[EntryKey], using: str, *, repair: bool) -> list[Difference]:
        one_of = reduce(or_, (models.Q(**dict(zip(entries.KEY, key, strict=True))) for key in keys))
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


def _is_groundless(using: str) -> models.Q:
    action = SavedAction.objects.using(using).filter(pk=models.OuterRef("action_id"))
    return ~models.Q(models.Exists(action))


def _is_unpublished(using: str) -> models.Q:
    action = SavedAction.objects.using(using).filter(pk=models.OuterRef("action_id"), published_event_id__isnull=True)
    return entries.has(Reason.FOLLOWED) & models.Q(models.Exists(action))
