"""How often what is random or simultaneous is tried: once in `make test`, and more often with TESTS_ROUNDS."""

import os

from django.db import connection

#: What `.ci/run`, `make extended` and `make faults` multiply the numbers in the tests by.
TIMES = int(os.environ.get("TESTS_ROUNDS", "1"))


def rounds(on_postgresql: int, on_sqlite: int) -> int:
    """The number of rounds of a race: writers of SQLite queue up, so races find less there."""
    return TIMES * (on_postgresql if connection.vendor == "postgresql" else on_sqlite)
