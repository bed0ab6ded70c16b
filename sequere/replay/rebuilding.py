"""Making a read model what the log says, together with other processes."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from math import ceil
from time import monotonic
from typing import Any, NamedTuple

from django.db import IntegrityError, models, router, transaction
from django.utils import timezone

from sequere.exceptions import ReadModelLost, RebuildAbandoned, StaleWriter
from sequere.log.models import Event
from sequere.outbox.drain import MAX_ATTEMPTS, drain
from sequere.outbox.queues import pipelines_of
from sequere.projections.projector import LevelTriggeredProjector, Projector
from sequere.projections.reconciler import Pass
from sequere.projections.registry import projection
from sequere.replay.models import Rebuild, Slice
from sequere.replay.subjects import SubjectPass
from sequere.replay.verifying import Report, Told, _lock

#: Slices that a walk is cut into, at most; none has less keys than a batch.
SLICES = 256

#: How often a rebuild that others have begun anew is joined again.
BEGINNINGS = 5

#: How long a rebuild is remembered after it has ended.
KEPT_FOR = timedelta(days=1)


def rebuild(name: str, *, restart: bool = False, progress: Told | None = None) -> Report:
    """Make the read model of a projection what the log says; a model that is right is only read.

    Goes on with a rebuild that was broken off, unless it is to `restart`, and shares one that others are at, also when
    they begin it anew. A projector of the host forgets and applies its events subject by subject. Raises
    UnknownProjection, and RebuildAbandoned when it was begun anew too often.
    """
    for _ in range(BEGINNINGS):
        with suppress(RebuildAbandoned):
            return finish(start(name, restart=restart), progress=progress)
        restart = False
    return finish(start(name), progress=progress)


def finish(rebuild: Rebuild, *, progress: Told | None = None) -> Report:
    """Work at a rebuild until it has ended, and tell what all its processes have done. Raises RebuildAbandoned."""
    work(rebuild.pk, progress=progress)
    rebuild.refresh_from_db()
    if rebuild.error:
        raise RebuildAbandoned(projection=rebuild.projection, reason=rebuild.error)
    return Report(checked=rebuild.done, wrong=rebuild.wrong)


def start(name: str, *, restart: bool = False) -> Rebuild:
    """The rebuild of a projection that is under way, or a new one, for which its keys are counted and cut into slices.

    Raises UnknownProjection.
    """
    projector = projection(name)
    using = router.db_for_write(Event)
    under_way = Rebuild.objects.using(using).filter(projection=name, ended_at=None)
    while True:
        rebuild = under_way.first()
        if rebuild and not restart and _is_current(rebuild, projector, using):
            return rebuild
        try:
            with transaction.atomic(using=using):
                if rebuild:
                    _end(rebuild, using, error="somebody has begun it anew")
                return _begin(name, projector, using)
        except IntegrityError:  # another process was first
            restart = False


def work(rebuild_id: int, *, seconds: float | None = None, progress: Told | None = None) -> bool:
    """Take batches of a rebuild, for so many seconds or until nothing is left; returns whether it has ended.

    As many as like may call it at once. Raises ReadModelLost, and gives the rebuild up, when its server was emptied.
    """
    using = router.db_for_write(Event)
    rebuild = Rebuild.objects.using(using).filter(pk=rebuild_id, ended_at=None).first()
    if rebuild is None:
        return True
    projector = projection(rebuild.projection)
    passes = _passes(rebuild.projection, projector, rebuild.known)
    until = None if seconds is None else monotonic() + seconds
    taken = None
    try:
        while until is None or monotonic() < until:
            taken = _take(rebuild, passes, using, taken)
            if taken is None and _is_over(rebuild, projector, using):
                return True
            if taken is not None and progress:
                progress(passes[taken.stage].name, *_done(rebuild, taken.stage, using))
    except ReadModelLost as error:
        _end(rebuild, using, error=str(error))
        raise
    return False


def _passes(name: str, projector: Projector, known: Mapping[str, Any]) -> Sequence[Pass]:
    if isinstance(projector, LevelTriggeredProjector):
        return projector.passes_of(known)
    return [SubjectPass(name, projector)]


def _is_current(rebuild: Rebuild, projector: Projector, using: str) -> bool:
    """Whether a rebuild that was begun is still what there is to do."""
    if rebuild.passes != [pass_.name for pass_ in _passes(rebuild.projection, projector, rebuild.known)]:
        return False
    if not isinstance(projector, LevelTriggeredProjector):
        return True
    return projector.can_go_on(rebuild.known, using)


def _begin(name: str, projector: Projector, using: str) -> Rebuild:
    known = projector.prepare(using) if isinstance(projector, LevelTriggeredProjector) else {}
    passes = _passes(name, projector, known)
    rebuilds = Rebuild.objects.using(using)
    rebuild = rebuilds.create(projection=name, passes=[pass_.name for pass_ in passes], known=known)
    rebuilds.filter(projection=name, ended_at__lt=timezone.now() - KEPT_FOR).delete()
    for stage, pass_ in enumerate(passes):
        total = pass_.total(using)
        size = max(ceil(total / SLICES / pass_.size), 1) * pass_.size  # whole pages
        bounds = list(pairwise([None, *pass_.cuts(size, using), None]))
        Slice.objects.using(using).bulk_create(
            Slice(
                rebuild=rebuild,
                stage=stage,
                cursor=after,
                until=until,
                total=size if until else max(total - size * (len(bounds) - 1), 0),
            )
            # Neighbours have a resource in common, and who works at them would wait for each other.
            for after, until in [*bounds[::2], *bounds[1::2]]
        )
    return rebuild


class Taken(NamedTuple):
    """What was found in a batch."""

    stage: int
    wrong: int


def _take(rebuild: Rebuild, passes: Sequence[Pass], using: str, before: Taken | None) -> Taken | None:
    """Work at a batch of a slice that nobody has, after another one; None if there is no such slice."""
    overtaken = 0
    while True:
        try:
            with transaction.atomic(using=using):
                mine = _left(rebuild, using).select_for_update(skip_locked=True).first()
                if mine is None:
                    return None
                # Where all is wrong, it is not worth to look without locks first.
                is_wrong = before is not None and before.wrong > 0 and before.stage == mine.stage
                wrong = _advance(mine, rebuild, passes[mine.stage], using, is_wrong=is_wrong)
                if wrong is not None:
                    return Taken(mine.stage, wrong)
        except StaleWriter:  # somebody has repaired the same
            overtaken += 1
            if overtaken == MAX_ATTEMPTS:
                raise
        # Not in the transaction that holds the slice: a drain locks for itself.
        for pipeline in pipelines_of(rebuild.projection):
            drain(pipeline, using=using, wait=True)


def _advance(mine: Slice, rebuild: Rebuild, pass_: Pass, using: str, *, is_wrong: bool) -> int | None:
    """Make a batch of a slice right, and put the cursor behind it; None if something waits that comes first."""
    start = monotonic()
    page = pass_.page(mine.cursor, mine.until, using)
    wrong = 0
    if page.keys is None:
        pass
    elif isinstance(pass_, SubjectPass):
        pass_.apply_again(page.keys, using)
    elif is_wrong or pass_.differs(page.keys, using):
        if not _lock(pipelines_of(rebuild.projection), pass_, page.keys, using):
            return None
        wrong = pass_.repair(page.keys, using)
    mine.cursor, mine.is_done = page.end, page.end is None
    mine.done += page.number
    mine.total = mine.done if mine.is_done else max(mine.total, mine.done)
    mine.wrong += wrong
    mine.seconds += monotonic() - start
    mine.worked_at = timezone.now()
    mine.save(using=using, update_fields=["cursor", "is_done", "done", "total", "wrong", "seconds", "worked_at"])
    return wrong


def _left(rebuild: Rebuild, using: str) -> "models.QuerySet[Slice]":
    """The slices of the walk that the rebuild is at: the next one begins when all of them are done."""
    slices = Slice.objects.using(using).filter(rebuild=rebuild.pk, is_done=False)
    stage = slices.order_by("stage").values("stage")[:1]
    return slices.filter(stage=models.Subquery(stage)).order_by("pk")


def _is_over(rebuild: Rebuild, projector: Projector, using: str) -> bool:
    """Wait for who has the last slices of a walk; true if nothing is left at all, and the rebuild has ended."""
    with transaction.atomic(using=using):
        if _left(rebuild, using).select_for_update().first():
            return False
    # In another transaction, since that one may hold a slice which is done by now.
    with transaction.atomic(using=using):
        under_way = Rebuild.objects.using(using).filter(pk=rebuild.pk, ended_at=None).select_for_update().first()
        if under_way is None:
            return True
        if _left(rebuild, using).exists():
            return False
        if isinstance(projector, LevelTriggeredProjector):
            projector.rebuilt(rebuild.known, using)
        _end(rebuild, using)
        return True


def _end(rebuild: Rebuild, using: str, *, error: str = "") -> None:
    slices = Slice.objects.using(using).filter(rebuild=rebuild.pk)
    sums = slices.aggregate(**{name: models.Sum(name, default=0) for name in ("total", "done", "wrong")})
    Rebuild.objects.using(using).filter(pk=rebuild.pk, ended_at=None).update(
        **sums, ended_at=timezone.now(), error=error
    )
    slices.delete()


def _done(rebuild: Rebuild, stage: int, using: str) -> tuple[int, int]:
    """How many keys of a walk are done, and about how many there are."""
    slices = Slice.objects.using(using).filter(rebuild=rebuild.pk, stage=stage)
    sums = slices.aggregate(done=models.Sum("done", default=0), total=models.Sum("total", default=0))
    return sums["done"], sums["total"]
