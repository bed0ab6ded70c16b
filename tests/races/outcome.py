"""The outcome when all threads have returned."""

import os

from django.db import connection

from sequere.replay.verifying import verifiable, verify


def rounds(on_postgresql: int, on_sqlite: int) -> int:
    """The number of rounds: writers of SQLite queue up, so races find less there. `make faults` races longer."""
    times = int(os.environ.get("TESTS_ROUNDS", "1"))
    return times * (on_postgresql if connection.vendor == "postgresql" else on_sqlite)


def differences() -> list[str]:
    """The differences between the read models and the log."""
    found: list[str] = []
    for name in verifiable():
        verify(name, on_difference=lambda difference: found.append(str(difference)))
    return found
