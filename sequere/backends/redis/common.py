"""The rows behind what two lists have in common."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from sequere.backends.base import ListOf
from sequere.backends.redis.keys import FollowKeys, suffix_of
from sequere.backends.redis.rows import FollowRow, named_rows
from sequere.backends.redis.scripts import READ_COMMON
from sequere.redis.connection import text
from sequere.redis.read_model import RedisModel
from sequere.redis.scores import to_score
from sequere.results.cursors import Place
from sequere.results.relations import Related, load_relations


@dataclass(frozen=True, slots=True)
class CommonRows:
    """What is in `one` list and in the `other`, whose order it has. 2 round trips."""

    model: RedisModel
    keys: FollowKeys
    one: ListOf
    other: ListOf
    identifier: str | None
    desc: bool

    def count(self) -> int:
        """1 round trip."""
        return int(self._read(""))

    def rows(self, start: int, stop: int | None) -> list[FollowRow]:
        return [row for _, row in self._rows(start, -1 if stop is None else stop - start)]

    def stream(self, start: int, stop: int | None) -> Iterator[FollowRow]:
        """All at once: each page would cost as much as all of them."""
        return iter(self.rows(start, stop))

    def page(self, size: int, after: Place | None) -> list[tuple[Place, FollowRow]]:
        return self._rows(0, size, *((to_score(after.moment), after.tie) if after else ()))

    def reversed(self) -> Self:
        return replace(self, desc=not self.desc)

    def load(self, rows: Sequence[FollowRow]) -> list[Related | None]:
        return load_relations(rows)

    def _rows(self, start: int, size: int, *after: int) -> list[tuple[Place, FollowRow]]:
        answer = self._read(int(self.desc), start, size, *after)
        members = [*map(text, answer[::2])]
        rows = named_rows(members, [*map(text, answer[1::2])], self.model, self.keys)
        return [(Place(row[2], int(member)), row) for member, row in zip(members, rows, strict=True)]

    def _read(self, *arguments: Any) -> Any:
        lists = (self.one, self.other)
        sets = (part for each in lists for part in (*each.key, suffix_of(each.what, self.identifier)))
        call = READ_COMMON(
            [self.keys.name(each.key) for each in lists], self.keys.uids, *sets, self.keys.sets, *arguments
        )
        (answer,) = self.model.read(call)
        return answer
