"""The rows behind suggestions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

from sequere.backends.base import SUGGESTED_BY_EACH, SUGGESTING
from sequere.backends.redis.keys import FOLLOWINGS, FollowKeys, suffix_of
from sequere.backends.redis.rows import NOBODY
from sequere.backends.redis.scripts import READ_SUGGESTIONS
from sequere.backends.redis.uids import named_by
from sequere.base import ResourceKey
from sequere.redis.connection import text
from sequere.redis.read_model import RedisModel
from sequere.results.cursors import Place
from sequere.results.lazy import FARTHEST
from sequere.results.suggestions import Suggestion, load_suggestions, place_of, rank_at

#: The identifier and the object id of a resource, and how many follow it.
SuggestionRow = tuple[str, str, int]


class LeftOut(Protocol):
    """A list of resources."""

    def page(self, size: int, after: Place | None) -> Sequence[tuple[Place, Any]]: ...


@dataclass(frozen=True, slots=True)
class SuggestionRows:
    """What those follow whom a resource follows. 2 round trips, and what the lists cost that are left out."""

    model: RedisModel
    keys: FollowKeys
    key: ResourceKey
    identifier: str | None
    #: Lists of the resource that are left out, each with the keys of its graph.
    left_out: tuple[tuple[str, FollowKeys], ...]
    #: Lists of what else is left out.
    also_left_out: tuple[LeftOut, ...]
    desc: bool = True

    def count(self) -> int:
        """1 round trip."""
        return len(self._read(0, -1)) // 2

    def rows(self, start: int, stop: int | None) -> list[SuggestionRow]:
        return [row for _, row in self._rows(start, -1 if stop is None else stop - start)]

    def stream(self, start: int, stop: int | None) -> Iterator[SuggestionRow]:
        return iter(self.rows(start, stop))

    def page(self, size: int, after: Place | None) -> list[tuple[Place, SuggestionRow]]:
        return self._rows(0, size, *((rank_at(after), after.tie) if after else ()))

    def reversed(self) -> Self:
        return replace(self, desc=not self.desc)

    def load(self, rows: Sequence[SuggestionRow]) -> list[Suggestion | None]:
        return load_suggestions(rows)

    def _rows(self, start: int, size: int, *after: int) -> list[tuple[Place, SuggestionRow]]:
        answer = self._read(start, size, *after)
        members, numbers = [*map(text, answer[::2])], [*map(int, answer[1::2])]
        names = named_by(members, self.model.connection, self.keys)
        return [
            (place_of(shared, int(member)), (*(name or NOBODY), shared))
            for member, name, shared in zip(members, names, numbers, strict=True)
        ]

    def _read(self, start: int, size: int, *after: int) -> list[Any]:
        known = [part for side, keys in self.left_out for part in (keys.sets, suffix_of(side, None))]
        also = " ".join(str(place.tie) for rows in self.also_left_out for place, _ in rows.page(FARTHEST, None))
        which = (self.keys.sets, suffix_of(FOLLOWINGS, None), self.identifier or "", also, len(self.left_out), *known)
        bounds = (SUGGESTING, SUGGESTED_BY_EACH, int(self.desc), start, size)
        call = READ_SUGGESTIONS([self.keys.name(self.key)], self.keys.uids, *self.key, *which, *bounds, *after)
        (answer,) = self.model.read(call)
        return list(answer)
