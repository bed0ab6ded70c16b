"""What the owners of timelines have read: written, and compared with the log."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import models

from sequere.base import ResourceKey
from sequere.projections.reconciler import Comparison, Difference, OrphanKeys, Reconciler, RowKeys
from sequere.sql.conditions import among
from sequere_timeline.backends.database.models import TimelineState
from sequere_timeline.marks import first_marks, read_marks


def write_marks(owners: Collection[ResourceKey], using: str) -> None:
    """Store until when the owners have read. 2 queries, and at most 2 statements."""
    _store(read_marks(owners, using), owners, using)


class MarkComparison(Comparison):
    """Compares the read marks of owners."""

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
    return {ResourceKey(identifier, object_id): read_at for identifier, object_id, read_at in rows if read_at}


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


def _stored_marks(using: str) -> models.QuerySet[Any]:
    return TimelineState.objects.using(using).filter(read_at__isnull=False)


def _orphans(rows: models.QuerySet[Any], using: str) -> models.QuerySet[Any]:
    of_owner = first_marks(using).filter(
        actor_identifier=models.OuterRef("owner_identifier"), actor_object_id=models.OuterRef("owner_object_id")
    )
    return rows.exclude(models.Exists(of_owner))


def _owners(rows: Iterable[Sequence[Any]], using: str) -> list[ResourceKey]:
    return [ResourceKey(*row[-2:]) for row in rows]


#: All read marks of the log.
MARKS = Reconciler(
    "read marks", RowKeys(first_marks, _owners, also=("actor_identifier", "actor_object_id")), MarkComparison()
)
#: The stored read marks that the log does not know.
ORPHANED_MARKS = Reconciler(
    "orphaned read marks",
    OrphanKeys(_stored_marks, _owners, columns=("owner_identifier", "owner_object_id"), orphans=_orphans, size=1000),
    MarkComparison(),
)
