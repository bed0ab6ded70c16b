"""The triggers with which the database itself keeps the log append-only.

On SQLite a guard on every unique key comes on top, because REPLACE deletes a row without telling the triggers.
MariaDB would need BEFORE UPDATE and BEFORE DELETE triggers that SIGNAL; it is not supported yet.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

TABLE = "sequere_event"
MESSAGE = "The event log is append-only: record a new event instead."

_POSTGRESQL = {
    "sequere_event_no_change": f"""
        CREATE OR REPLACE FUNCTION sequere_event_is_immutable() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'restrict_violation'; END $$;
        CREATE TRIGGER sequere_event_no_change BEFORE UPDATE OR DELETE ON {TABLE}
        FOR EACH ROW EXECUTE FUNCTION sequere_event_is_immutable()
    """,
    "sequere_event_no_truncate": f"""
        CREATE TRIGGER sequere_event_no_truncate BEFORE TRUNCATE ON {TABLE}
        FOR EACH STATEMENT EXECUTE FUNCTION sequere_event_is_immutable()
    """,
}

_SQLITE = {
    "sequere_event_no_update": f"""
        CREATE TRIGGER sequere_event_no_update BEFORE UPDATE ON {TABLE}
        BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END
    """,
    "sequere_event_no_delete": f"""
        CREATE TRIGGER sequere_event_no_delete BEFORE DELETE ON {TABLE}
        BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END
    """,
    "sequere_event_no_replace": f"""
        CREATE TRIGGER sequere_event_no_replace BEFORE INSERT ON {TABLE}
        WHEN EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id)
          OR EXISTS (SELECT 1 FROM {TABLE} WHERE stream = NEW.stream AND version = NEW.version)
          OR EXISTS (SELECT 1 FROM {TABLE} WHERE idempotency_key = NEW.idempotency_key)
        BEGIN SELECT RAISE(ABORT, 'UNIQUE constraint failed: {TABLE}'); END
    """,
}

_TRIGGERS = {"postgresql": _POSTGRESQL, "sqlite": _SQLITE}

_INSTALLED = {
    # A disabled trigger is a missing one.
    "postgresql": f"SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass('{TABLE}') AND tgenabled <> 'D'",
    "sqlite": f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{TABLE}'",
}


def is_supported(connection: BaseDatabaseWrapper) -> bool:
    return connection.vendor in _TRIGGERS


def missing_triggers(connection: BaseDatabaseWrapper) -> list[str]:
    """The triggers that should be there and are not; none while the table is not there either. 1 to 2 queries."""
    wanted = _TRIGGERS.get(connection.vendor, {})
    with connection.cursor() as cursor:
        if not wanted or TABLE not in connection.introspection.table_names(cursor):
            return []
        cursor.execute(_INSTALLED[connection.vendor])
        installed = {row[0] for row in cursor.fetchall()}
    return [name for name in wanted if name not in installed]


def install(connection: BaseDatabaseWrapper) -> None:
    """Create the triggers that are missing. Harmless when none is."""
    for name in missing_triggers(connection):
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{_on_table(connection)}")
            cursor.execute(_TRIGGERS[connection.vendor][name])


@contextmanager
def suspended(using: str) -> Iterator[None]:
    """Drop the triggers inside the block, which is one transaction. Only for emptying a whole database."""
    connection = connections[using]
    with transaction.atomic(using=using):
        for name in _TRIGGERS.get(connection.vendor, {}):
            with connection.cursor() as cursor:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}{_on_table(connection)}")
        yield
        install(connection)


def _on_table(connection: BaseDatabaseWrapper) -> str:
    return f" ON {TABLE}" if connection.vendor == "postgresql" else ""
