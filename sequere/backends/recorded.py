"""The relations that the log knows, read in bulk to be compared with a read model."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import models

from sequere.base import ResourceKey
from sequere.events import FOLLOWED, UNFOLLOWED, Event, EventQuerySet
from sequere.keyset import walk
from sequere.resources import among

#: A relation: the id of its first event, its stream, and the identifiers and object ids of both ends, from and to.
Relation = tuple[int, UUID, str, str, str, str]

ENDS = ("actor_identifier", "actor_object_id", "target_identifier", "target_object_id")


def relations(using: str) -> EventQuerySet:
    """The first event of each relation, live or not."""
    return Event.objects.using(using).filter(type=FOLLOWED, version=1)


def pages(using: str, size: int) -> Iterator[list[Any]]:
    """All relations in the order of their first events. 1 query per page."""
    return walk(relations(using), ("id",), size, ("stream", *ENDS))


def live(first: int, last: int, what: models.Expression, using: str) -> dict[int, Any]:
    """What the last event says of each relation of a page, by the id of its first one; None if it is over. 1 query."""
    said = models.Subquery(
        Event.objects.filter(stream=models.OuterRef("stream"))
        .order_by("-version")
        .values(said=models.Case(models.When(type=FOLLOWED, then=what)))[:1],
        output_field=what.output_field,
    )
    page = relations(using).filter(id__gte=first, id__lte=last).annotate(said=said)
    return dict(page.order_by("id").values_list("id", "said"))


def live_follows(using: str) -> EventQuerySet:
    """The last event of each relation that is live: a version after it would be the end of it."""
    later = Event.objects.filter(stream=models.OuterRef("stream"), version=models.OuterRef("version") + 1)
    return Event.objects.using(using).filter(~models.Exists(later), type=FOLLOWED)


def known_ends(keys: Iterable[ResourceKey], using: str) -> set[ResourceKey]:
    """Those of `keys` that have ever followed or been followed. 2 queries."""
    keys = list(keys)
    return {
        ResourceKey(*row)
        for end in ("actor_", "target_")
        for row in relations(using)
        .filter(among(keys, end))
        .order_by()
        .values_list(f"{end}identifier", f"{end}object_id")
        .distinct()
    }


def numbers(keys: Sequence[ResourceKey], end: str, using: str) -> Mapping[ResourceKey, Mapping[str, int]]:
    """How many live relations have each resource at one end ("actor_" or "target_"), by the kind of the other end.

    `keys` are a page of all resources, in the order of the database. 1 query.
    """
    # Follows and unfollows of a relation take turns, so what is left of them are the live ones.
    left = models.Sum(models.Case(models.When(type=FOLLOWED, then=1), default=-1))
    other = "target_identifier" if end == "actor_" else "actor_identifier"
    rows = (
        Event.objects.using(using)
        .filter(_between(keys, end), type__in=[FOLLOWED, UNFOLLOWED])
        .order_by()
        .values_list(f"{end}identifier", f"{end}object_id", other)
        .annotate(left=left)
    )
    by_key: dict[ResourceKey, dict[str, int]] = defaultdict(dict)
    for identifier, object_id, kind, number in rows:
        by_key[ResourceKey(identifier, object_id)][kind] = number
    return by_key


def _between(keys: Sequence[ResourceKey], end: str) -> models.Q:
    """The condition that the resource at one end is from the first to the last one of a page."""
    condition = models.Q(pk__in=[])
    for identifier, page in groupby(keys, key=lambda key: key.identifier):
        ids = [key.object_id for key in page]
        between = {f"{end}object_id__gte": ids[0], f"{end}object_id__lte": ids[-1]}
        condition |= models.Q(**{f"{end}identifier": identifier}, **between)
    return condition
