"""Circuit breakers: an outage is noticed once per process, and no process keeps waiting for a server in vain.

Used for Redis servers, and for the broker of Celery. Needs none of their packages.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from threading import Lock
from time import monotonic
from typing import Any


@dataclass(frozen=True, slots=True)
class Outage:
    """A server that is not available."""

    reason: str
    #: The kind of work that the server refuses while it does everything else, as when its disk is full; None if it does
    #: not answer.
    refused: Any = None
    #: Until when nothing is sent to it, on the clock of `monotonic()`.
    pauses_until: float = 0

    def is_over(self, done: Iterable[Any]) -> bool:
        """Whether the server is available again, after it has done work of these kinds."""
        return self.refused is None or self.refused in done


class CircuitBreaker:
    """What this process knows about the outage of one server. Safe to share between threads."""

    def __init__(self) -> None:
        self.outage: Outage | None = None
        self._lock = Lock()

    @property
    def pause(self) -> Outage | None:
        """The outage because of which nothing should be sent now; None if something may be sent."""
        outage = self.outage
        return outage if outage and monotonic() < outage.pauses_until else None

    def trip(self, outage: Outage) -> bool:
        """Remember a failure; returns whether an outage begins with it. One that has begun keeps what it refuses."""
        with self._lock:
            known, self.outage = self.outage, outage
            if known:
                self.outage = replace(outage, refused=known.refused)
            return known is None

    def recover(self, done: Iterable[Any] = ()) -> bool:
        """Remember a success, with work of these kinds; returns whether an outage ends with it."""
        if self.outage is None or not self.outage.is_over(done):
            return False
        with self._lock:
            known, self.outage = self.outage, None
            return known is not None
