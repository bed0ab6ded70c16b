"""Read the log, and make the read models what it says, or say where they are not.

A replay walks in batches. A batch is compared without locks; only where something differs, its resources are
locked and it is looked at again, so that what a writer was just doing is no difference. A read model that is lost as a
whole may be filled at once instead. No signal of a host is sent.
"""

from collections.abc import Callable, Sequence, Sized
from dataclasses import dataclass

from django.db import router, transaction

from sequere.base import ResourceKey
from sequere.events import Event
from sequere.exceptions import ProjectorNotVerifiable
from sequere.keyset import walk
from sequere.outbox import drain, forget, hold, pipelines_of
from sequere.projectors import (
    Difference,
    LevelTriggeredProjector,
    Pass,
    Progress,
    Projector,
    projection,
    projections,
)
from sequere.queued import QueuedEvent
from sequere.resources import Resource, lock

#: Subjects of a host's projector that are forgotten and applied again in one transaction.
SUBJECTS_PER_BATCH = 100


@dataclass(slots=True)
class Report:
    """How many keys a replay has checked, and how many differences it has found."""

    checked: int = 0
    wrong: int = 0


def verifiable() -> list[str]:
    """The projections that say what their read model should hold."""
    return [name for name, projector in projections().items() if isinstance(projector, LevelTriggeredProjector)]


def verify(
    name: str,
    *,
    repair: bool = False,
    progress: Progress | None = None,
    on_difference: Callable[[Difference], None] | None = None,
) -> Report:
    """Compare the read model of a projection with the log; with `repair`, make it equal.

    Calls `on_difference` for each difference, as it is found. Raises UnknownProjection, ProjectorNotVerifiable.
    """
    projector = projection(name)
    if not isinstance(projector, LevelTriggeredProjector):
        raise ProjectorNotVerifiable(name=name)
    using = router.db_for_write(Event)
    report = Report()
    passes = projector.passes
    if projector.is_lost(using):
        report.wrong = 1
        if on_difference:
            on_difference(Difference(f"the read model of {name}", "one", "none"))
        if not repair:
            return report
        report.checked, passes = projector.fill(using, progress)
    for pass_ in passes:
        total = pass_.total(using) if progress else 0
        done = 0
        for keys in pass_.batches(using):
            differences = _look_at(name, pass_, keys, using, repair=repair)
            report.wrong += len(differences)
            if on_difference:
                for difference in differences:
                    on_difference(difference)
            done += len(keys)
            if progress:
                progress(pass_.name, done, max(done, total))
        report.checked += done
    if repair:
        projector.rebuilt(using)
    return report


def rebuild(name: str, *, progress: Progress | None = None) -> Report:
    """Make the read model of a projection what the log says; a model that is right is only read.

    A projector of the host forgets and applies its events subject by subject. Raises UnknownProjection.
    """
    projector = projection(name)
    if isinstance(projector, LevelTriggeredProjector):
        return verify(name, repair=True, progress=progress)
    using = router.db_for_write(Event)
    report = Report()
    total = Resource.objects.using(using).count()
    for page in walk(Resource.objects.using(using), ("identifier", "object_id"), SUBJECTS_PER_BATCH):
        _apply_again(name, projector, [ResourceKey(*row) for row in page], using)
        report.checked += len(page)
        if progress:
            progress(name, report.checked, max(report.checked, total))
    return report


def _look_at(name: str, pass_: Pass, keys: Sized, using: str, *, repair: bool) -> list[Difference]:
    if not pass_.differs(keys, using):
        return []
    pipelines = pipelines_of(name)
    waiting = QueuedEvent.objects.using(using).filter(pipeline__in=pipelines)
    while True:
        for pipeline in pipelines:
            drain(pipeline, using=using, wait=True)
        with transaction.atomic(using=using):
            resources = set(pass_.resources(keys, using))
            lock(resources, using)
            # What was only just recorded is late, not wrong.
            if not (waiting.exists() and waiting.about(resources).due().exists()):
                return pass_.compare(keys, using, repair=repair)


def _apply_again(name: str, projector: Projector, subjects: Sequence[ResourceKey], using: str) -> None:
    with transaction.atomic(using=using):
        hold(name, using)
        lock(subjects, using)
        projector.reset(subjects, using=using)
        events = Event.objects.using(using).about(subjects).order_by("id")
        projector.apply(events.iterator(chunk_size=2000), using=using)
        forget(name, subjects, using)
