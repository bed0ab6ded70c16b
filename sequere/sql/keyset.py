"""Paging through a table by its keys: each page begins after the last row of the one before, never at an OFFSET."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import models
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan, TupleLessThanOrEqual
from django.db.models.functions import Mod, RowNumber


def after(columns: tuple[str, ...], values: Sequence[Any], *, desc: bool = False) -> models.Q:
    """The condition that a row comes after `values` in the order of `columns`, all descending if `desc`."""
    return models.Q((TupleLessThan if desc else TupleGreaterThan)(Tuple(*columns), tuple(values)))


def up_to(columns: tuple[str, ...], values: Sequence[Any]) -> models.Q:
    """The condition that a row does not come after `values` in the order of `columns`."""
    return models.Q(TupleLessThanOrEqual(Tuple(*columns), tuple(values)))


def between(
    rows: models.QuerySet[Any], columns: tuple[str, ...], behind: Sequence[Any] | None, until: Sequence[Any] | None
) -> models.QuerySet[Any]:
    """The rows that come after some values of `columns`, and not after others."""
    if behind is not None:
        rows = rows.filter(after(columns, behind))
    return rows if until is None else rows.filter(up_to(columns, until))


def page(
    rows: models.QuerySet[Any],
    columns: tuple[str, ...],
    size: int,
    *,
    also: tuple[str, ...] = (),
    behind: Sequence[Any] | None = None,
    until: Sequence[Any] | None = None,
) -> list[tuple[Any, ...]]:
    """The (*columns, *also) of the first rows between these values. 1 query."""
    return list(between(rows, columns, behind, until).order_by(*columns).values_list(*columns, *also)[:size])


def end_of_page(rows: models.QuerySet[Any], columns: tuple[str, ...], size: int) -> tuple[Any, ...] | None:
    """The `columns` of the last one of the first `size` rows; None if there are fewer. 1 query."""
    last: tuple[Any, ...] | None = rows.order_by(*columns).values_list(*columns)[size - 1 : size].first()
    return last


def cuts(rows: models.QuerySet[Any], columns: tuple[str, ...], size: int) -> list[tuple[Any, ...]]:
    """The `columns` of every row that ends a group of `size` rows. 1 query, which numbers all rows."""
    place = models.Window(RowNumber(), order_by=[models.F(column).asc() for column in columns])
    rest = Mod(place, size, output_field=models.BigIntegerField())
    ends = rows.order_by().annotate(rest=rest).filter(rest=0)
    return list(ends.order_by(*columns).values_list(*columns))


def walk(
    rows: models.QuerySet[Any], columns: tuple[str, ...], size: int, also: tuple[str, ...] = ()
) -> Iterator[list[tuple[Any, ...]]]:
    """Pages of (*columns, *also) in the order of `columns`, which must be unique together. 1 query per page."""
    found = page(rows, columns, size, also=also)
    while found:
        yield found
        if len(found) < size:
            return
        found = page(rows, columns, size, also=also, behind=found[-1][: len(columns)])
