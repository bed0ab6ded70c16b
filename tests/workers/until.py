"""Waiting for what another process does."""

from collections.abc import Callable
from time import monotonic, sleep

#: Seconds after which it is taken not to come.
PATIENCE = 120


def until(is_so: Callable[[], bool]) -> None:
    """Return as soon as it is so. Raises TimeoutError."""
    deadline = monotonic() + PATIENCE
    while not is_so():
        if monotonic() > deadline:
            raise TimeoutError(f"not within {PATIENCE} seconds")
        sleep(0.005)
