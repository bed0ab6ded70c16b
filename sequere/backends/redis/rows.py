"""The rows behind a list, read in pages from a sorted set."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from sequere.backends.base import FollowCounts
from sequere.backends.redis.keys import FollowKeys, suffix_of
from sequere.backends.redis.scripts import READ_COUNT, READ_COUNTS, READ_FOLLOWS
from sequere.backends.redis.uids import named_by
from sequere.base import ResourceKey
from sequere.redis.connection import text
from sequere.redis.read_model import RedisModel
from sequere.redis.scores import from_score, to_score
from sequere.results.cursors import Place
from sequere.results.relations import Related, load_relations
from sequere.sql.chunks import chunks

#: Rows that are read at once.
FOLLOWS_PER_PAGE = 2000
#: Resources that one call of a script is asked about.
ASKED_AT_ONCE = 1000

#: What `load_relations()` takes for a uid that nobody has.
NOBODY = ResourceKey("", "")

#: The identifier and the object id of the other end of a follow, and since when.
FollowRow = tuple[str, str, datetime]


@dataclass(frozen=True, slots=True)
class SetRows:
    """The rows behind a list of follows."""

    model: RedisModel
    keys: FollowKeys
    key: ResourceKey
    what: str
    identifier: str | None
    desc: bool

    def count(self) -> int:
        """1 round trip."""
        return stored_count(self.what, self.key, self.identifier, self.model, self.keys)

    def rows(self, start: int, stop: int | None) -> Sequence[FollowRow]:
        """2 round trips for each 2,000 rows."""
        return list(self.stream(start, stop))

    def stream(self, start: int, stop: int | None) -> Iterator[FollowRow]:
        """Each page begins after the last row of the one before, even if that row has moved."""
        left = None if stop is None else stop - start
        after: tuple[str, ...] = ()
        while left is None or left > 0:
            size = FOLLOWS_PER_PAGE if left is None else min(left, FOLLOWS_PER_PAGE)
            members, scores = self._page(start, size, after)
            yield from named_rows(members, scores, self.model, self.keys)
            if len(members) < size:
                return
            after = (scores[-1], members[-1])
            left = None if left is None else left - size

    def page(self, size: int, after: Place | None) -> list[tuple[Place, FollowRow]]:
        """2 round trips."""
        members, scores = self._page(0, size, (str(to_score(after.moment)), str(after.tie)) if after else ())
        rows = named_rows(members, scores, self.model, self.keys)
        return [(Place(row[2], int(member)), row) for member, row in zip(members, rows, strict=True)]

    def reversed(self) -> Self:
        return replace(self, desc=not self.desc)

    def load(self, rows: Sequence[FollowRow]) -> list[Related | None]:
        return load_relations(rows)

    def _page(self, start: int, size: int, after: tuple[str, ...]) -> tuple[list[str], list[str]]:
        """Uids and scores, from a position or after a row. 1 round trip."""
        suffix = suffix_of(self.what, self.identifier)
        set_ = (self.keys.uids, *self.key, self.keys.sets, suffix, int(self.desc))
        (answer,) = self.model.read(READ_FOLLOWS([self.keys.name(self.key)], *set_, start, size, *after))
        return [*map(text, answer[::2])], [*map(text, answer[1::2])]


def named_rows(
    members: Sequence[str], scores: Sequence[str], model: RedisModel, keys: FollowKeys
) -> Iterator[FollowRow]:
    """The rows of members of a set. 1 round trip."""
    names = named_by(members, model.connection, keys)
    for name, score in zip(names, scores, strict=True):
        yield (*(name or NOBODY), from_score(score))


def stored_count(what: str, key: ResourceKey, identifier: str | None, model: RedisModel, keys: FollowKeys) -> int:
    """The number of followers, followings or friends. 1 round trip."""
    suffix = suffix_of(what, identifier)
    (number,) = model.read(READ_COUNT([keys.name(key)], keys.uids, *key, keys.sets, suffix))
    return int(number)


def stored_counts(
    resources: Sequence[ResourceKey], model: RedisModel, keys: FollowKeys
) -> dict[ResourceKey, FollowCounts]:
    """The numbers of followers, followings and friends. 1 round trip."""
    suffixes = [f"{suffix_of(what, None)}:count" for what in FollowCounts._fields]
    calls = (
        READ_COUNTS(
            [keys.name(key) for key in some], keys.uids, keys.sets, *suffixes, *(part for key in some for part in key)
        )
        for some in chunks(resources, ASKED_AT_ONCE)
    )
    numbers = [int(number or 0) for answer in (model.read(*calls) if resources else ()) for number in answer]
    return {key: FollowCounts(*numbers[3 * n : 3 * n + 3]) for n, key in enumerate(resources)}
