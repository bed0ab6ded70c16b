"""What is left when all threads have come back."""

import os

from django.db import connection

from sequere.replay.verifying import verifiable, verify


def rounds(on_postgresql: int, on_sqlite: int) -> int:
    """How often to race: writers of SQLite stand in a queue, so there is less to find. `make faults` races longer."""
    times = int(os.environ.get("TESTS_ROUNDS", "1"))
    return times * (on_postgresql if connection.vendor == "postgresql" else on_sqlite)


def differences() -> list[str]:
    """Where the read models are not what the log says."""
    found: list[str] = []
    for name in verifiable():
        verify(name, on_difference=lambda difference: found.append(str(difference)))
    return found
