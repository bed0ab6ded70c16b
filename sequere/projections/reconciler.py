"""Walks over a read model and the log, in batches of keys that can be cut into slices and broken off anywhere."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, TypeAlias
from uuid import UUID

from django.db import models

from sequere.base import ResourceKey
from sequere.sql import keyset


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where a read model is not what the log says."""

    what: str
    expected: Any
    found: Any

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, found {self.found}"


#: A place in the order of the keys, behind a key, as JSON can say it; None for the beginning, or the end.
Cursor: TypeAlias = list[Any] | None


class Page(NamedTuple):
    """Some keys that follow each other."""

    #: What the methods of the pass take; None where there is nothing to look at.
    keys: Any
    #: How many keys the walk has met.
    number: int
    #: Where the next page begins; None behind the last one.
    end: Cursor


class Pass:
    """One walk over a part of a read model, in batches of keys that log and model name together.

    `page()` says what the keys are, and in which order; it keeps nothing in mind, so that a walk goes on anywhere.
    """

    name: str
    #: About how many keys a page has.
    size = 500

    def total(self, using: str) -> int:
        """About how many keys there are, for a progress bar."""
        return 0

    def cuts(self, size: int, using: str) -> list[list[Any]]:
        """Where to cut the keys into slices of `size`: a cursor behind each but the last one. None by default."""
        return []

    def page(self, after: Cursor, until: Cursor, using: str) -> Page:
        """The keys behind a cursor, and not behind another one."""
        raise NotImplementedError

    def differs(self, keys: Any, using: str) -> bool:
        """Whether a batch is worth to be locked and compared; in doubt it is."""
        return bool(self.compare(keys, using, repair=False))

    def resources(self, keys: Any, using: str) -> Iterable[ResourceKey]:
        """What to lock so that a batch stands still."""
        raise NotImplementedError

    def compare(self, keys: Any, using: str, *, repair: bool) -> Sequence[Difference]:
        """Where the model was not what the log says; with `repair`, it is afterwards."""
        raise NotImplementedError

    def repair(self, keys: Any, using: str) -> int:
        """The same for who only wants to know how many there were, where that is faster."""
        return len(self.compare(keys, using, repair=True))


class RowPass(Pass):
    """A walk over the rows of a table, in the order of columns that are unique together."""

    columns: ClassVar[tuple[str, ...]] = ("id",)
    #: What else is read of each row.
    also: ClassVar[tuple[str, ...]] = ()

    def rows(self, using: str) -> "models.QuerySet[Any]":
        """All rows, without an order."""
        raise NotImplementedError

    def keys(self, rows: list[Any], using: str) -> Any:
        """What the other methods take, made of rows of (*columns, *also)."""
        raise NotImplementedError

    def total(self, using: str) -> int:
        return self.rows(using).count()

    def cuts(self, size: int, using: str) -> list[list[Any]]:
        return [_as_json(row) for row in keyset.cuts(self.rows(using), self.columns, size)]

    def page(self, after: Cursor, until: Cursor, using: str) -> Page:
        rows = keyset.page(self.rows(using), self.columns, self.size, also=self.also, behind=after, until=until)
        end = _as_json(rows[-1][: len(self.columns)]) if len(rows) == self.size else None
        return Page((self.keys(rows, using) if rows else ()) or None, len(rows), None if end == until else end)


class SpanPass(RowPass):
    """A walk over the rows of a table of which none is read that is right: their database looks at a page itself."""

    def within(self, rows: "models.QuerySet[Any]", using: str) -> Any:
        """What the other methods take, made of all rows of a page; None where there is nothing to look at."""
        return rows

    def page(self, after: Cursor, until: Cursor, using: str) -> Page:
        """1 query, for the last page 2, and what `within()` costs."""
        rows = keyset.between(self.rows(using), self.columns, after, until)
        last = keyset.end_of_page(rows, self.columns, self.size)
        number = self.size if last else rows.count()
        keys = self.within(keyset.between(rows, self.columns, None, last), using) if number else None
        end = _as_json(last) if last else None
        return Page(keys, number, None if end == until else end)


class StrayRowPass(SpanPass):
    """A walk over all rows of a table, for those among them that only the table knows."""

    size = 5000

    def strays(self, rows: "models.QuerySet[Any]", using: str) -> "models.QuerySet[Any]":
        """Those of the rows that should not be there."""
        raise NotImplementedError

    def within(self, rows: "models.QuerySet[Any]", using: str) -> Any:
        """1 query."""
        strays = list(self.strays(rows, using).order_by(*self.columns).values_list(*self.columns, *self.also))
        return (self.keys(strays, using) if strays else ()) or None


def _as_json(values: Iterable[Any]) -> list[Any]:
    return [str(value) if isinstance(value, UUID) else value for value in values]
