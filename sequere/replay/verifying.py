"""Verify: a read model compared with the log, by one process.

A pass goes through batches of keys. A batch is compared without locks first. Only if something differs, its resources
are locked and it is compared again: what a writer was just doing is not a difference. No signal of a host is sent.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from random import Random
from typing import Any

from django.db import router, transaction

from sequere.base import ResourceKey
from sequere.exceptions import ProjectorNotVerifiable, ReadModelLost
from sequere.log.locks import lock
from sequere.log.models import Event
from sequere.log.recording import replaying
from sequere.log.suspensions import SUSPENSIONS
from sequere.outbox.drain import drain
from sequere.outbox.models import QueuedEvent
from sequere.outbox.queues import queues_of
from sequere.projections.projector import LevelTriggeredProjector, Projector
from sequere.projections.reconciler import Cursor, Difference, KeySource, Page, Reconciler
from sequere.projections.registry import projection, projections
from sequere.registry import can_be_recorded
from sequere.replay.failures import NOT_OF_EVENTS, named_error
from sequere.replay.log_faults import log_reconciler
from sequere.replay.subjects import SUBJECT_KEYS

#: Consecutive keys in each part of a sample.
KEYS_PER_SAMPLE = 50

#: Called after each batch: the name of the reconciler, how many keys are done, about how many there are.
OnBatch = Callable[[str, int, int], None]

OnDifference = Callable[[Difference], None]


@dataclass(slots=True)
class Report:
    """How many keys a replay has checked, and how many differences it has found."""

    checked: int = 0
    wrong: int = 0
    #: How many keys there are, if only a sample of them was checked.
    total: int | None = None
    #: What no repair can mend: faults of the log, and keys whose events cannot be applied, which a rebuild leaves out.
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """A random share of the keys: the same ones for the same seed and the same keys."""

    share: float
    seed: int


def verifiable() -> list[str]:
    """The projections whose projectors say what their read model should hold."""
    return [name for name, projector in projections().items() if projector.verifiable]


def verify(
    name: str,
    *,
    repair: bool = False,
    sample: Sample | None = None,
    progress: OnBatch | None = None,
    on_difference: OnDifference | None = None,
) -> Report:
    """Compare the read model of a projection with the log; with `repair`, make it equal. Names faults of the log, too.

    With `sample`, compare a random share of it. Calls `on_difference` for each difference when it is found. Raises
    UnknownProjection, ProjectorNotVerifiable; ReadModelLost if pending events cannot be applied, and no repair helps.
    """
    if not isinstance(sample, Sample | None):
        raise TypeError(f"A sample is a sequere.replay.Sample, not a {type(sample).__name__}.")
    projector = _verifiable(name, projection(name))

    def compare() -> Report:
        return _compared(name, projector, sample, progress, on_difference, repair=repair)

    try:
        return compare()
    except ReadModelLost:  # a pending event has shown that a uid belongs to somebody else: now it counts as lost
        return compare()


def preview(name: str, *, progress: OnBatch | None = None, on_difference: OnDifference | None = None) -> Report:
    """What a rebuild would check and repair. Writes nothing, and takes no locks.

    An event that is pending in the outbox is not a difference. Raises UnknownProjection.
    """
    using = router.db_for_write(Event)
    projector = projection(name)
    if not projector.verifiable:
        return Report(checked=SUBJECT_KEYS.total(using))
    if projector.is_lost(using):
        return _lost(name, on_difference)

    def look(reconciler: Reconciler, keys: Any) -> int:
        comparison = reconciler.comparison
        with replaying():
            if not comparison.differs(keys, using):
                return 0
            if is_late(queues_of(name), {*comparison.resources(keys, using)}, using):
                return 0
            return _reported(comparison.compare(keys, using, repair=False), on_difference)

    return _walk(_verifiable(name, projector).reconcilers, look, using, None, progress, on_difference)


def _compared(
    name: str,
    projector: LevelTriggeredProjector,
    sample: Sample | None,
    progress: OnBatch | None,
    on_difference: OnDifference | None,
    *,
    repair: bool,
) -> Report:
    using = router.db_for_write(Event)
    if not (repair and sample is None) and projector.is_lost(using):
        return _lost(name, on_difference)
    plan = projector.begin(using) if repair else None

    def settle(reconciler: Reconciler, keys: Any) -> int:
        return settle_batch(name, reconciler, keys, using, repair=repair, on_difference=on_difference)

    reconcilers = [log_reconciler(projector.stream_kinds), *(plan.reconcilers if plan else projector.reconcilers)]
    report = _walk(reconcilers, settle, using, sample, progress, on_difference)
    if plan:
        plan.finish(using)
    return report


def lock_batch(queues: Sequence[str], reconciler: Reconciler, keys: Any, using: str) -> bool:
    """Lock the resources of a batch. False if an event about them is pending: the model is late then, not wrong."""
    named = reconciler.comparison.resources(keys, using)
    # A damaged model names what cannot be in the log, either. Nothing happens there, and to lock it would create it.
    resources = {resource for resource in named if can_be_recorded(*resource)}
    lock(resources, using)
    return not is_late(queues, resources, using)


def is_late(queues: Sequence[str], resources: set[ResourceKey], using: str) -> bool:
    """Whether an event about these resources is pending in one of the queues. 1 query or 2, none without resources:
    then nothing is compared that an event changes."""
    if not resources:
        return False
    waiting = QueuedEvent.objects.using(using).filter(queue__in=queues)
    # Who is suspended may be at the other end of any relation.
    about = waiting.about(resources) | waiting.filter(event__type__in=SUSPENSIONS)
    return waiting.exists() and about.due().exists()


def _verifiable(name: str, projector: Projector) -> LevelTriggeredProjector:
    if not isinstance(projector, LevelTriggeredProjector):
        raise ProjectorNotVerifiable(name=name)
    return projector


def _walk(
    reconcilers: Iterable[Reconciler],
    settle: Callable[[Reconciler, Any], int],
    using: str,
    sample: Sample | None,
    progress: OnBatch | None,
    on_difference: OnDifference | None,
) -> Report:
    report = Report(total=0 if sample else None)
    random = Random(sample.seed) if sample else None  # noqa: S311  # to be repeatable, not to be secret
    for reconciler in reconcilers:
        keys = reconciler.keys
        total = keys.total(using) if progress or sample else 0
        done = checked = 0
        pages = _sampled(keys, sample.share, random, using) if sample and random else _pages(keys, using)
        for after, page in pages:
            _settled(report, reconciler, keys, (after, page), settle, using, on_difference)
            done += page.number
            checked += page.number
            if progress:
                progress(reconciler.name, done, max(done, total))
        report.checked += checked
        if report.total is not None:
            report.total += max(total, checked)
    return report


def _settled(
    report: Report,
    reconciler: Reconciler,
    keys: KeySource,
    place: tuple[Cursor | None, Page],
    settle: Callable[[Reconciler, Any], int],
    using: str,
    on_difference: OnDifference | None,
) -> None:
    """Settle the page behind a cursor. If that fails, in parts: a key at which it fails is a difference, too."""
    after, page = place
    if page.keys is None:
        return
    try:
        wrong = settle(reconciler, page.keys)
    except NOT_OF_EVENTS:
        raise
    except Exception as error:  # noqa: BLE001  # whatever an event does to a comparison
        if narrower := keys.narrowed():
            for part in _pages(narrower, using, after, page.end):
                _settled(report, reconciler, narrower, part, settle, using, on_difference)
            return
        event_id = keys.first_event(after, page.end, using)
        what = f"{reconciler.name} behind {after}" if event_id is None else f"event {event_id} for {reconciler.name}"
        wrong = _reported([Difference(what, "one that can be applied", named_error(error))], on_difference)
        report.failed += wrong
    else:
        report.failed += 0 if reconciler.comparison.repairs else wrong
    report.wrong += wrong


def _pages(
    keys: KeySource, using: str, after: Cursor | None = None, until: Cursor | None = None
) -> Iterator[tuple[Cursor | None, Page]]:
    """The pages, and where each begins."""
    while True:
        page = keys.page(after, until, using)
        yield after, page
        if page.end is None:
            return
        after = page.end


def _sampled(keys: KeySource, share: float, random: Random, using: str) -> Iterator[tuple[Cursor | None, Page]]:
    """Pages of small slices from all over the keys. If the keys cannot be cut, each page has the same chance."""
    slices = list(pairwise([None, *keys.cuts(KEYS_PER_SAMPLE, using), None]))
    if len(slices) == 1:
        yield from (page for page in _pages(keys, using) if random.random() < share)
        return
    for number in sorted(random.sample(range(len(slices)), ceil(share * len(slices)))):
        yield from _pages(keys, using, *slices[number])


def settle_batch(
    name: str,
    reconciler: Reconciler,
    keys: Any,
    using: str,
    *,
    repair: bool = False,
    on_difference: OnDifference | None = None,
) -> int:
    """Compare a batch, locked if it seems to differ; returns the number of differences."""
    with replaying():
        differs = reconciler.comparison.differs(keys, using)
    if not differs:
        return 0
    queues = queues_of(name)
    while True:
        with transaction.atomic(using=using):
            if lock_batch(queues, reconciler, keys, using):
                with replaying():
                    differences = reconciler.comparison.compare(keys, using, repair=repair)
                return _reported(differences, on_difference)
        for queue in queues:
            drain(queue, using=using, wait=True)


def _reported(differences: Sequence[Difference], on_difference: OnDifference | None) -> int:
    if on_difference:
        for difference in differences:
            on_difference(difference)
    return len(differences)


def _lost(name: str, on_difference: OnDifference | None) -> Report:
    return Report(wrong=_reported([Difference(f"the read model of {name}", "one", "none")], on_difference))
