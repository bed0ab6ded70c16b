"""Many rows as a parameter: a JSON array, which the database turns into a table.

A statement has the same text for two rows and for thousands, and costs a fraction of one with a placeholder for each
value. A column that is the same in all rows is a parameter of its own: an import sends the type, the moment and the
metadata of its events once, not 2,000 times.

What a database needs to know of columns is prepared once, and values are converted column by column.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import repeat
from operator import is_, itemgetter
from typing import Any, NamedTuple, TypeAlias, TypeVar

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.base import ModelState

from sequere.sql.dialects import Dialect, dialect

Field: TypeAlias = "models.Field[Any, Any]"
ModelT = TypeVar("ModelT", bound=models.Model)

_dumped = json.JSONEncoder(ensure_ascii=False).encode


def given(
    connection: BaseDatabaseWrapper, fields: Sequence[Field], rows: Collection[Sequence[Any]]
) -> tuple[str, list[Any]]:
    """SELECT rows, a column for each field; and the parameters that it takes."""
    return _columns(tuple(fields), connection.alias).given(connection, rows)


@dataclass(frozen=True, eq=False)
class Insert:
    """INSERTs rows into some columns of a table."""

    model: type[models.Model]
    columns: tuple[str, ...]
    #: What ends the statement, in the words of a database.
    ending: Callable[[Dialect], str] = lambda _: ""

    def rows(self, rows: Collection[Sequence[Any]], using: str) -> list[tuple[Any, ...]]:
        """Insert rows; returns what the ending RETURNs. 1 statement."""
        connection = connections[using]
        beginning, columns, ending = _prepared(self, using)
        select, values = columns.given(connection, rows)
        with connection.cursor() as cursor:
            # WHERE tells SQLite that ON CONFLICT does not belong to a join.
            cursor.execute(f"{beginning} {select} WHERE true {ending}", values)
            return cursor.fetchall() if cursor.description else []

    def selected(self, select: str, values: Sequence[Any], using: str) -> int:
        """Insert what a SELECT finds; returns how many rows. 1 statement."""
        beginning, _, ending = _prepared(self, using)
        with connections[using].cursor() as cursor:
            cursor.execute(f"{beginning} {select} {ending}", values)
            return int(cursor.rowcount)


@cache
def _prepared(insert: Insert, using: str) -> "tuple[str, _Columns, str]":
    """The beginning of an INSERT, its columns, and its end."""
    words = dialect(connections[using])
    columns = _columns(fields_of(insert.model, insert.columns), using)
    return words.insert_into(insert.model, insert.columns), columns, insert.ending(words)


@cache
def fields_of(model: type[models.Model], columns: tuple[str, ...]) -> tuple[Field, ...]:
    by_column = {field.column: field for field in model._meta.concrete_fields}
    return tuple(by_column[column] for column in columns)


class _Column(NamedTuple):
    """How a database is given a column."""

    is_json: bool
    #: Turns values into what JSON can say; None if they are that already.
    to_json: Callable[[Sequence[Any], BaseDatabaseWrapper], Sequence[Any]] | None
    #: The column if it is the same in all rows, and else, by its place in each row.
    constant: str
    element: Callable[[int], str]


class _Columns:
    """The columns of rows that a database is given."""

    def __init__(self, columns: Sequence[_Column], table: str) -> None:
        self._columns = columns
        self._table = table
        #: The SELECT, by whether each column is constant.
        self._selects: dict[tuple[bool, ...], str] = {}

    def given(self, connection: BaseDatabaseWrapper, rows: Collection[Sequence[Any]]) -> tuple[str, list[Any]]:
        by_column = list(zip(*rows, strict=True)) or [()] * len(self._columns)
        constants: list[Any] = []
        varying: list[Sequence[Any]] = []
        which: list[bool] = []
        for (is_json, to_json, *_), values in zip(self._columns, by_column, strict=True):
            plain = to_json(values, connection) if to_json and values else values
            is_constant = (
                bool(plain)
                and plain.count(plain[0]) == len(plain)
                # In Python 1 == 1.0 == True, and so for what contains them; JSON tells them apart.
                and (not is_json or plain[0] is None or all(map(is_, plain, repeat(plain[0]))))
            )
            if is_constant:
                constants.append(plain[0] if plain[0] is None or not is_json else _dumped(plain[0]))
            else:
                varying.append(plain)
            which.append(is_constant)
        if len(rows) == 1:  # written out, it is planned sooner
            return f"SELECT {', '.join(column.constant for column in self._columns)}", constants
        select = self._selects.get(key := tuple(which)) or self._select(key)
        table = list(zip(*varying, strict=True)) if varying else [()] * len(rows)
        return select.format(rows=len(rows)), [*constants, _dumped(table)]

    def _select(self, which: tuple[bool, ...]) -> str:
        columns, place = [], 0
        for column, is_constant in zip(self._columns, which, strict=True):
            columns.append(column.constant if is_constant else column.element(place))
            place += not is_constant
        return self._selects.setdefault(which, self._table.format(columns=", ".join(columns), rows="{rows}"))


@cache
def _columns(fields: tuple[Field, ...], using: str) -> _Columns:
    connection = connections[using]
    words = dialect(connection)
    columns = []
    for field in fields:
        name, type_, is_json = str(field.column), str(field.db_type(connection)), isinstance(field, models.JSONField)
        element = partial(words.element, column=name, type_=type_, is_json=is_json)
        columns.append(_Column(is_json, _to_json(field), words.constant(name, type_), element))
    return _Columns(columns, words.given_rows)


def _to_json(field: Field) -> Callable[[Sequence[Any], BaseDatabaseWrapper], Sequence[Any]] | None:
    if isinstance(field, models.UUIDField):
        return _hexadecimal
    if isinstance(field, models.DateTimeField):
        return _adapted
    is_optional = field.null and isinstance(field, models.CharField | models.JSONField)
    return _without_empty if is_optional else None


def _without_empty(values: Sequence[Any], connection: BaseDatabaseWrapper) -> list[Any]:
    return [value or None for value in values]


def _hexadecimal(values: Sequence[Any], connection: BaseDatabaseWrapper) -> list[str]:
    return [value and value.hex for value in values]


def _adapted(values: Sequence[Any], connection: BaseDatabaseWrapper) -> list[str]:
    adapt = connection.ops.adapt_datetimefield_value
    first = values[0]
    if first and all(map(is_, values, repeat(first))):  # as in all rows of an import
        return [str(adapt(first))] * len(values)
    return [value and str(adapt(value)) for value in values]


def instances(model: type[ModelT], sql: str, values: Sequence[Any], using: str) -> list[ModelT]:
    """What a statement SELECTs that names all columns of a model, in any order; other columns become attributes.

    Like `raw()`, which takes as long to find out how as a small statement takes.
    """
    connection = connections[using]
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows = cursor.fetchall()
        if not rows:
            return []
        reading = _reading(model, tuple(map(itemgetter(0), cursor.description)), using)
    columns = list(zip(*rows, strict=True))
    _convert(columns, reading.converted, connection)
    in_order = zip(*[columns[place] for place in reading.places], strict=True)
    found = [model.from_db(using, reading.names, columns_of_one) for columns_of_one in in_order]
    for name, place in reading.others:
        for instance, value in zip(found, columns[place], strict=True):
            setattr(instance, name, value)
    return found


def made(model: type[ModelT], names: Sequence[str], rows: Iterable[Sequence[Any]], using: str) -> list[ModelT]:
    """Instances of a model of ours, from the values of all its fields: what `from_db()` makes, in a fifth of the time.
    It sends no `pre_init` and `post_init`."""
    found = []
    for values in rows:
        one = model.__new__(model)
        state = ModelState()
        state.adding, state.db = False, using
        one.__dict__.update(zip(names, values, strict=True), _state=state)
        found.append(one)
    return found


def fetched(
    sql: str, values: Sequence[Any] | Mapping[str, Any], fields: Sequence[Field], using: str
) -> list[tuple[Any, ...]]:
    """What a statement SELECTs, a column for each field, as Python has it."""
    connection = connections[using]
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    converted = _converted(tuple(fields), using)
    if not rows or not converted:
        return rows
    columns = list(zip(*rows, strict=True))
    _convert(columns, converted, connection)
    return list(zip(*columns, strict=True))


def _convert(
    columns: list[Any], converted: Sequence[tuple[int, models.expressions.Col]], connection: BaseDatabaseWrapper
) -> None:
    for place, column in converted:
        # The converters belong to the connection of a thread.
        for convert in _converters(column, connection):
            columns[place] = tuple(map(convert, columns[place], repeat(column), repeat(connection)))


@cache
def _converted(fields: tuple[Field, ...], using: str) -> Sequence[tuple[int, models.expressions.Col]]:
    """The places of columns that the database does not give as Python has them."""
    columns = [field.get_col(field.model._meta.db_table) for field in fields]
    return [(place, column) for place, column in enumerate(columns) if _converters(column, connections[using])]


class _Reading(NamedTuple):
    """How instances are made of the columns that a statement SELECTs."""

    names: Sequence[str]
    #: The places of the columns of the model, in the order of its fields.
    places: Sequence[int]
    #: The places of columns that the database does not give as Python has them.
    converted: Sequence[tuple[int, models.expressions.Col]]
    #: The names and places of columns that are not the model's.
    others: Sequence[tuple[str, int]]


@cache
def _reading(model: type[models.Model], names: tuple[str, ...], using: str) -> _Reading:
    fields, others = model._meta.concrete_fields, {name: place for place, name in enumerate(names)}
    places = [others.pop(str(field.column)) for field in fields]
    columns = [field.get_col(model._meta.db_table) for field in fields]
    return _Reading(
        names=[field.attname for field in fields],
        places=places,
        converted=[
            (place, column)
            for place, column in zip(places, columns, strict=True)
            if _converters(column, connections[using])
        ],
        others=[*others.items()],
    )


def _converters(column: models.expressions.Col, connection: BaseDatabaseWrapper) -> list[Any]:
    return [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]
