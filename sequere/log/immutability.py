"""The triggers with which the database itself keeps the log append-only.

On SQLite, one more guards every unique key, because REPLACE deletes a row without running its triggers. MariaDB would
need BEFORE UPDATE and BEFORE DELETE triggers that SIGNAL; it is not supported yet.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from sequere.sql.dialects import dialect, is_supported
from sequere.sql.statements import statements

TABLE = "sequere_event"
MESSAGE = "The event log is append-only: record a new event instead."


def has_log(connection: BaseDatabaseWrapper) -> bool:
    """Whether the table of the log is in a database. 1 query."""
    with connection.cursor() as cursor:
        return TABLE in connection.introspection.table_names(cursor)


def different_triggers(connection: BaseDatabaseWrapper) -> list[str]:
    """The triggers that are missing, not always at work, or defined otherwise; none if the table itself is not there.
    A trigger is compared with everything that it runs. 1 to 2 queries."""
    wanted = _triggers(connection)
    if not wanted or not has_log(connection):
        return []
    with connection.cursor() as cursor:
        cursor.execute(dialect(connection).triggers_of(TABLE))
        found = {name: (definition.split(), body) for name, definition, body in cursor.fetchall()}
    # Before a trigger, its text may define the function that the triggers of this database run.
    bodies: list[str | None] = [text.split("$$")[1] for text in wanted.values() if "$$" in text] or [None]
    right = {name: [(text.rpartition("$$;")[2].split(), body) for body in bodies] for name, text in wanted.items()}
    return [name for name in wanted if found.get(name) not in right[name]]


def install(connection: BaseDatabaseWrapper) -> None:
    """Create the triggers that are missing or different."""
    triggers = _triggers(connection)
    for name in different_triggers(connection):
        _drop(name, connection)
        with connection.cursor() as cursor:
            cursor.execute(triggers[name])


@contextmanager
def unprotected(using: str) -> Iterator[None]:
    """Drop the triggers inside the block, which is one transaction. Only for emptying a whole database."""
    connection = connections[using]
    with transaction.atomic(using=using):
        for name in _triggers(connection):
            _drop(name, connection)
        yield
        install(connection)


def _triggers(connection: BaseDatabaseWrapper) -> Mapping[str, str]:
    """The triggers that the log needs, in the order of their creation, and what creates each."""
    texts = statements(__package__, f"{connection.vendor}_triggers") if is_supported(connection) else {}
    return {name: text.format(table=TABLE, message=MESSAGE) for name, text in texts.items()}


def _drop(name: str, connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute(dialect(connection).drop_trigger(name, TABLE))
