"""Many rows as a parameter: a JSON array, which the database turns into a table.

A statement then has the same text for two rows and for thousands, and costs a fraction of one placeholder per value. A
column that says the same in all rows is a parameter of its own: the type, the moment and the metadata of the events of
an import are sent and read once, not 2,000 times.
"""

import json
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from functools import cache
from itertools import repeat
from operator import is_
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from sequere.sql.upsert import insert_into

Field: TypeAlias = "models.Field[Any, Any]"
ModelT = TypeVar("ModelT", bound=models.Model)

# LIMIT tells PostgreSQL how many rows there are: it guesses 100, and may then read a table rather than look up one row.
_TABLE = {
    "postgresql": "SELECT {columns} FROM (SELECT * FROM jsonb_array_elements(%s::jsonb) LIMIT {rows}) AS r (value)",
    "sqlite": "SELECT {columns} FROM json_each(%s) AS r",
}


def given(
    connection: BaseDatabaseWrapper, fields: Sequence[Field], rows: Collection[Sequence[Any]]
) -> tuple[str, list[Any]]:
    """SELECT rows, a column for each field; and the parameters that it takes."""
    constant, column = _DIALECTS[connection.vendor]
    columns: list[str] = []
    constants: list[Any] = []
    varying: list[Sequence[Any]] = []
    by_column = list(zip(*rows, strict=True)) or [()] * len(fields)
    for field, values in zip(fields, by_column, strict=True):
        plain = _plain(connection, values)
        if plain and _is_constant(field, plain):
            columns.append(constant(field, connection))
            constants.append(_dumped(plain[0]) if isinstance(field, models.JSONField) else plain[0])
        else:
            columns.append(column(len(varying), field, connection))
            varying.append(plain)
    table = list(zip(*varying, strict=True)) if varying else [()] * len(rows)
    sql = _TABLE[connection.vendor].format(columns=", ".join(columns), rows=len(rows))
    return sql, [*constants, _dumped(table)]


def insert(
    model: type[models.Model], columns: tuple[str, ...], rows: Collection[Sequence[Any]], using: str, suffix: str = ""
) -> list[tuple[Any, ...]]:
    """INSERT rows of `columns`; returns what `suffix` RETURNs. 1 statement."""
    connection = connections[using]
    select, values = given(connection, fields_of(model, columns), rows)
    with connection.cursor() as cursor:
        # WHERE tells SQLite that ON CONFLICT is no join.
        cursor.execute(f"{insert_into(connection, model, columns)} {select} WHERE true {suffix}", values)
        return cursor.fetchall() if cursor.description else []


def instances(model: type[ModelT], sql: str, values: Sequence[Any], using: str) -> list[ModelT]:
    """What a statement selects that names all columns of a model, in any order; other columns become attributes.

    Like `raw()`, which takes as long to find out how as a small statement takes.
    """
    connection = connections[using]
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows = cursor.fetchall()
        if not rows:
            return []
        places = {column[0]: place for place, column in enumerate(cursor.description)}
    fields = [(field, places.pop(field.column)) for field in model._meta.concrete_fields]
    names = [field.attname for field, _ in fields]
    readers = [(place, None if _is_plain(field, using) else _reader(field, connection)) for field, place in fields]
    found = []
    for row in rows:
        columns = [read(row[place]) if read else row[place] for place, read in readers]
        instance = model.from_db(using, names, columns)
        for name, place in places.items():
            setattr(instance, name, row[place])
        found.append(instance)
    return found


@cache
def _is_plain(field: Field, using: str) -> bool:
    """Whether the database gives values of this column as Python has them."""
    return not _converters(field, connections[using])


def _reader(field: Field, connection: BaseDatabaseWrapper) -> Callable[[Any], Any]:
    """What makes a value of Python from one of the database."""
    column = _column(field)
    converters = _converters(field, connection)

    def read(value: Any) -> Any:
        for convert in converters:
            value = convert(value, column, connection)
        return value

    return read


def _converters(field: Field, connection: BaseDatabaseWrapper) -> list[Any]:
    column = _column(field)
    return [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]


def _column(field: Field) -> models.expressions.Col:
    return field.get_col(field.model._meta.db_table)


@cache
def fields_of(model: type[models.Model], columns: tuple[str, ...]) -> list[Field]:
    by_column = {field.column: field for field in model._meta.concrete_fields}
    return [by_column[column] for column in columns]


def _plain(connection: BaseDatabaseWrapper, values: Sequence[Any]) -> Sequence[Any]:
    """The values of a column as JSON has them."""
    first = next((value for value in values if value is not None), None)
    if isinstance(first, UUID):
        return [value and value.hex for value in values]
    if isinstance(first, datetime):
        adapted = connection.ops.adapt_datetimefield_value
        if all(map(is_, values, repeat(first))):
            return (str(adapted(first)),) * len(values)
        return [value and str(adapted(value)) for value in values]
    return values


def _is_constant(field: Field, values: Sequence[Any]) -> bool:
    first = values[0]
    # In Python 1 == 1.0 == True, and so for what contains them; JSON tells them apart.
    if isinstance(field, models.JSONField) and first != {}:
        return all(map(is_, values, repeat(first)))
    return values.count(first) == len(values)


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _postgresql_constant(field: Field, connection: BaseDatabaseWrapper) -> str:
    return f"%s::{_type(field, connection.alias)} AS {field.column}"


def _postgresql(place: int, field: Field, connection: BaseDatabaseWrapper) -> str:
    if isinstance(field, models.JSONField):
        return f"r.value -> {place} AS {field.column}"
    return f"(r.value ->> {place})::{_type(field, connection.alias)} AS {field.column}"


@cache
def _type(field: Field, using: str) -> str:
    # A cast to varchar(n) would cut silently; assigning a longer text raises.
    return "text" if isinstance(field, models.CharField) else str(field.db_type(connections[using]))


def _sqlite_constant(field: Field, connection: BaseDatabaseWrapper) -> str:
    return f"%s AS {field.column}"


def _sqlite(place: int, field: Field, connection: BaseDatabaseWrapper) -> str:
    return f"json_extract(r.value, '$[{place}]') AS {field.column}"


#: How each database is told a column that says the same in all rows, and any other.
_DIALECTS = {"postgresql": (_postgresql_constant, _postgresql), "sqlite": (_sqlite_constant, _sqlite)}
