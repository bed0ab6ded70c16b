"""Read the log, and make the read models what it says, or say where they are not.

A replay walks in batches. A batch is compared without locks; only where something differs, its resources are
locked and it is looked at again, so that what a writer was just doing is no difference. No signal of a host is sent.

A rebuild keeps in a table how far each slice of each walk has come. Whoever takes a batch of a slice holds its row for
one transaction, and leaves the cursor behind the batch in it; so processes share a rebuild without knowing each other,
and one that is killed leaves nothing to clean up.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby, pairwise
from math import ceil
from operator import attrgetter
from random import Random
from time import monotonic
from typing import Any, NamedTuple

from django.db import IntegrityError, models, router, transaction
from django.utils import timezone

from sequere.base import ResourceKey
from sequere.due import OVERDUE
from sequere.events import Event
from sequere.exceptions import ProjectorNotVerifiable, ReadModelLost, RebuildAbandoned, StaleWriter
from sequere.outbox import MAX_ATTEMPTS, drain, forget, hold
from sequere.passes import Cursor, Difference, Page, Pass, RowPass
from sequere.pipelines import pipelines_of
from sequere.projectors import LevelTriggeredProjector, Projector, projection, projections
from sequere.queued import QueuedEvent
from sequere.rebuilds import Rebuild, Slice
from sequere.resources import KEY, Resource, lock
from sequere.signals import rebuilds_left

#: Slices that a walk is cut into, at most; none has less keys than a batch.
SLICES = 256
#: How often a rebuild that others have begun anew is joined again.
BEGINNINGS = 5
#: How long a rebuild is remembered after it has ended.
KEPT_FOR = timedelta(days=1)
#: Keys of a sample that follow each other.
KEYS_PER_SAMPLE = 50

#: Told after each batch: the name of the pass, how many keys are done, about how many there are.
Told = Callable[[str, int, int], None]
OnDifference = Callable[[Difference], None]


@dataclass(slots=True)
class Report:
    """How many keys a replay has checked, and how many differences it has found."""

    checked: int = 0
    wrong: int = 0
    #: How many keys there are, where only a sample of them was checked.
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """A random share of the keys, the same ones for the same seed and the same keys."""

    share: float
    seed: int


def verifiable() -> list[str]:
    """The projections that say what their read model should hold."""
    return [name for name, projector in projections().items() if isinstance(projector, LevelTriggeredProjector)]


def verify(
    name: str,
    *,
    repair: bool = False,
    sample: Sample | None = None,
    progress: Told | None = None,
    on_difference: OnDifference | None = None,
) -> Report:
    """Compare the read model of a projection with the log; with `repair`, make it equal.

    With `sample`, compare a random share of it. Calls `on_difference` for each difference, as it is found. Raises
    UnknownProjection, ProjectorNotVerifiable.
    """
    projector = projection(name)
    if not isinstance(projector, LevelTriggeredProjector):
        raise ProjectorNotVerifiable(name=name)
    using = router.db_for_write(Event)
    if not (repair and sample is None) and projector.is_lost(using):
        return _lost(name, on_difference)
    known = projector.prepare(using) if repair else {}
    passes = projector.passes_of(known)

    def settle(pass_: Pass, keys: Any) -> int:
        return _settle(name, pass_, keys, using, repair=repair, on_difference=on_difference)

    report = _walk(passes, settle, using, sample, progress)
    if repair:
        projector.rebuilt(known, using)
    return report


def preview(name: str, *, progress: Told | None = None, on_difference: OnDifference | None = None) -> Report:
    """What a rebuild would check, and repair. Writes nothing, and takes no locks.

    What only waits in the outbox is no difference. Raises UnknownProjection.
    """
    using = router.db_for_write(Event)
    projector = projection(name)
    if not isinstance(projector, LevelTriggeredProjector):
        return Report(checked=SubjectPass(name, projector).total(using))
    if projector.is_lost(using):
        return _lost(name, on_difference)

    def look(pass_: Pass, keys: Any) -> int:
        if not pass_.differs(keys, using) or _is_late(pipelines_of(name), set(pass_.resources(keys, using)), using):
            return 0
        return _told(pass_.compare(keys, using, repair=False), on_difference)

    return _walk(projector.passes_of({}), look, using, None, progress)


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


def hand_over(rebuild_ids: Sequence[int]) -> None:
    """Leave rebuilds to a worker of Celery, one after the other. Raises BackendUnavailable."""
    using = router.db_for_write(Event)
    _tell_celery(rebuild_ids, using)
    Rebuild.objects.using(using).filter(pk__in=rebuild_ids).update(left_at=timezone.now())


def take_turn(rebuild_ids: Sequence[int], *, seconds: float) -> None:
    """Work at rebuilds, one after the other, and hand over what is left when the time is over."""
    started = monotonic()
    for position, rebuild_id in enumerate(rebuild_ids):
        if not work(rebuild_id, seconds=seconds - (monotonic() - started)):
            hand_over(rebuild_ids[position:])
            return


def sweep(using: str) -> None:
    """Tell the workers of Celery again of rebuilds that were left to them, and that nobody has worked at for too long.

    Those that were left together stay together. 1 query if there are none. Raises BackendUnavailable.
    """
    left = Rebuild.objects.using(using).filter(ended_at=None, left_at__isnull=False, projection__in=projections())
    rebuilds = left.annotate(worked_at=models.Max("slices__worked_at")).order_by("left_at", "pk")
    for left_at, group in groupby(rebuilds, attrgetter("left_at")):
        together, now = list(group), timezone.now()
        heard_at = max(left_at, *(rebuild.worked_at or left_at for rebuild in together))
        told_at = max(heard_at, *(rebuild.told_at or heard_at for rebuild in together))
        # If no worker runs, the pauses double, so that tasks do not pile up.
        if now - heard_at < max(OVERDUE, 2 * (told_at - heard_at)) or _is_in_work(together, using):
            continue
        ids = [rebuild.pk for rebuild in together]
        _tell_celery(ids, using)
        Rebuild.objects.using(using).filter(pk__in=ids).update(told_at=now)


class SubjectPass(RowPass):
    """The subjects of a projector of the host, which are forgotten and applied again."""

    columns = KEY
    size = 100

    def __init__(self, name: str, projector: Projector) -> None:
        self.name = name
        self._projector = projector

    def rows(self, using: str) -> "models.QuerySet[Any]":
        return Resource.objects.using(using)

    def keys(self, rows: list[Any], using: str) -> Sequence[ResourceKey]:
        return [ResourceKey(*row) for row in rows]

    def apply_again(self, keys: Sequence[ResourceKey], using: str) -> None:
        """In a transaction, since nobody else may apply anything meanwhile."""
        hold(self.name, using)
        lock(keys, using)
        self._projector.reset(keys, using=using)
        events = Event.objects.using(using).about(keys).order_by("id")
        self._projector.apply(events.iterator(chunk_size=2000), using=using)
        forget(self.name, keys, using)


def _tell_celery(rebuild_ids: Sequence[int], using: str) -> None:
    rebuilds_left.send(sender=Rebuild, rebuild_ids=[*rebuild_ids], using=using)


def _is_in_work(rebuilds: Sequence[Rebuild], using: str) -> bool:
    """Whether somebody holds a slice, however long he takes for its batch. 2 queries."""
    slices = Slice.objects.using(using).filter(rebuild__in=rebuilds, is_done=False)
    with transaction.atomic(using=using):
        number = slices.count()
        return len(slices.select_for_update(skip_locked=True)) < number


# Walking, all by oneself


def _walk(
    passes: Iterable[Pass],
    settle: Callable[[Pass, Any], int],
    using: str,
    sample: Sample | None,
    progress: Told | None,
) -> Report:
    report = Report(total=0 if sample else None)
    random = Random(sample.seed) if sample else None  # noqa: S311  # to be repeated, not to be kept secret
    for pass_ in passes:
        total = pass_.total(using) if progress or sample else 0
        done = checked = 0
        for page in _sampled(pass_, sample.share, random, using) if sample and random else _pages(pass_, using):
            if page.keys is not None:
                report.wrong += settle(pass_, page.keys)
            done += page.number
            checked += page.number
            if progress:
                progress(pass_.name, done, max(done, total))
        report.checked += checked
        if report.total is not None:
            report.total += max(total, checked)
    return report


def _pages(pass_: Pass, using: str, after: Cursor = None, until: Cursor = None) -> Iterator[Page]:
    while True:
        page = pass_.page(after, until, using)
        yield page
        if page.end is None:
            return
        after = page.end


def _sampled(pass_: Pass, share: float, random: Random, using: str) -> Iterator[Page]:
    """Pages of small slices drawn from all over the keys; of keys that cannot be cut, each page has the same chance."""
    slices = list(pairwise([None, *pass_.cuts(KEYS_PER_SAMPLE, using), None]))
    if len(slices) == 1:
        yield from (page for page in _pages(pass_, using) if random.random() < share)
        return
    for number in sorted(random.sample(range(len(slices)), ceil(share * len(slices)))):
        yield from _pages(pass_, using, *slices[number])


def _settle(name: str, pass_: Pass, keys: Any, using: str, *, repair: bool, on_difference: OnDifference | None) -> int:
    """Compare a batch, and lock what seems to differ; returns how many differences there were."""
    if not pass_.differs(keys, using):
        return 0
    pipelines = pipelines_of(name)
    while True:
        for pipeline in pipelines:
            drain(pipeline, using=using, wait=True)
        with transaction.atomic(using=using):
            if _lock(pipelines, pass_, keys, using):
                return _told(pass_.compare(keys, using, repair=repair), on_difference)


def _lock(pipelines: Sequence[str], pass_: Pass, keys: Any, using: str) -> bool:
    """Let a batch stand still; false if something about it waits: what was only just recorded is late, not wrong."""
    resources = set(pass_.resources(keys, using))
    lock(resources, using)
    return not _is_late(pipelines, resources, using)


def _is_late(pipelines: Sequence[str], resources: set[ResourceKey], using: str) -> bool:
    waiting = QueuedEvent.objects.using(using).filter(pipeline__in=pipelines)
    return waiting.exists() and waiting.about(resources).due().exists()


def _told(differences: Sequence[Difference], on_difference: OnDifference | None) -> int:
    if on_difference:
        for difference in differences:
            on_difference(difference)
    return len(differences)


def _lost(name: str, on_difference: OnDifference | None) -> Report:
    return Report(wrong=_told([Difference(f"the read model of {name}", "one", "none")], on_difference))


# Walking together


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
