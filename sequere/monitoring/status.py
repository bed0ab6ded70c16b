"""The state of the projections: how many events are pending, and what is wrong."""

from dataclasses import dataclass

from sequere.exceptions import BackendException
from sequere.monitoring.backlog import Backlog, backlogs
from sequere.outbox.models import QueuedEvent
from sequere.outbox.queues import known_queues, queues_of
from sequere.projections.projector import Projector
from sequere.projections.registry import mode_of, projections


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a projection."""

    name: str
    mode: str
    projector: str
    #: Pending events, up to 100,000.
    pending: int
    #: Seconds since the oldest event was recorded that is not applied, whatever keeps it.
    oldest: float | None
    parked: int
    error: str


def status(using: str) -> list[Status]:
    """The state of each projection, in the order in which they are applied. 2 queries, and 1 for each."""
    waiting = waiting_for_projections(using)
    return [_status(name, projector, waiting[name], using) for name, projector in projections().items()]


def waiting_for_projections(using: str) -> dict[str, Backlog]:
    """The backlog of each projection, of all its queues together. 2 queries."""
    waiting = backlogs(known_queues(), using)
    return {name: Backlog.of([waiting[queue] for queue in queues_of(name)]) for name in projections()}


def _status(name: str, projector: Projector, waiting: Backlog, using: str) -> Status:
    queued = QueuedEvent.objects.using(using).filter(queue__in=queues_of(name))
    last = queued.failed().order_by("-event_id").first()
    class_ = type(projector)
    return Status(
        name=name,
        mode=mode_of(name),
        projector=f"{class_.__module__}.{class_.__qualname__}",
        pending=waiting.pending,
        oldest=waiting.oldest,
        parked=waiting.parked,
        error=_trouble(projector, using) or (last.error if last else ""),
    )


def _trouble(projector: Projector, using: str) -> str:
    """What is wrong with the read model as a whole; empty if nothing is."""
    try:
        policy, is_lost = projector.examine_server(), projector.is_lost(using)
    except BackendException as error:
        return str(error)
    found = {
        f"The server drops keys when its memory is full: set maxmemory-policy to noeviction, not {policy}": policy,
        "The read model is lost: run rebuild_projections": is_lost,
    }
    return ". ".join(trouble for trouble, is_there in found.items() if is_there)
