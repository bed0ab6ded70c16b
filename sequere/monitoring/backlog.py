"""How much waits in the outbox, and for how long: asked of the tables, so that it shows when nobody drains."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from django.db import connections
from django.utils import timezone

from sequere.log.models import Event
from sequere.outbox.models import IS_DUE, QueuedEvent

#: Events are counted up to here: a scrape, or a probe, must not read millions of rows.
COUNTED = 100_000

_QUEUE = QueuedEvent._meta.db_table


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in a pipeline."""

    #: Events that are to be applied, up to 100,000; those that are parked are none.
    pending: int = 0
    #: Events that have failed too often and wait for an operator, up to 100,000.
    parked: int = 0
    #: Seconds since the oldest event was recorded that could be applied now; None if there is none. What waits behind
    #: an event that has failed cannot be.
    oldest: float | None = None

    @classmethod
    def of(cls, parts: Collection["Backlog"]) -> "Backlog":
        """Several as one."""
        ages = [part.oldest for part in parts if part.oldest is not None]
        pending, parked = (sum(getattr(part, name) for part in parts) for name in ("pending", "parked"))
        return cls(min(pending, COUNTED), min(parked, COUNTED), max(ages, default=None))


def backlogs(pipelines: Iterable[str], using: str) -> Mapping[str, Backlog]:
    """What waits in each of some pipelines. 2 queries."""
    names = list(pipelines)
    if not names:
        return {}
    now = connections[using].ops.adapt_datetimefield_value(timezone.now())
    with connections[using].cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(_QUESTION.format(number=number) for number in range(len(names))),
            [parameter for name in names for parameter in (name, name, name, now)],
        )
        rows = cursor.fetchall()
    events = Event.objects.using(using).in_bulk([oldest for *_, oldest in rows if oldest is not None])
    return {
        names[number]: Backlog(pending, parked, events[oldest].age if oldest in events else None)
        for number, pending, parked, oldest in rows
    }


_QUESTION = f"""SELECT {{number}},
(SELECT COUNT(*) FROM (
    SELECT 1 FROM {_QUEUE} WHERE pipeline = %s AND parked_at IS NULL LIMIT {COUNTED}
) pending),
(SELECT COUNT(*) FROM (
    SELECT 1 FROM {_QUEUE} WHERE pipeline = %s AND attempts > 0 AND parked_at IS NOT NULL LIMIT {COUNTED}
) parked),
(SELECT event_id FROM {_QUEUE} WHERE pipeline = %s AND {IS_DUE} ORDER BY event_id LIMIT 1)"""
