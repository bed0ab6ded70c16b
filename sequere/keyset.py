"""Walking over a table by its keys: every page begins after the last row of the one before, never at an OFFSET."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import models


def after(columns: tuple[str, ...], values: Sequence[Any], *, desc: bool = False) -> models.Q:
    """The condition that a row comes after `values` in the order of `columns`, all of them descending if `desc`."""
    first, *rest = columns
    beyond = "lt" if desc else "gt"
    condition = models.Q(**{f"{first}__{beyond}": values[0]})
    if rest:
        condition |= models.Q(**{first: values[0]}) & after(tuple(rest), values[1:], desc=desc)
        condition &= models.Q(**{f"{first}__{beyond}e": values[0]})  # what an index can start from
    return condition


def up_to(columns: tuple[str, ...], values: tuple[Any, ...]) -> models.Q:
    """The condition that a row is not after `values`."""
    first, *rest = columns
    if not rest:
        return models.Q(**{f"{first}__lte": values[0]})
    condition = models.Q(**{f"{first}__lt": values[0]})
    condition |= models.Q(**{first: values[0]}) & up_to(tuple(rest), values[1:])
    return condition & models.Q(**{f"{first}__lte": values[0]})


def walk(
    rows: models.QuerySet[Any], columns: tuple[str, ...], size: int, also: tuple[str, ...] = ()
) -> Iterator[list[tuple[Any, ...]]]:
    """Pages of (*columns, *also) in the order of `columns`, which must be a unique key. 1 query per page."""
    ordered = rows.order_by(*columns).values_list(*columns, *also)
    page = list(ordered[:size])
    while page:
        yield page
        if len(page) < size:
            return
        page = list(ordered.filter(after(columns, page[-1]))[:size])
