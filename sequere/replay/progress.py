"""How far the last rebuild of each projection is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from sequere.replay.models import Rebuild, Slice

#: A process reports after each batch of a slice; after so long without a report, the slice is not in progress.
SILENCE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the last rebuild of a projection is."""

    projection: str
    started_at: datetime
    #: None while it is not finished.
    ended_at: datetime | None
    #: The current pass; "" when it has ended.
    part: str
    #: Keys, of all its passes.
    done: int
    total: int
    #: Differences that were repaired.
    wrong: int
    #: Slices in progress, about the number of processes. 0 if it was interrupted, or waits for a worker.
    workers: int
    #: Keys per second so far, or of the whole rebuild when it has ended; None if unknown.
    rate: float | None
    #: Seconds left; None if unknown, or if it has ended.
    remaining: float | None
    #: Why it was abandoned.
    error: str


def progress(using: str) -> list[Progress]:
    """How far the last rebuild of each projection is. 2 queries."""
    rebuilds = Rebuild.objects.using(using).order_by("projection", "pk")
    last = {rebuild.projection: rebuild for rebuild in rebuilds}
    sums = {
        row["rebuild"]: row
        for row in Slice.objects.using(using)
        .filter(rebuild__in=[rebuild.pk for rebuild in last.values()])
        .order_by()
        .values("rebuild")
        .annotate(
            all_=models.Sum(models.functions.Greatest("total", "done")),
            met=models.Sum("done"),
            repaired=models.Sum("wrong"),
            spent=models.Sum("seconds"),
            stage=models.Min("stage", filter=models.Q(is_done=False)),
            workers=models.Count("pk", filter=models.Q(is_done=False, worked_at__gt=timezone.now() - SILENCE)),
        )
    }
    return [
        _in_progress(rebuild, sums[rebuild.pk]) if rebuild.pk in sums else _ended(rebuild) for rebuild in last.values()
    ]


def _in_progress(rebuild: Rebuild, sums: Mapping[str, Any]) -> Progress:
    done, total, workers = sums["met"], sums["all_"], sums["workers"]
    rate = workers * done / sums["spent"] if workers and done and sums["spent"] else None
    return Progress(
        projection=rebuild.projection,
        started_at=rebuild.started_at,
        ended_at=None,
        part=rebuild.passes[sums["stage"]] if sums["stage"] is not None else "",
        done=done,
        total=total,
        wrong=sums["repaired"],
        workers=workers,
        rate=rate,
        remaining=(total - done) / rate if rate else None,
        error="",
    )


def _ended(rebuild: Rebuild) -> Progress:
    taken = (rebuild.ended_at - rebuild.started_at).total_seconds() if rebuild.ended_at else 0
    return Progress(
        projection=rebuild.projection,
        started_at=rebuild.started_at,
        ended_at=rebuild.ended_at,
        part="",
        done=rebuild.done,
        total=rebuild.total,
        wrong=rebuild.wrong,
        workers=0,
        rate=rebuild.done / taken if rebuild.done and taken else None,
        remaining=None,
        error=rebuild.error,
    )
