"""Reconcilers: a read model compared with the log, and repaired, in batches of keys.

A reconciler is made of two parts. Its keys are named page by page, in an order that can be cut into slices and resumed
anywhere; its comparison says, for a batch of them, where the model is not what the log says. One run over all keys is a
pass.
"""

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from django.db import models

from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.sql import keyset


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where a read model is not what the log says."""

    what: str
    expected: Any
    found: Any

    def __str__(self) -> str:
        return f"{self.what}: expected {self.expected}, found {self.found}"


#: A place in an order, behind one of its members, as JSON can say it. Where None is allowed, it is the beginning or the
#: end.
Cursor: TypeAlias = list[Any]

#: The rows of a table in the database with an alias, without an order.
Rows: TypeAlias = Callable[[str], "models.QuerySet[Any]"]


class Page(NamedTuple):
    """Some keys that follow each other."""

    #: What the comparison takes; None if there is nothing to compare.
    keys: Any
    #: How many keys the pass has met.
    number: int
    #: Where the next page begins; None behind the last one.
    end: Cursor | None


class KeySource:
    """Names the keys of a read model, page by page. It keeps no state, so that any process can resume a pass."""

    #: About how many keys a page has.
    size: int = 500

    def total(self, using: str) -> int:
        """About how many keys there are, for a progress bar."""
        return 0

    def cuts(self, size: int, using: str) -> list[Cursor]:
        """Where to cut the keys into slices of `size`: a cursor behind each slice but the last. None by default."""
        return []

    def page(self, after: Cursor | None, until: Cursor | None, using: str) -> Page:
        """The keys behind a cursor, and not behind another one."""
        raise NotImplementedError

    def narrowed(self) -> "KeySource | None":
        """The same keys on pages of half the size, to find the one that a comparison fails at; None below one."""
        if self.size == 1:
            return None
        narrow = copy(self)
        narrow.size = self.size // 2
        return narrow

    def first_event(self, after: Cursor | None, until: Cursor | None, using: str) -> int | None:
        """The id of the event that the first key behind a cursor comes from, if it comes from one."""
        return None


class Uncounted(KeySource):
    """In front of another source: its rows are not counted, since they are not what is compared."""

    def total(self, using: str) -> int:
        return 0

    def page(self, after: Cursor | None, until: Cursor | None, using: str) -> Page:
        return super().page(after, until, using)._replace(number=0)


def _unchanged(rows: Any, using: str) -> Any:
    return rows


@dataclass
class RowKeys(KeySource):
    """The rows of a table, in the order of columns that are unique together."""

    rows: Rows
    #: What the comparison takes, made of rows of (*columns, *also) and the alias of their database.
    read: Callable[[Any, str], Any] = _unchanged
    columns: tuple[str, ...] = ("id",)
    #: Columns that are read besides these.
    also: tuple[str, ...] = ()
    size: int = 500

    def total(self, using: str) -> int:
        return self.rows(using).count()

    def cuts(self, size: int, using: str) -> list[Cursor]:
        return [_as_json(row) for row in keyset.cuts(self.rows(using), self.columns, size)]

    def page(self, after: Cursor | None, until: Cursor | None, using: str) -> Page:
        """1 query, and what `read()` costs."""
        rows = keyset.page(self.rows(using), self.columns, self.size, also=self.also, behind=after, until=until)
        end = _as_json(rows[-1][: len(self.columns)]) if len(rows) == self.size else None
        return Page((self.read(rows, using) if rows else ()) or None, len(rows), None if end == until else end)

    def first_event(self, after: Cursor | None, until: Cursor | None, using: str) -> int | None:
        """1 query, none for rows that are not events."""
        rows = self.rows(using)
        if rows.model is not Event:
            return None
        found = keyset.page(rows, self.columns, 1, also=("pk",), behind=after, until=until)
        return found[0][-1] if found else None


@dataclass
class SpanKeys(RowKeys):
    """The rows of a table that are not fetched: the database compares a whole page itself, and `read()` takes the
    queryset of it."""

    def page(self, after: Cursor | None, until: Cursor | None, using: str) -> Page:
        """1 query, for the last page 2, and what `read()` costs."""
        rows = keyset.between(self.rows(using), self.columns, after, until)
        last = keyset.end_of_page(rows, self.columns, self.size)
        number = self.size if last else rows.count()
        keys = self._keys(keyset.between(rows, self.columns, None, last), using) if number else None
        end = _as_json(last) if last else None
        return Page(keys, number, None if end == until else end)

    def _keys(self, rows: "models.QuerySet[Any]", using: str) -> Any:
        return self.read(rows, using)


@dataclass(kw_only=True)
class OrphanKeys(SpanKeys):
    """The rows of a table of the read model that should not be there: `orphans` finds them in a page."""

    orphans: Callable[["models.QuerySet[Any]", str], "models.QuerySet[Any]"]
    size: int = 5000

    def _keys(self, rows: "models.QuerySet[Any]", using: str) -> Any:
        """1 query, and what `read()` costs."""
        orphans = list(self.orphans(rows, using).order_by(*self.columns).values_list(*self.columns, *self.also))
        return (self.read(orphans, using) if orphans else ()) or None


class Comparison:
    """Compares a batch of keys in the log and in the read model."""

    #: Whether a repair leaves no difference.
    repairs = True
    #: Whether it can tell what is right from what is not, instead of writing all of it.
    compares = True

    def differs(self, keys: Any, using: str) -> bool:
        """Whether a batch has to be locked and compared. Asked without locks; in doubt it is."""
        return bool(self.compare(keys, using, repair=False))

    def resources(self, keys: Any, using: str) -> Iterable[ResourceKey]:
        """The resources to lock so that nothing about a batch changes."""
        raise NotImplementedError

    def compare(self, keys: Any, using: str, *, repair: bool) -> Sequence[Difference]:
        """Where the model was not what the log says; with `repair`, it is afterwards."""
        raise NotImplementedError

    def repair(self, keys: Any, using: str) -> int:
        """Repair a batch; returns the number of differences. Faster than `compare()` in some models."""
        return len(self.compare(keys, using, repair=True))


@dataclass
class Reconciler:
    """Makes one part of a read model equal to the log, or says where it is not."""

    #: What progress bars call it.
    name: str
    keys: KeySource
    comparison: Comparison


@dataclass
class Plan:
    """What a rebuild of a read model runs: the passes, in their order."""

    reconcilers: Sequence[Reconciler]

    @property
    def state(self) -> dict[str, Any]:
        """What another process needs to take part, as JSON can say it. `Projector.resume()` takes it."""
        return {}

    def can_resume(self, using: str) -> bool:
        """Whether the server of the read model still has everything that an interrupted rebuild has done. Samples of it
        are compared with the log besides."""
        return True

    def finish(self, using: str) -> None:
        """Called when all passes are done."""


def _as_json(values: Iterable[Any]) -> list[Any]:
    return [str(value) if isinstance(value, UUID | datetime) else value for value in values]
