"""Lazy lists: like a queryset, they only ask their source for what is used."""

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import islice
from operator import index as whole
from typing import Any, Protocol, Self, SupportsIndex, TypeVar, overload

from asgiref.sync import sync_to_async

from sequere import conf
from sequere.exceptions import shown
from sequere.results.cursors import CursorPage, Place, from_cursor, to_cursor

_T = TypeVar("_T")
T_co = TypeVar("T_co", covariant=True)

#: How many stored entries are loaded at once: one query per model class each.
CHUNK = 500
REPR_LENGTH = 20
#: No list is as long. Databases refuse numbers that are much larger.
FARTHEST = 2**40


class ListSource(Protocol[T_co]):
    """What a backend provides for a list: its length, and the rows between two positions, or after a place."""

    def count(self) -> int:
        """How many entries are stored. 1 query."""

    def rows(self, start: int, stop: int | None) -> Iterable[Any]:
        """The stored entries from position `start` up to `stop`. 1 query."""

    def stream(self, start: int, stop: int | None) -> Iterable[Any]:
        """The same, in constant memory."""

    def page(self, size: int, after: Place | None) -> Sequence[tuple[Place, Any]]:
        """The first `size` entries with their places, or those after a place, even if no entry is there any more.
        1 query."""

    def reversed(self) -> Self:
        """The same entries in the opposite order."""

    def load(self, rows: Sequence[Any]) -> Sequence[T_co | None]:
        """The items of `rows`, with None for hidden ones. 1 query per model class."""


class LazyList(Sequence[_T]):
    """A sequence that is evaluated when it is used, and only as far as it is used.

    Slices are lazy, too. Iteration, `len()` and `==` load the list once and keep it; `count()` asks for the number of
    stored entries. The two differ by the `hidden` entries, whose instances are not in `get_queryset()` of their model.
    `[i]` is the item at a position among the visible ones, and loads as many as it takes to get there. A slice is a
    range of stored entries, so a page may have fewer items than were asked for, and tells how many are hidden.
    """

    __hash__ = None  # type: ignore[assignment]  # equal to lists, which are not hashable either

    #: What the cursors of the list name: which one it is, and its order.
    _name: tuple[object, ...] = ()

    def __init__(self, source: ListSource[_T], start: int = 0, stop: int | None = None) -> None:
        self._source = source
        self._start = start
        self._stop = stop
        self._items: list[_T] | None = None
        self._hidden = 0

    def named(self, *parts: object) -> Self:
        """The same list, not yet evaluated, with cursors that no list with a name of other parts takes."""
        named = self._part(self._start, self._stop)
        named._name = parts
        return named

    # What a queryset has

    def count(self) -> int:  # type: ignore[override]  # that of a queryset, which has no argument
        """How many entries are stored. 1 query."""
        stored = self._source.count()
        stop = stored if self._stop is None else min(self._stop, stored)
        return max(0, stop - self._start)

    def all(self) -> Self:
        """The same list, not yet evaluated."""
        same = self._part(self._start, self._stop)
        same._name = self._name
        return same

    def first(self) -> _T | None:
        """The first item, or None."""
        return next(self._from(), None)

    def exists(self) -> bool:
        return self.first() is not None

    def iterator(self, chunk_size: int = CHUNK) -> Iterator[_T]:
        """The items one by one, without keeping them: 1 query, and 1 per model class for each chunk."""
        if chunk_size < 1:
            raise ValueError("A chunk has at least one entry.")
        chunk_size = min(chunk_size, FARTHEST)
        rows = iter(self._source.stream(self._start, self._stop))
        while chunk := list(islice(rows, chunk_size)):
            yield from (item for item in self._source.load(chunk) if item is not None)

    def page(self, size: int | None = None, cursor: str | None = None) -> CursorPage[_T]:
        """The first `size` entries, or those that a cursor of another page stands for: its `next_cursor` or its
        `previous_cursor`. The size is SEQUERE_PAGE_SIZE by default.

        Whatever is added or removed between two pages, no page repeats or skips an entry that stays where it is. Hidden
        entries make a page shorter. 1 query, and 1 per model class. Raises InvalidCursor, for one of another list or
        another order, too, and TypeError for a slice.
        """
        if self._start or self._stop is not None:
            raise TypeError("A slice has no cursors: page() belongs to the whole list.")
        size = min(conf.page_size() if size is None else whole(size), FARTHEST)
        if size < 1:
            raise ValueError("A page has at least one entry.")
        name = json.dumps(self._name)
        is_first = cursor is None or cursor == ""
        place, backwards = (None, False) if is_first else from_cursor(cursor, name)
        found = (self._source.reversed() if backwards else self._source).page(size + 1, place)
        if backwards and not found:  # what came before is gone
            return self.page(size)
        places, rows = zip(*found[:size], strict=True) if found else ((), ())
        if backwards:
            places, rows = places[::-1], rows[::-1]
        loaded = self._source.load(rows)
        items = [item for item in loaded if item is not None]
        goes_on = len(found) > size
        return CursorPage(
            items=items,
            next_cursor=to_cursor(places[-1], name) if backwards or goes_on else None,
            previous_cursor=(
                to_cursor(places[0], name, backwards=True)
                if places and (goes_on if backwards else not is_first)
                else None
            ),
            hidden=len(loaded) - len(items),
        )

    @property
    def hidden(self) -> int:
        """How many stored entries the loaded list leaves out. Loads the list."""
        self._load()
        return self._hidden

    # What a list has

    def __len__(self) -> int:
        return len(self._load())

    def __iter__(self) -> Iterator[_T]:
        return iter(self._load())

    def __reversed__(self) -> Iterator[_T]:
        return reversed(self._load())

    def __contains__(self, item: object) -> bool:
        return any(self._is(item, one) for one in self._load())

    def index(self, item: Any, start: int = 0, stop: int | None = None) -> int:
        """The position of an item among the visible ones. Loads the list. Raises ValueError."""
        for position, one in islice(enumerate(self._load()), *slice(start, stop).indices(len(self))):
            if self._is(item, one):
                return position
        raise ValueError(f"{shown(item, repr)} is not in the list")

    def __bool__(self) -> bool:
        return self.exists()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LazyList | list):
            return NotImplemented
        return self._load() == list(other)

    @overload
    def __getitem__(self, index: SupportsIndex) -> _T: ...

    @overload
    def __getitem__(self, index: slice) -> "LazyList[_T] | list[_T]": ...

    def __getitem__(self, index: SupportsIndex | slice) -> "_T | LazyList[_T] | list[_T]":
        if isinstance(index, slice):
            return self._slice(index)
        index = whole(index)
        if self._items is not None:
            return self._items[index]
        if abs(index) >= FARTHEST:
            raise IndexError("list index out of range")
        items = self._backwards(-index) if index < 0 else self._from(index + 1)
        for item in islice(items, -index - 1 if index < 0 else index, None):
            return item
        raise IndexError("list index out of range")

    def __repr__(self) -> str:
        shown: list[Any] = list(islice(self._from(REPR_LENGTH + 1), REPR_LENGTH + 1))
        if len(shown) > REPR_LENGTH:
            shown[-1] = "...(remaining elements truncated)..."
        return repr(shown)

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickle, as in a cache, is a plain list of the items. Loads the list."""
        return list, (self._load(),)

    # The same, awaited

    async def acount(self) -> int:
        return await sync_to_async(self.count)()

    async def aexists(self) -> bool:
        return await sync_to_async(self.exists)()

    async def afirst(self) -> _T | None:
        return await sync_to_async(self.first)()

    async def apage(self, size: int | None = None, cursor: str | None = None) -> CursorPage[_T]:
        return await sync_to_async(self.page)(size, cursor)

    async def __aiter__(self) -> AsyncIterator[_T]:
        for item in await sync_to_async(self._load)():
            yield item

    # How

    def _rows(self, start: int, stop: int | None) -> list[Any]:
        return [] if stop is not None and stop <= start else list(self._source.rows(start, stop))

    def _load(self) -> list[_T]:
        if self._items is None:
            rows = self._rows(self._start, self._stop)
            loaded = [
                item for start in range(0, len(rows), CHUNK) for item in self._source.load(rows[start : start + CHUNK])
            ]
            self._items = [item for item in loaded if item is not None]
            self._hidden = len(loaded) - len(self._items)
        return self._items

    def _from(self, step: int = 1) -> Iterator[_T]:
        """The visible items, in steps of which the first is small, without keeping them."""
        if self._items is not None:
            yield from self._items
            return
        start = self._start
        while self._stop is None or start < self._stop:
            stop = start + step if self._stop is None else min(start + step, self._stop)
            rows = self._rows(start, stop)
            yield from (item for item in self._source.load(rows) if item is not None)
            if len(rows) < step:
                return
            start, step = stop, CHUNK

    def _backwards(self, step: int) -> Iterator[_T]:
        """The visible items from the last one backwards, without keeping them."""
        stop = self._start + self.count()
        while stop > self._start:
            start = max(self._start, stop - step)
            loaded = self._source.load(self._rows(start, stop))
            yield from (item for item in reversed(loaded) if item is not None)
            stop, step = start, CHUNK

    def _is(self, item: Any, one: _T) -> bool:
        """Whether an item of the list is the one that is looked for."""
        return one is item or one == item

    def _part(self, start: int, stop: int | None) -> Self:
        """The list between two positions."""
        return type(self)(self._source, start, stop)

    def _slice(self, index: slice) -> "LazyList[_T] | list[_T]":
        if index.step is not None:
            return list(self)[index]
        # Entries that were read stay where they were; hidden ones have positions, too.
        read = self._items if self._items is not None and not self._hidden else None
        start = 0 if index.start is None else min(whole(index.start), FARTHEST)
        stop = None if index.stop is None else min(whole(index.stop), FARTHEST)
        if start < 0 or (stop is not None and stop < 0):
            start, stop, _ = slice(start, stop).indices(self.count() if read is None else len(read))
        first = self._start + start
        last = None if stop is None else max(first, self._start + stop)
        if self._stop is not None:
            last = self._stop if last is None else min(last, self._stop)
        part = self._part(first, last)
        part._items = None if read is None else read[start:stop]
        return part
