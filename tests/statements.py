"""Count the statements sent to the database, without transaction control."""

from collections.abc import Callable, Iterator
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


def entries_read(indexes: str, do: Callable[[], object]) -> int:
    """How many entries of the indexes that are named like this something reads on PostgreSQL, also in functions."""
    named = f"FROM pg_class WHERE relkind = 'i' AND relname LIKE '{indexes}'"
    read = f"SELECT SUM(pg_stat_get_xact_tuples_returned(oid)) {named}"
    with connection.cursor() as cursor:
        # Small tables would be read as a whole, and sorted.
        for kind in ("seqscan", "bitmapscan", "sort"):
            cursor.execute(f"SET LOCAL enable_{kind} = off")
        cursor.execute("DISCARD PLANS")
        cursor.execute(read)
        before = cursor.fetchone()[0]
        do()
        cursor.execute(read)
        return int(cursor.fetchone()[0] - before)
