"""Several lists of relations as one, in the order of time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import Any, Self

from sequere.results.cursors import Place
from sequere.results.lazy import ListSource

_MICROSECOND = timedelta(microseconds=1)
#: Larger than any tie, as a number and as a text.
_LAST_TIE = 9_223_372_036_854_775_806
#: More than there are numbers of lists.
_NUMBERS = 2**15


@dataclass(frozen=True, slots=True)
class MergedRows(ListSource[Any]):
    """The rows of lists that have numbers: (identifier, object_id, since, ...). Those of the same moment are in the
    order of their lists, which is that of the numbers, or the opposite one if reversed."""

    lists: Mapping[int, ListSource[Any]]
    desc: bool

    def count(self) -> int:
        """1 query for each list; so does everything else, for the rows up to those that are wanted."""
        return sum(one.count() for one in self.lists.values())

    def rows(self, start: int, stop: int | None) -> Iterable[Any]:
        return self._merged([one.rows(0, stop) for one in self.lists.values()], start, stop)

    def stream(self, start: int, stop: int | None) -> Iterable[Any]:
        return self._merged([one.stream(0, stop) for one in self.lists.values()], start, stop)

    def page(self, size: int, after: Place | None) -> Sequence[tuple[Place, Any]]:
        """The tie of a place has the number of its list."""
        pages = [
            [(Place(place.moment, place.tie * _NUMBERS + number), row) for place, row in one.page(size, behind)]
            for (number, one), behind in zip(self.lists.items(), self._places(after), strict=True)
        ]
        return list(islice(merge(*pages, key=lambda placed: placed[0].moment, reverse=self.desc), size))

    def reversed(self) -> Self:
        lists = {number: self.lists[number].reversed() for number in [*self.lists][::-1]}
        return type(self)(lists, not self.desc)

    def load(self, rows: Sequence[Any]) -> Sequence[Any]:
        return next(iter(self.lists.values())).load(rows)

    def _merged(self, lists: Iterable[Iterable[Any]], start: int, stop: int | None) -> Iterator[Any]:
        return islice(merge(*lists, key=lambda row: row[2], reverse=self.desc), start, stop)

    def _places(self, after: Place | None) -> Iterator[Place | None]:
        """Where each list goes on: the one that the place is in, behind its entry; those before it, behind that moment;
        those after it, before that moment."""
        if after is None:
            yield from (None for _ in self.lists)
            return
        tie, current = divmod(after.tie, _NUMBERS)
        numbers = list(self.lists)
        at = numbers.index(current) if current in self.lists else -1
        for nth in range(len(numbers)):
            if nth == at:
                yield Place(after.moment, tie)
            else:
                yield self._beside(after.moment, is_done=nth < at)

    def _beside(self, moment: datetime, *, is_done: bool) -> Place:
        """Behind all entries of a moment, or before them."""
        step = -_MICROSECOND if self.desc else _MICROSECOND
        # Before the first entry of the next moment is behind this one; so is after the last one of that before.
        return (
            Place(moment + step, _LAST_TIE if self.desc else 0)
            if is_done
            else Place(moment - step, 0 if self.desc else _LAST_TIE)
        )
