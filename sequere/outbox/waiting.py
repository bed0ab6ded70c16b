"""Read your writes when others apply them: waiting for what this process has recorded."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from threading import Lock
from time import monotonic, sleep

from asgiref.sync import sync_to_async
from django.db import router
from django.utils import timezone

from sequere.exceptions import ProjectionTimeout
from sequere.log.identity import LogAt, log_at
from sequere.log.models import Event
from sequere.outbox.queues import names_in, queues_of
from sequere.outbox.shards import still_queued

#: Ids that are looked up at once. After so many new ones, those that are applied are forgotten.
IDS_AT_ONCE = 2000
#: Seconds between two looks: at first, and later.
FIRST_PAUSE, LAST_PAUSE = 0.005, 0.1


class Recorded:
    """The ids of events that this process has recorded and that may still wait in a queue."""

    def __init__(self) -> None:
        self._ids: set[int] = set()
        self._limit = IDS_AT_ONCE
        self._lock = Lock()

    def add(self, ids: Iterable[int]) -> bool:
        """Returns whether it is time to forget those that are applied."""
        with self._lock:
            self._ids.update(ids)
            return len(self._ids) > self._limit

    def waiting(self, queues: Sequence[str], using: str) -> list[int]:
        """The oldest ids that still wait, up to 2,000; forgets older ones that do not. 1 query for every 2,000."""
        while oldest := self._oldest():
            waiting = sorted(still_queued(queues, oldest, using))
            self._forget({*oldest}.difference(waiting))
            if waiting:
                return waiting
        return []

    def _oldest(self) -> list[int]:
        with self._lock:
            return sorted(self._ids)[:IDS_AT_ONCE]

    def _forget(self, applied: Collection[int]) -> None:
        with self._lock:
            self._ids.difference_update(applied)
            self._limit = len(self._ids) + IDS_AT_ONCE


#: By log, since each counts its events, and by queue.
_recorded: dict[tuple[LogAt, str], Recorded] = defaultdict(Recorded)


def note(queue: str, event_ids: Iterable[int], using: str) -> None:
    """Remember events that this process has recorded, and that wait in a queue."""
    recorded = _recorded[log_at(using), queue]
    if recorded.add(event_ids):
        recorded.waiting(_with_fan_outs(queue), using)


def wait_for_projections(timeout: float = 10) -> None:
    """Return when everything that this process has recorded and committed is applied, fan-outs included.

    Looks at least every tenth of a second: 1 query for each queue that may have something left. Raises
    ProjectionTimeout after `timeout` seconds.
    """
    using = router.db_for_write(Event)
    deadline, pause = monotonic() + timeout, FIRST_PAUSE
    while waiting := _waiting(using):
        if (left := deadline - monotonic()) <= 0:
            oldest = Event.objects.using(using).values_list("recorded_at", flat=True).get(pk=min(waiting))
            age = (timezone.now() - oldest).total_seconds()
            raise ProjectionTimeout(timeout=timeout, waiting=len(waiting), oldest=age)
        sleep(min(pause, left))
        pause = min(2 * pause, LAST_PAUSE)


await_for_projections = sync_to_async(wait_for_projections)


def _with_fan_outs(queue: str) -> list[str]:
    """A queue, and those in which the events of its projections may wait after it."""
    return list(dict.fromkeys([queue, *(other for name in names_in(queue) for other in queues_of(name))]))


def _waiting(using: str) -> list[int]:
    here = log_at(using)
    return [
        event_id
        for (at, queue), recorded in list(_recorded.items())
        if at == here
        for event_id in recorded.waiting(_with_fan_outs(queue), using)
    ]
