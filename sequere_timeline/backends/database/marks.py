"""What the owners of timelines have read: what the log wants, what is stored, and how one becomes the other."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from django.db import models

from sequere.base import ResourceKey
from sequere.keyset import walk
from sequere.projectors import Difference, Pass
from sequere.resources import among
from sequere_timeline.backends.database.models import TimelineState
from sequere_timeline.marks import first_marks, owners_who_marked, read_marks


def write(owners: Collection[ResourceKey], using: str) -> None:
    """Store until when the owners have read. 2 queries, and at most 2 statements."""
    _store(read_marks(owners, using), owners, using)


class MarkPass(Pass):
    """All read marks: those of the log, then those that only the read model knows."""

    name = "read marks"
    size = 500

    def total(self, using: str) -> int:
        return first_marks(using).count()

    def batches(self, using: str) -> Iterator[Sequence[ResourceKey]]:
        yield from owners_who_marked(using, self.size)
        of_owner = first_marks(using).filter(
            actor_identifier=models.OuterRef("owner_identifier"), actor_object_id=models.OuterRef("owner_object_id")
        )
        stray = TimelineState.objects.using(using).filter(read_at__isnull=False).exclude(models.Exists(of_owner))
        for page in walk(stray, ("owner_identifier", "owner_object_id"), self.size):
            yield [ResourceKey(*row) for row in page]

    def resources(self, keys: Sequence[ResourceKey], using: str) -> Iterable[ResourceKey]:
        return keys

    def compare(self, keys: Sequence[ResourceKey], using: str, *, repair: bool) -> list[Difference]:
        wanted, stored = read_marks(keys, using), _stored(keys, using)
        wrong = [key for key in keys if wanted.get(key) != stored.get(key)]
        if repair:
            _store(wanted, wrong, using)
        return [Difference(f"read mark of {key}", wanted.get(key), stored.get(key)) for key in wrong]


def _stored(owners: Iterable[ResourceKey], using: str) -> dict[ResourceKey, datetime]:
    marks = TimelineState.objects.using(using).filter(among(owners, "owner_"), read_at__isnull=False)
    rows = marks.values_list("owner_identifier", "owner_object_id", "read_at")
    return {ResourceKey(identifier, object_id): at for identifier, object_id, at in rows if at}


def _store(wanted: dict[ResourceKey, datetime], owners: Collection[ResourceKey], using: str) -> None:
    states = TimelineState.objects.using(using)
    if gone := [owner for owner in owners if owner not in wanted]:
        states.filter(among(gone, "owner_")).update(read_at=None)
    states.bulk_create(
        [
            TimelineState(owner_identifier=owner.identifier, owner_object_id=owner.object_id, read_at=wanted[owner])
            for owner in owners
            if owner in wanted
        ],
        update_conflicts=True,
        unique_fields=["owner_identifier", "owner_object_id"],
        update_fields=["read_at"],
    )
