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


def missing_triggers(connection: BaseDatabaseWrapper) -> list[str]:
    """The triggers that should be there and are not; none if the table itself is not there. 1 to 2 queries."""
    wanted = _triggers(connection)
    with connection.cursor() as cursor:
        if not wanted or TABLE not in connection.introspection.table_names(cursor):
            return []
        cursor.execute(dialect(connection).triggers_of(TABLE))
        installed = {row[0] for row in cursor.fetchall()}
    return [name for name in wanted if name not in installed]


def install(connection: BaseDatabaseWrapper) -> None:
    """Create the triggers that are missing."""
    triggers = _triggers(connection)
    for name in missing_triggers(connection):
        _drop(name, connection)
        with connection.cursor() as cursor:
            cursor.execute(triggers[name].format(table=TABLE, message=MESSAGE))


@contextmanager
def suspended(using: str) -> Iterator[None]:
    """Drop the triggers inside the block, which is one transaction. Only for emptying a whole database."""
    connection = connections[using]
    with transaction.atomic(using=using):
        for name in _triggers(connection):
            _drop(name, connection)
        yield
        install(connection)


def _triggers(connection: BaseDatabaseWrapper) -> Mapping[str, str]:
    """The triggers that the log needs, in the order of their creation, and what creates each."""
    return statements(__package__, connection.vendor) if is_supported(connection) else {}


def _drop(name: str, connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute(dialect(connection).drop_trigger(name, TABLE))
