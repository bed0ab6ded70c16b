"""Leaving rebuilds to the Celery workers."""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from time import monotonic

from django.db import models, router, transaction
from django.utils import timezone

from sequere.log.models import Event
from sequere.outbox.shards import OVERDUE
from sequere.projections.registry import projections
from sequere.replay.models import Rebuild, Slice
from sequere.replay.rebuilding import work
from sequere.signals import rebuilds_left


def hand_over(rebuild_ids: Sequence[int]) -> None:
    """Leave rebuilds to a Celery worker, one after the other. Raises BackendUnavailable."""
    using = router.db_for_write(Event)
    _tell_celery(rebuild_ids, using)
    Rebuild.objects.using(using).filter(pk__in=rebuild_ids).update(left_at=timezone.now())


def take_turn(rebuild_ids: Sequence[int], *, seconds: float) -> None:
    """Work at rebuilds, one after the other, and hand over the rest when the time is over."""
    started = monotonic()
    for position, rebuild_id in enumerate(rebuild_ids):
        if not work(rebuild_id, seconds=seconds - (monotonic() - started)):
            hand_over(rebuild_ids[position:])
            return


def sweep_rebuilds(using: str) -> None:
    """Send another task for rebuilds that were left to the Celery workers and have made no progress for too long.

    Rebuilds that were left together stay together. 1 query if there are none. Raises BackendUnavailable.
    """
    left = Rebuild.objects.using(using).filter(ended_at=None, left_at__isnull=False, projection__in=projections())
    rebuilds = left.annotate(worked_at=models.Max("slices__worked_at")).order_by("left_at", "pk")
    for left_at, group in groupby(rebuilds, attrgetter("left_at")):
        together, now = list(group), timezone.now()
        heard_at = max(left_at, *(rebuild.worked_at or left_at for rebuild in together))
        told_at = max(heard_at, *(rebuild.told_at or heard_at for rebuild in together))
        # If no worker runs, the pauses double, so that tasks do not pile up.
        if now - heard_at < max(OVERDUE, 2 * (told_at - heard_at)) or _is_in_progress(together, using):
            continue
        ids = [rebuild.pk for rebuild in together]
        _tell_celery(ids, using)
        Rebuild.objects.using(using).filter(pk__in=ids).update(told_at=now)


def _tell_celery(rebuild_ids: Sequence[int], using: str) -> None:
    rebuilds_left.send(sender=Rebuild, rebuild_ids=[*rebuild_ids], using=using)


def _is_in_progress(rebuilds: Sequence[Rebuild], using: str) -> bool:
    """Whether a process holds a slice, however long its batch takes. 2 queries."""
    slices = Slice.objects.using(using).filter(rebuild__in=rebuilds, is_done=False)
    with transaction.atomic(using=using):
        number = slices.count()
        return len(slices.select_for_update(skip_locked=True)) < number
