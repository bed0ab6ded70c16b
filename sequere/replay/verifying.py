"""Comparing a read model with the log."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from random import Random
from typing import Any

from django.db import router, transaction

from sequere.base import ResourceKey
from sequere.exceptions import ProjectorNotVerifiable
from sequere.log.locks import lock
from sequere.log.models import Event
from sequere.outbox.drain import drain
from sequere.outbox.models import QueuedEvent
from sequere.outbox.queues import pipelines_of
from sequere.projections.projector import LevelTriggeredProjector
from sequere.projections.reconciler import Cursor, Difference, Page, Pass
from sequere.projections.registry import projection, projections
from sequere.replay.subjects import SubjectPass

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
