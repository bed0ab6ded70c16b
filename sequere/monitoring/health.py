"""Whether the projections keep up with the log.

This is read from the outbox, not asked of the workers: a worker that has died reports nothing, but the events that it
left grow old.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import DatabaseError, InterfaceError, router

from sequere import conf
from sequere.exceptions import BackendException
from sequere.log.models import Event
from sequere.monitoring.backlog import Backlog
from sequere.monitoring.status import waiting_for_projections
from sequere.projections.projector import Projector
from sequere.projections.registry import mode_of, projections

#: The database of the log cannot be queried.
DATABASE_DOWN = "database"
#: The oldest event has been pending for too long.
LATE = "late"
#: Too many events have failed and wait for an operator.
PARKED = "parked"
#: An event has failed more than once, and will be tried again.
FAILING = "failing"
#: The read model is gone, and must be rebuilt.
LOST = "lost"
#: The server of the read model cannot be used, or refuses writes: the beginning of the problem, which also has the word
#: by which the server says why, such as READONLY.
UNREACHABLE = "unreachable"
#: The server of the read model drops keys when its memory is full: the beginning of the problem that names the policy.
EVICTION = "maxmemory-policy"


@dataclass(frozen=True, slots=True)
class ProjectionHealth:
    """The health of a projection. It contains no server and no error, so that anybody may read it."""

    mode: str
    #: Pending events, up to 100,000.
    pending: int
    #: Seconds since the oldest event was recorded that is not applied, whatever keeps it; 0 if there is none.
    lag: float
    #: Events that have failed more than once and will be tried again, up to 100,000.
    failing: int
    #: Parked events, which wait for an operator, up to 100,000.
    parked: int
    problems: list[str]


@dataclass(frozen=True, slots=True)
class Health:
    healthy: bool
    problems: list[str] = field(default_factory=list)
    projections: Mapping[str, ProjectionHealth] = field(default_factory=dict)


def examine() -> Health:
    """The health of the projections. 2 queries, and 2 round trips for each projection in Redis; 1 more of both if it is
    lost. Does not raise if a server is down.
    """
    try:
        using = router.db_for_write(Event)
        waiting = waiting_for_projections(using)
        found = {name: _examine(name, waiting[name], one, using) for name, one in projections().items()}
    except (DatabaseError, InterfaceError):
        return Health(healthy=False, problems=[DATABASE_DOWN])
    problems = sorted({problem for projection in found.values() for problem in projection.problems})
    return Health(healthy=not problems, problems=problems, projections=found)


def can_answer() -> bool:
    """Whether this process can query the database of the log, so that it can answer requests. 1 query."""
    try:
        Event.objects.using(router.db_for_write(Event)).exists()
    except (DatabaseError, InterfaceError):
        return False
    return True


def _examine(name: str, waiting: Backlog, projector: Projector, using: str) -> ProjectionHealth:
    tolerated = conf.health_max_parked()
    found = {
        LATE: (waiting.oldest_free or 0) > conf.health_max_lag(),
        FAILING: waiting.failing > 0,
        PARKED: tolerated is not None and waiting.parked > tolerated,
        **_state(projector, using),
    }
    problems = [problem for problem, is_so in found.items() if is_so]
    lag = round(waiting.oldest or 0.0, 3)
    return ProjectionHealth(mode_of(name), waiting.pending, lag, waiting.failing, waiting.parked, problems)


def _state(projector: Projector, using: str) -> dict[str, bool]:
    try:
        is_lost, policy = projector.is_lost(using), projector.examine_server()
        return {LOST: is_lost, f"{EVICTION} {policy}": bool(policy)}
    except BackendException as error:
        return {f"{UNREACHABLE} {error.details.get('mode', '')}".rstrip(): True}
