"""The rows behind a list, read in pages from a sorted set."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sequere.backends.redis import uids
from sequere.backends.redis.keys import Keys, suffix_of
from sequere.backends.redis.scripts import COUNT, PAGE
from sequere.base import ResourceKey
from sequere.redis.connection import text
from sequere.redis.model import RedisModel
from sequere.redis.scores import from_score, to_score
from sequere.results.cursors import Place
from sequere.results.relations import Relation, load_relations

#: Rows that are read at once.
ROWS_AT_ONCE = 2000

#: What load_relations() takes for a resource of which nobody knows the name.
NOBODY = ResourceKey("", "")

Row = tuple[str, str, datetime]


@dataclass(frozen=True, slots=True)
class FollowRows:
    """The rows behind a list: (identifier, object_id, since) of the other end of each follow."""

    model: RedisModel
    keys: Keys
    key: ResourceKey
    what: str
    identifier: str | None
    desc: bool

    def count(self) -> int:
        """1 round trip."""
        return count(self.what, self.key, self.identifier, self.model, self.keys)

    def rows(self, start: int, stop: int | None) -> Sequence[Row]:
        """2 round trips for each 2,000 rows."""
        return list(self.stream(start, stop))

    def stream(self, start: int, stop: int | None) -> Iterator[Row]:
        """Each page after the last row of the one before, wherever that is by now."""
        left = None if stop is None else stop - start
        after: tuple[str, ...] = ()
        while left is None or left > 0:
            size = ROWS_AT_ONCE if left is None else min(left, ROWS_AT_ONCE)
            members, scores = self._page(start, size, after)
            yield from self._named(members, scores)
            if len(members) < size:
                return
            after = (scores[-1], members[-1])
            left = None if left is None else left - size

    def page(self, size: int, after: Place | None) -> list[tuple[Place, Row]]:
        """2 round trips."""
        members, scores = self._page(0, size, (str(to_score(after.moment)), str(after.tie)) if after else ())
        rows = self._named(members, scores)
        return [(Place(row[2], int(member)), row) for member, row in zip(members, rows, strict=True)]

    def load(self, rows: Sequence[Row]) -> list[Relation | None]:
        return load_relations(rows)

    def _named(self, members: Sequence[str], scores: Sequence[str]) -> Iterator[Row]:
        """1 round trip."""
        names = uids.names(members, self.model.connection, self.keys)
        for name, score in zip(names, scores, strict=True):
            yield (*(name or NOBODY), from_score(score))

    def _page(self, start: int, size: int, after: tuple[str, ...]) -> tuple[list[str], list[str]]:
        """Uids and scores, from a position or after a row. 1 round trip."""
        set_ = (self.keys.uids, suffix_of(self.what, self.identifier), int(self.desc))
        (answer,) = self.model.read(PAGE([self.keys.name(self.key)], *set_, start, size, *after))
        return [*map(text, answer[::2])], [*map(text, answer[1::2])]


def count(what: str, key: ResourceKey, identifier: str | None, model: RedisModel, keys: Keys) -> int:
    """The number of followers, followings or friends. 1 round trip."""
    suffix = f"{suffix_of(what, identifier)}:count"
    (number,) = model.read(COUNT([keys.name(key)], keys.uids, suffix))
    return int(number)
