"""The tables of the rebuilds: how far each has come, so that it goes on where it was, and many can share it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

#: Whoever works at a slice says so after each batch; one that has said nothing for so long is not at work.
SILENCE = timedelta(seconds=60)


class Rebuild(models.Model):
    """The read model of a projection, made what the log says. It is kept for a day, and until the next one begins."""

    id = models.BigAutoField(primary_key=True)
    projection = models.CharField(_("projection"), max_length=100)
    started_at = models.DateTimeField(_("started at"), default=timezone.now)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    #: When it was last left to the workers of Celery, if it was; and when the sweep has told them of it again.
    left_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    #: The names of the walks, in their order; with what the projector wants all processes to know.
    passes = models.JSONField(default=list)
    known = models.JSONField(default=dict)
    # When it has ended, the sums of its slices, which are gone then.
    total = models.BigIntegerField(_("total"), default=0)
    done = models.BigIntegerField(_("done"), default=0)
    wrong = models.BigIntegerField(_("repaired"), default=0)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        app_label = "sequere"
        verbose_name = _("rebuild")
        verbose_name_plural = _("rebuilds")
        constraints = (
            # Two at once share one.
            models.UniqueConstraint(
                fields=["projection"], condition=models.Q(ended_at__isnull=True), name="sequere_rebuild_one"
            ),
        )

    def __str__(self) -> str:
        return f"rebuild of {self.projection}"


class Slice(models.Model):
    """A part of a walk: the keys behind `cursor` up to `until` are left. Whoever takes a batch of it holds the row."""

    id = models.BigAutoField(primary_key=True)
    rebuild = models.ForeignKey(Rebuild, on_delete=models.CASCADE, related_name="slices")
    #: The position of the walk in `Rebuild.passes`: a walk begins when those before it have ended.
    stage = models.PositiveSmallIntegerField()
    cursor = models.JSONField(null=True)
    until = models.JSONField(null=True)
    total = models.BigIntegerField(default=0)
    done = models.BigIntegerField(default=0)
    wrong = models.BigIntegerField(default=0)
    seconds = models.FloatField(default=0)
    worked_at = models.DateTimeField(null=True)
    is_done = models.BooleanField(default=False)

    class Meta:
        app_label = "sequere"

    def __str__(self) -> str:
        return f"slice {self.pk} of the {self.rebuild}"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the last rebuild of a projection is."""

    projection: str
    started_at: datetime
    #: None while it is not finished.
    ended_at: datetime | None
    #: The walk that it is at; "" when it has ended.
    part: str
    #: Keys, of all its walks.
    done: int
    total: int
    #: Differences that were repaired.
    wrong: int
    #: Slices that somebody works at, about the number of processes. 0: it was broken off, or waits for a worker.
    workers: int
    #: Keys per second by now, or of the whole rebuild when it has ended; None if that is not known.
    rate: float | None
    #: Seconds; None if that is not known, or it has ended.
    remaining: float | None
    #: Why it was given up.
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
        _under_way(rebuild, sums[rebuild.pk]) if rebuild.pk in sums else _ended(rebuild) for rebuild in last.values()
    ]


def _under_way(rebuild: Rebuild, sums: Mapping[str, Any]) -> Progress:
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
