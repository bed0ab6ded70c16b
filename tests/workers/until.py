"""Waiting for what another process does."""

from collections.abc import Callable
from time import monotonic, sleep

from django.db import connection

#: Seconds after which it is taken not to come.
PATIENCE = 120


def until(is_so: Callable[[], bool]) -> None:
    """Return as soon as it is so. Raises TimeoutError."""
    deadline = monotonic() + PATIENCE
    while not is_so():
        if monotonic() > deadline:
            raise TimeoutError(f"not within {PATIENCE} seconds")
        sleep(0.005)


def is_waited_for() -> bool:
    """Whether another process waits for a lock of ours."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))")
        return cursor.fetchone() is not None
