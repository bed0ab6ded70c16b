"""Rebuild: a read model made what the log says, by any number of processes together.

The progress of each slice of each pass is a row of a table. A process that takes a batch of a slice holds its row for
one transaction, and stores the cursor behind the batch in it. So processes share a rebuild without knowing each other,
and a killed process leaves nothing to clean up.
"""

from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from math import ceil
from operator import index as whole
from time import monotonic
from typing import Any, NamedTuple

from django.db import IntegrityError, models, router, transaction
from django.utils import timezone

from sequere.exceptions import ReadModelLost, RebuildAbandoned, StaleWriter
from sequere.log.models import Event
from sequere.log.recording import replaying
from sequere.outbox.drain import MAX_ATTEMPTS, drain
from sequere.outbox.queues import queues_of
from sequere.projections.projector import LevelTriggeredProjector
from sequere.projections.reconciler import Comparison, KeySource, Page, Plan, Reconciler
from sequere.projections.registry import projection
from sequere.replay.failures import NOT_OF_EVENTS, leave_out, number_left_out
from sequere.replay.models import Rebuild, Slice
from sequere.replay.subjects import Reapplication, subject_plan
from sequere.replay.verifying import OnBatch, Report, lock_batch, settle_batch

#: The largest number of slices of a pass. A slice has at least the keys of one batch.
SLICES = 256
#: More keys than this that cannot be applied are not their fault: then a rebuild ends with the error.
MAX_FAILED = 100
#: How often a rebuild that others restart is joined again.
MAX_JOINS = 5
#: In how many slices of each pass a batch is compared again before a rebuild is resumed, or joined.
SAMPLES = 16
#: How long a rebuild is kept after it has ended.
KEPT_FOR = timedelta(days=1)


def rebuild(name: str, *, restart: bool = False, progress: OnBatch | None = None) -> Report:
    """Make the read model of a projection what the log says. A model that is right is only read.

    Resumes an interrupted rebuild, unless `restart` is set, and shares one that is in progress, even if other processes
    restart it. A projector that is not level-triggered forgets and applies its events subject by subject. An event that
    cannot be applied is parked, and the rest is rebuilt: see `Report.failed`. Raises UnknownProjection,
    RebuildAbandoned if it was restarted too often, ReadModelLost if the server was emptied meanwhile, and the error if
    more than 100 events cannot be applied.
    """
    is_lost = projection(name).is_lost(router.db_for_write(Event))
    for _ in range(MAX_JOINS):
        try:
            return finish(start(name, restart=restart), progress=progress)
        except RebuildAbandoned:
            restart = False
        except ReadModelLost:
            if is_lost:  # already, and it was emptied since then
                raise
            is_lost = True  # a pending event has shown that a uid belongs to somebody else: now it is loaded
    return finish(start(name), progress=progress)


def finish(rebuild: Rebuild, *, progress: OnBatch | None = None) -> Report:
    """Work at a rebuild until it has ended, and return what all its processes have done. Raises RebuildAbandoned."""
    if not isinstance(rebuild, Rebuild):
        raise TypeError(f"A rebuild is what start() returns, not a {type(rebuild).__name__}.")
    work(rebuild.pk, progress=progress)
    rebuild.refresh_from_db()
    if rebuild.error:
        raise RebuildAbandoned(projection=rebuild.projection, reason=rebuild.error)
    return Report(checked=rebuild.done, wrong=rebuild.wrong, failed=rebuild.failed)


def start(name: str, *, restart: bool = False) -> Rebuild:
    """The rebuild of a projection that is in progress, or a new one, whose keys are counted and cut into slices.

    One that is in progress begins anew if what it has done is wrong again: up to 16 batches of each pass are compared.
    Raises UnknownProjection.
    """
    projection(name)
    using = router.db_for_write(Event)
    in_progress = Rebuild.objects.using(using).filter(projection=name, ended_at=None)
    while True:
        rebuild = in_progress.first()
        if rebuild and not restart and _is_current(rebuild, using):
            return rebuild
        try:
            with transaction.atomic(using=using):
                if rebuild:
                    _end(rebuild, using, error="somebody has begun it anew")
                return _begin(name, using)
        except IntegrityError:  # another process was first
            restart = False


def work(rebuild_id: int, *, seconds: float | None = None, progress: OnBatch | None = None) -> bool:
    """Take batches of a rebuild for some seconds, or until nothing is left; returns whether it has ended.

    Safe to call from any number of processes. Raises ReadModelLost, and gives up the rebuild, if its server was
    emptied.
    """
    using = router.db_for_write(Event)
    rebuild = Rebuild.objects.using(using).filter(pk=whole(rebuild_id), ended_at=None).first()
    if rebuild is None:
        return True
    plan = _plan(rebuild.projection, using, rebuild.state)
    until = None if seconds is None else monotonic() + seconds
    taken = None
    try:
        while until is None or monotonic() < until:
            taken = _take(rebuild, plan, using, taken)
            if taken is None and _is_over(rebuild, plan, using):
                return True
            if taken is not None and progress:
                progress(plan.reconcilers[taken.stage].name, *_done(rebuild, taken.stage, using))
    except ReadModelLost as error:
        _end(rebuild, using, error=str(error))
        raise
    return False


def _plan(name: str, using: str, state: Mapping[str, Any] | None = None) -> Plan:
    """The plan of a new rebuild, or of one that has begun with this state."""
    projector = projection(name)
    if not isinstance(projector, LevelTriggeredProjector):
        return subject_plan(name, projector)
    return projector.begin(using) if state is None else projector.resume(state)


def _is_current(rebuild: Rebuild, using: str) -> bool:
    """Whether the plan of a rebuild is still the plan of its projection, and what it has done is still there."""
    plan = _plan(rebuild.projection, using, rebuild.state)
    return rebuild.passes == _names(plan) and plan.can_resume(using) and _is_still_right(rebuild, plan, using)


def _is_still_right(rebuild: Rebuild, plan: Plan, using: str) -> bool:
    """Whether the first batches of slices at which a rebuild has worked are what the log says: nobody else tells it
    that a table was emptied, or restored, since. In as many slices as SAMPLES of each pass, all over it."""
    begun = Slice.objects.using(using).filter(rebuild=rebuild.pk, worked_at__isnull=False, failed=0)
    for stage, reconciler in enumerate(plan.reconcilers):
        if not (reconciler.comparison.repairs and reconciler.comparison.compares):
            continue
        slices = list(begun.filter(stage=stage).order_by("pk"))
        for one in slices[:: ceil(len(slices) / SAMPLES) or 1]:
            page = reconciler.keys.page(one.after, one.until if one.is_done else one.cursor, using)
            if page.keys is not None and not _is_right(rebuild.projection, reconciler, page.keys, using):
                return False
    return True


def _is_right(name: str, reconciler: Reconciler, keys: Any, using: str) -> bool:
    try:
        return settle_batch(name, reconciler, keys, using) == 0
    except NOT_OF_EVENTS:
        raise
    except Exception:  # noqa: BLE001  # of an event: the rebuild leaves it out
        return False


def _names(plan: Plan) -> list[str]:
    return [reconciler.name for reconciler in plan.reconcilers]


def _begin(name: str, using: str) -> Rebuild:
    plan = _plan(name, using)
    rebuilds = Rebuild.objects.using(using)
    rebuild = rebuilds.create(projection=name, passes=_names(plan), state=plan.state)
    rebuilds.filter(projection=name, ended_at__lt=timezone.now() - KEPT_FOR).delete()
    for stage, reconciler in enumerate(plan.reconcilers):
        keys = reconciler.keys
        total = keys.total(using)
        size = max(ceil(total / SLICES / keys.size), 1) * keys.size  # whole pages
        bounds = list(pairwise([None, *keys.cuts(size, using), None]))
        Slice.objects.using(using).bulk_create(
            Slice(
                rebuild=rebuild,
                stage=stage,
                after=after,
                cursor=after,
                until=until,
                total=size if until else max(total - size * (len(bounds) - 1), 0),
            )
            # Neighbours have a resource in common, so processes that work at them would wait for each other.
            for after, until in [*bounds[::2], *bounds[1::2]]
        )
    return rebuild


class Taken(NamedTuple):
    """A batch that was taken: the position of its pass, and the number of differences in it."""

    stage: int
    wrong: int


def _take(rebuild: Rebuild, plan: Plan, using: str, before: Taken | None) -> Taken | None:
    """Work at a batch of a slice that no process holds; None if there is no such slice. `before` is the batch that this
    process has taken before."""
    overtaken, is_careful = 0, False
    while True:
        try:
            with transaction.atomic(using=using):
                mine = _left(rebuild, using).select_for_update(skip_locked=True).first()
                if mine is None:
                    return None
                # If the last batch was wrong, a look without locks would only cost time.
                is_wrong = before is not None and before.wrong > 0 and before.stage == mine.stage
                advance = _advance_carefully if is_careful else _advance
                wrong = advance(mine, rebuild, plan.reconcilers[mine.stage], using, is_wrong=is_wrong)
                if wrong is not None:
                    return Taken(mine.stage, wrong)
        except StaleWriter:  # another process has repaired the same
            overtaken += 1
            if overtaken == MAX_ATTEMPTS:
                raise
        except NOT_OF_EVENTS:
            raise
        except Exception:  # of an event; savepoints find out which one
            if is_careful:
                raise
            is_careful = True
        # Not in the transaction that holds the slice: a drain takes locks of its own.
        for queue in queues_of(rebuild.projection):
            drain(queue, using=using, wait=True)


def _advance(mine: Slice, rebuild: Rebuild, reconciler: Reconciler, using: str, *, is_wrong: bool) -> int | None:
    """Repair a batch of a slice, and store the cursor behind it; None if a pending event has to be applied first."""
    start = monotonic()
    page = reconciler.keys.page(mine.cursor, mine.until, using)
    wrong = _repair(page, rebuild, reconciler, using, is_wrong=is_wrong)
    if wrong is not None:
        _store(mine, page, start, using, wrong=wrong)
    return wrong


def _advance_carefully(
    mine: Slice, rebuild: Rebuild, reconciler: Reconciler, using: str, *, is_wrong: bool
) -> int | None:
    """The same for a batch that has failed: for the largest beginning of it that does not fail. If that is empty, the
    first key is left out, and its events are parked."""
    start = monotonic()
    keys: KeySource | None = reconciler.keys
    while keys is not None:
        try:
            with transaction.atomic(using=using):
                page = keys.page(mine.cursor, mine.until, using)
                wrong = _repair(page, rebuild, reconciler, using, is_wrong=True)
        except NOT_OF_EVENTS:
            raise
        except Exception as error:
            narrower = keys.narrowed()
            if narrower is None:
                if number_left_out(rebuild, using) >= MAX_FAILED:
                    raise
                page = leave_out(rebuild.projection, reconciler, keys, (mine.cursor, mine.until), error, using)
                _store(mine, page, start, using, failed=1)
                return 0
            keys = narrower
        else:
            if wrong is not None:
                _store(mine, page, start, using, wrong=wrong)
            return wrong
    return None


def _repair(page: Page, rebuild: Rebuild, reconciler: Reconciler, using: str, *, is_wrong: bool) -> int | None:
    """Repair a batch; returns the number of differences, None if a pending event has to be applied first."""
    comparison = reconciler.comparison
    if page.keys is None:
        return 0
    if isinstance(comparison, Reapplication):
        comparison.apply_again(page.keys, using)
        return 0
    if not (is_wrong or _differs(comparison, page.keys, using)):
        return 0
    if not lock_batch(queues_of(rebuild.projection), reconciler, page.keys, using):
        return None
    with replaying():
        return comparison.repair(page.keys, using)


def _store(mine: Slice, page: Page, start: float, using: str, *, wrong: int = 0, failed: int = 0) -> None:
    """Store the progress of a slice, and the cursor behind a batch."""
    mine.cursor, mine.is_done = page.end, page.end is None
    mine.done += page.number
    mine.total = mine.done if mine.is_done else max(mine.total, mine.done)
    mine.wrong += wrong
    mine.failed += failed
    mine.seconds += monotonic() - start
    mine.worked_at = timezone.now()
    changed = ["cursor", "is_done", "done", "total", "wrong", "failed", "seconds", "worked_at"]
    mine.save(using=using, update_fields=changed)


def _differs(comparison: Comparison, keys: Any, using: str) -> bool:
    with replaying():
        return comparison.differs(keys, using)


def _left(rebuild: Rebuild, using: str) -> "models.QuerySet[Slice]":
    """The unfinished slices of the current pass. The next pass begins when all of them are done."""
    slices = Slice.objects.using(using).filter(rebuild=rebuild.pk, is_done=False)
    stage = slices.order_by("stage").values("stage")[:1]
    return slices.filter(stage=models.Subquery(stage)).order_by("pk")


def _is_over(rebuild: Rebuild, plan: Plan, using: str) -> bool:
    """Wait for processes that hold the last slices of a pass; true if no pass is left, and the rebuild has ended."""
    with transaction.atomic(using=using):
        if _left(rebuild, using).select_for_update().first():
            return False
    # In another transaction, since that one may hold a slice that is done now.
    with transaction.atomic(using=using):
        in_progress = Rebuild.objects.using(using).filter(pk=rebuild.pk, ended_at=None).select_for_update().first()
        if in_progress is None:
            return True
        if _left(rebuild, using).exists():
            return False
        plan.finish(using)
        _end(rebuild, using)
        return True


def _end(rebuild: Rebuild, using: str, *, error: str = "") -> None:
    slices = Slice.objects.using(using).filter(rebuild=rebuild.pk)
    sums = slices.aggregate(**{name: models.Sum(name, default=0) for name in ("total", "done", "wrong", "failed")})
    Rebuild.objects.using(using).filter(pk=rebuild.pk, ended_at=None).update(
        **sums, ended_at=timezone.now(), error=error
    )
    slices.delete()


def _done(rebuild: Rebuild, stage: int, using: str) -> tuple[int, int]:
    """How many keys of a pass are done, and about how many there are."""
    slices = Slice.objects.using(using).filter(rebuild=rebuild.pk, stage=stage)
    sums = slices.aggregate(done=models.Sum("done", default=0), total=models.Sum("total", default=0))
    return sums["done"], sums["total"]
