"""Functions that run in the database: statements that follow each other, in one call, planned once.

They are put in place after every migration, into the schema in which it runs. A database that needs none has none.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import NamedTuple, TypeAlias

from django.db import connections, models, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from sequere.sql.dialects import dialect

#: The functions that an app needs in a database, in the order of their creation: CREATE OR REPLACE FUNCTION, by name.
Definitions: TypeAlias = Callable[[BaseDatabaseWrapper], Mapping[str, str]]


class _Provided(NamedTuple):
    #: The app after whose migrations they are put in place.
    app_label: str
    table: str
    definitions: Definitions


_provided: dict[str, _Provided] = {}


def provide_functions(app_label: str, table: str, definitions: Definitions, by: str | None = None) -> None:
    """Say, from an AppConfig, which functions an app needs in a database that has one of its tables; `by` is the app
    that says so, if it is another one."""
    _provided[by or app_label] = _Provided(app_label, table, definitions)


def in_reach(model: type[models.Model], using: str) -> bool:
    """Whether a database has functions, and a read model that they can write to."""
    return dialect(connections[using]).has_routines and router.db_for_write(model) == using


def create_functions(app_label: str, connection: BaseDatabaseWrapper) -> None:
    """Create the functions of an app that are missing or defined otherwise."""
    different = [
        definition
        for provided in _provided.values()
        if provided.app_label == app_label
        for definition in _different(provided, connection).items()
    ]
    for name, text in different:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            # With other parameters, it would stay beside the new one.
            cursor.execute(f"DROP FUNCTION IF EXISTS {connection.ops.quote_name(name)}")
            cursor.execute(text)  # without parameters: a percent sign is a percent sign


def different_functions(connection: BaseDatabaseWrapper) -> list[str]:
    """The functions that are missing or defined otherwise. 1 query for each app that needs some."""
    return [name for provided in _provided.values() for name in _different(provided, connection)]


def _different(provided: _Provided, connection: BaseDatabaseWrapper) -> Mapping[str, str]:
    wanted = {name: _signed(text) for name, text in provided.definitions(connection).items()}
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_regclass(%s) IS NOT NULL, proname, prosrc FROM (VALUES (1)) AS one LEFT JOIN pg_proc"
            " ON pronamespace = to_regnamespace(quote_ident(current_schema())) AND proname = ANY(%s)",
            [provided.table, list(wanted)],
        )
        found = cursor.fetchall()
    bodies = {name: body for _, name, body in found}
    has_table = found[0][0]
    return {name: text for name, text in wanted.items() if has_table and bodies.get(name) != text.split("$$")[1]}


def _signed(text: str) -> str:
    """The definition. Its body, which PostgreSQL keeps as it was given, begins with a hash of what stands before it."""
    head, body, tail = text.split("$$")
    return f"{head}$$-- {sha256(head.encode()).hexdigest()[:32]}{body}$${tail}"
