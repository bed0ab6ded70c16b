"""How many events wait in the outbox, and for how long: read from the tables, so it shows even if nothing drains."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from django.db import connections
from django.utils import timezone

from sequere.log.models import Event
from sequere.outbox.models import IS_DUE
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
    #: Seconds since the oldest event that could be applied now was recorded; None if there is none. Events behind a
    #: failed one cannot be applied.
    oldest: float | None = None

    @classmethod
    def of(cls, parts: Collection["Backlog"]) -> "Backlog":
        """Several backlogs as one."""
        ages = [part.oldest for part in parts if part.oldest is not None]
        pending, parked = (sum(getattr(part, name) for part in parts) for name in ("pending", "parked"))
        return cls(min(pending, COUNTED), min(parked, COUNTED), max(ages, default=None))


def backlogs(queues: Iterable[str], using: str) -> Mapping[str, Backlog]:
    """The backlog of each queue. 2 queries."""
    names = list(queues)
    if not names:
        return {}
    now = connections[using].ops.adapt_datetimefield_value(timezone.now())
    question, numbers = statement(__package__, "backlog"), range(len(names))
    with connections[using].cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(question.format(number=number, counted=COUNTED, is_due=IS_DUE) for number in numbers),
            [parameter for name in names for parameter in (name, name, name, now)],
        )
        rows = cursor.fetchall()
    events = Event.objects.using(using).in_bulk([oldest for *_, oldest in rows if oldest is not None])
    return {
        names[number]: Backlog(pending, parked, events[oldest].age if oldest in events else None)
        for number, pending, parked, oldest in rows
    }
