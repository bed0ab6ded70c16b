"""Waiting until what this process has recorded is applied: read your writes, where others do the work."""

from array import array
from collections import defaultdict
from collections.abc import Iterable
from threading import Lock
from time import monotonic, sleep

from asgiref.sync import sync_to_async
from django.db import router
from django.utils import timezone

from sequere.exceptions import ProjectionTimeout
from sequere.log.models import Event
from sequere.outbox.models import BUILT_IN, FAN_OUT, QueuedEvent

#: Ids that are looked for at once, and after which those that are applied are forgotten.
IDS_AT_ONCE = 2000
#: Seconds between two looks: at first, and after some of them.
FIRST_PAUSE, LAST_PAUSE = 0.005, 0.1


class Recorded:
    """The ids of events that this process has recorded, and that may wait for a pipeline. 8 bytes each."""

    def __init__(self) -> None:
        self._ids = array("q")
        self._lock = Lock()
        self._enough = IDS_AT_ONCE

    def add(self, ids: Iterable[int]) -> bool:
        """Returns whether it is time to look which of them are applied."""
        with self._lock:
            self._ids.extend(ids)
            return len(self._ids) > self._enough

    def waiting(self, pipelines: list[str], using: str) -> list[int]:
        """Some of those that wait, the oldest ones, and forgets those before them. 1 query, 1 more for every 2,000."""
        while True:
            with self._lock:
                some = self._ids[:IDS_AT_ONCE]
            rows = QueuedEvent.objects.using(using).filter(pipeline__in=pipelines, event_id__in=some)
            waiting = sorted({*rows.values_list("event_id", flat=True)}) if some else []
            with self._lock:
                if self._ids[: len(some)] == some:  # nobody else has looked meanwhile
                    self._ids[: len(some)] = array("q", waiting)
                self._enough = len(self._ids) + IDS_AT_ONCE
            if waiting or not some:
                return waiting


_recorded: dict[str, Recorded] = defaultdict(Recorded)


def note(pipeline: str, event_ids: Iterable[int], using: str) -> None:
    """Remember what was recorded and waits."""
    recorded = _recorded[pipeline]
    if recorded.add(event_ids):
        recorded.waiting([pipeline], using)


def wait_for_projections(timeout: float = 10) -> None:
    """Return when all that this process has recorded and committed is applied, fan-outs included.

    Looks at least every tenth of a second, 1 query for each pipeline that may have something left. Raises
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


def _waiting(using: str) -> list[int]:
    return [
        event_id
        for pipeline, recorded in list(_recorded.items())
        for event_id in recorded.waiting([pipeline, FAN_OUT] if pipeline == BUILT_IN else [pipeline], using)
    ]
