"""What the owners of timelines have read: written, and compared with the log."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import models

from sequere.base import ResourceKey
from sequere.log.locks import KEY, Resource, keys_of, uids_of
from sequere.projections.reconciler import Comparison, Difference, OrphanKeys, Reconciler, RowKeys
from sequere.sql.rows import Insert
from sequere_timeline.backends.database.models import TimelineState
from sequere_timeline.marks import first_marks, read_marks

_MARKS = Insert(
    TimelineState,
    ("feed", "read_at"),
    lambda words: words.on_conflict_update(TimelineState, ("feed",), read_at="{new}"),
)


def write_marks(owners: Collection[ResourceKey], using: str) -> None:
    """Store until when the owners have read. 2 queries, and 1 statement, 2 if some have not."""
    uids = uids_of(owners, using)
    _store(_by_feed(read_marks(owners, using), uids), uids.values(), using)


class MarkComparison(Comparison):
    """Compares the read marks of feeds."""

    def resources(self, keys: Sequence[int], using: str) -> Iterable[ResourceKey]:
        return keys_of(keys, using).values()

    def compare(self, keys: Sequence[int], using: str, *, repair: bool) -> list[Difference]:
        owners = keys_of(keys, using)
        uids = {owner: feed for feed, owner in owners.items()}
        wanted, stored = _by_feed(read_marks(uids, using), uids), _stored(keys, using)
        wrong = [feed for feed in keys if wanted.get(feed) != stored.get(feed)]
        if repair:
            _store(wanted, wrong, using)
        return [
            Difference(f"read mark of {owners.get(feed, f'feed {feed}')}", wanted.get(feed), stored.get(feed))
            for feed in wrong
        ]


def _by_feed(marks: Mapping[ResourceKey, datetime], uids: Mapping[ResourceKey, int]) -> dict[int, datetime]:
    return {uids[owner]: read_at for owner, read_at in marks.items()}


def _stored(feeds: Sequence[int], using: str) -> dict[int, datetime]:
    marks = TimelineState.objects.using(using).filter(feed__in=feeds, read_at__isnull=False)
    return {feed: read_at for feed, read_at in marks.values_list("feed", "read_at") if read_at}


def _store(wanted: Mapping[int, datetime], feeds: Collection[int], using: str) -> None:
    if gone := [feed for feed in feeds if feed not in wanted]:
        TimelineState.objects.using(using).filter(feed__in=gone).update(read_at=None)
    if marks := sorted((feed, wanted[feed]) for feed in feeds if feed in wanted):
        _MARKS.rows(marks, using)


def _stored_marks(using: str) -> models.QuerySet[Any]:
    return TimelineState.objects.using(using).filter(read_at__isnull=False)


def _orphans(rows: models.QuerySet[Any], using: str) -> models.QuerySet[Any]:
    owner = Resource.objects.filter(uid=models.OuterRef(models.OuterRef("feed")))
    of_owner = first_marks(using).filter(
        **{f"actor_{column}": models.Subquery(owner.values(column)[:1]) for column in KEY}
    )
    return rows.exclude(models.Exists(of_owner))


def _feeds(rows: Iterable[Sequence[Any]], using: str) -> list[int]:
    return [*uids_of({ResourceKey(*row[-2:]) for row in rows}, using).values()]


def _as_they_are(rows: Iterable[Sequence[Any]], using: str) -> list[int]:
    return [feed for (feed,) in rows]


#: All read marks of the log.
MARKS = Reconciler(
    "read marks", RowKeys(first_marks, _feeds, also=("actor_identifier", "actor_object_id")), MarkComparison()
)
#: The stored read marks that the log does not know.
ORPHANED_MARKS = Reconciler(
    "orphaned read marks",
    OrphanKeys(_stored_marks, _as_they_are, columns=("feed",), orphans=_orphans, size=1000),
    MarkComparison(),
)
