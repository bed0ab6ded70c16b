"""Count the statements sent to the database, without transaction control."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.test.utils import CaptureQueriesContext

CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


@contextmanager
def at_most(number: int, *, exactly: bool = False) -> Iterator[None]:
    """Fail, and show the statements, if the block sends more of them (with `exactly`, also if it sends fewer)."""
    with CaptureQueriesContext(connection) as captured:
        yield
    sent = [query["sql"] for query in captured if not query["sql"].startswith(CONTROL)]
    assert len(sent) == number if exactly else len(sent) <= number, "\n".join([f"{len(sent)} statements:", *sent])


@contextmanager
def exactly(number: int) -> Iterator[None]:
    with at_most(number, exactly=True):
        yield
