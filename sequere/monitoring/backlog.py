"""How many events wait in the outbox, and for how long: read from the tables, so it shows even if nothing drains."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from django.db import connections

from sequere.log.models import Event
from sequere.sql.statements import statement

#: Events are counted up to this number: a scrape, or a probe, must not read millions of rows.
COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class Backlog:
    """The events that wait in a queue."""

    #: Events that are to be applied, up to 100,000, without the parked ones.
    pending: int = 0
    #: Events that have failed too often and wait for an operator, up to 100,000.
    parked: int = 0
    #: Events that have failed more than once and will be tried again, up to 100,000; they are pending, too.
    failing: int = 0
    #: Seconds since the oldest event was recorded that is not applied, whatever keeps it; None if there is none.
    oldest: float | None = None
    #: The same for the events that no parked one holds up: those that workers should have applied.
    oldest_free: float | None = None

    @classmethod
    def of(cls, parts: Collection["Backlog"]) -> "Backlog":
        """Several backlogs as one."""
        return cls(
            pending=min(COUNTED, sum(part.pending for part in parts)),
            parked=min(COUNTED, sum(part.parked for part in parts)),
            failing=min(COUNTED, sum(part.failing for part in parts)),
            oldest=_greatest(part.oldest for part in parts),
            oldest_free=_greatest(part.oldest_free for part in parts),
        )


def backlogs(queues: Iterable[str], using: str) -> Mapping[str, Backlog]:
    """The backlog of each queue. 2 queries."""
    names = list(queues)
    if not names:
        return {}
    question, numbers = statement(__package__, "backlog"), range(len(names))
    with connections[using].cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(question.format(number=number, counted=COUNTED) for number in numbers),
            [name for name in names for _ in range(5)],
        )
        rows = cursor.fetchall()
    events = Event.objects.using(using).in_bulk({id_ for *_, oldest, free in rows for id_ in (oldest, free) if id_})
    ages = {id_: event.age for id_, event in events.items()}
    return {
        names[number]: Backlog(pending, parked, failing, ages.get(oldest), ages.get(free))
        for number, pending, parked, failing, oldest, free in rows
    }


def _greatest(ages: Iterable[float | None]) -> float | None:
    return max((age for age in ages if age is not None), default=None)
