"""Many rows as one parameter: a JSON array, which the database turns into a table.

A statement then has the same text for one row and for thousands, and costs a fraction of one placeholder per value.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from sequere.upsert import insert_into

# LIMIT tells PostgreSQL how many rows there are: it guesses 100, and may then read a table rather than look up one row.
_TABLE = {
    "postgresql": "SELECT {columns} FROM (SELECT * FROM jsonb_array_elements(%s::jsonb) LIMIT {rows}) AS r (value)",
    "sqlite": "SELECT {columns} FROM json_each(%s) AS r",
}


def given(
    connection: BaseDatabaseWrapper, fields: Sequence["models.Field[Any, Any]"], rows: Collection[Sequence[Any]]
) -> tuple[str, str]:
    """SELECT rows, a column for each field; and the parameter that it takes."""
    column = _postgresql if connection.vendor == "postgresql" else _sqlite
    columns = ", ".join(column(place, field, connection) for place, field in enumerate(fields))
    return _TABLE[connection.vendor].format(columns=columns, rows=len(rows)), _parameter(connection, rows)


def insert(
    model: type[models.Model], columns: Sequence[str], rows: Collection[Sequence[Any]], using: str, suffix: str = ""
) -> list[tuple[Any, ...]]:
    """INSERT rows of `columns`; returns what `suffix` RETURNs. 1 statement."""
    connection = connections[using]
    select, values = given(connection, fields_of(model, columns), rows)
    with connection.cursor() as cursor:
        # WHERE tells SQLite that ON CONFLICT is no join.
        cursor.execute(f"{insert_into(connection, model, columns)} {select} WHERE true {suffix}", [values])
        return cursor.fetchall() if cursor.description else []


def fields_of(model: type[models.Model], columns: Sequence[str]) -> list["models.Field[Any, Any]"]:
    by_column = {field.column: field for field in model._meta.concrete_fields}
    return [by_column[column] for column in columns]


def _postgresql(place: int, field: "models.Field[Any, Any]", connection: BaseDatabaseWrapper) -> str:
    if isinstance(field, models.JSONField):
        return f"r.value -> {place} AS {field.column}"
    # A cast to varchar(n) would cut silently; assigning a longer text raises.
    cast = "" if isinstance(field, models.CharField) else f"::{field.db_type(connection)}"
    return f"(r.value ->> {place}){cast} AS {field.column}"


def _sqlite(place: int, field: "models.Field[Any, Any]", connection: BaseDatabaseWrapper) -> str:
    return f"json_extract(r.value, '$[{place}]') AS {field.column}"


def _parameter(connection: BaseDatabaseWrapper, rows: Iterable[Sequence[Any]]) -> str:
    @cache  # the columns of an event mostly have the same moment
    def text_of(moment: datetime) -> str:
        return str(connection.ops.adapt_datetimefield_value(moment))

    def plain(value: Any) -> str:
        if isinstance(value, UUID):
            return value.hex
        if isinstance(value, datetime):
            return text_of(value)
        raise TypeError(f"{value!r} is no value of a column")

    return json.dumps(list(rows), default=plain, ensure_ascii=False)
