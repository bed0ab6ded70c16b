"""Whether the projections keep up with the log.

What waits is asked of the outbox and not of who should apply it: a worker that has died says nothing, but the events
that he has left grow old.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import DatabaseError, InterfaceError, router

from sequere import conf
from sequere.exceptions import BackendException
from sequere.log.models import Event
from sequere.monitoring.backlog import Backlog
from sequere.monitoring.status import waiting_for_projections
from sequere.projections.projector import LevelTriggeredProjector, Projector
from sequere.projections.registry import mode_of, projections

#: The database of the log cannot be asked.
DATABASE = "database"
#: The oldest event has waited for too long.
LATE = "late"
#: Too many events have failed and wait for an operator.
PARKED = "parked"
#: The read model is gone, and is to be rebuilt.
LOST = "lost"
#: The server of the read model cannot be used.
UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class ProjectionHealth:
    """How a projection is. It names no server and quotes no error: anybody may read it."""

    mode: str
    #: Events that wait, up to 100,000.
    pending: int
    #: Seconds since the oldest event was recorded that could be applied now; 0 if there is none.
    lag: float
    #: Events that wait for an operator, up to 100,000.
    parked: int
    problems: list[str]


@dataclass(frozen=True, slots=True)
class Health:
    healthy: bool
    problems: list[str] = field(default_factory=list)
    projections: Mapping[str, ProjectionHealth] = field(default_factory=dict)


def examine() -> Health:
    """How the projections are. 2 queries, 1 round trip for each that is kept in Redis, and 1 of both if that is lost.

    Raises nothing that a server is to blame for.
    """
    try:
        using = router.db_for_write(Event)
        waiting = waiting_for_projections(using)
        found = {name: _examine(name, waiting[name], one, using) for name, one in projections().items()}
    except (DatabaseError, InterfaceError):
        return Health(healthy=False, problems=[DATABASE])
    problems = sorted({problem for projection in found.values() for problem in projection.problems})
    return Health(healthy=not problems, problems=problems, projections=found)


def _examine(name: str, waiting: Backlog, projector: Projector, using: str) -> ProjectionHealth:
    lag, tolerated = waiting.oldest or 0.0, conf.health_max_parked()
    found = {
        LATE: lag > conf.health_max_lag(),
        PARKED: tolerated is not None and waiting.parked > tolerated,
        **_state(projector, using),
    }
    problems = [problem for problem, is_so in found.items() if is_so]
    return ProjectionHealth(mode_of(name), waiting.pending, round(lag, 3), waiting.parked, problems)


def _state(projector: Projector, using: str) -> dict[str, bool]:
    try:
        return {LOST: isinstance(projector, LevelTriggeredProjector) and projector.is_lost(using)}
    except BackendException:
        return {UNREACHABLE: True}
