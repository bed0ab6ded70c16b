"""The rows behind a list of relations that may have ended by themselves: the log says until when they last."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Self

from django.db import router

from sequere.backends.redis.rows import FOLLOWS_PER_PAGE, FollowRow, SetRows
from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.relations.key import Graph, RelationKey
from sequere.relations.lasting import over_among
from sequere.results.cursors import Place
from sequere.results.relations import Related
from sequere.sql.chunks import chunks


@dataclass(frozen=True, slots=True)
class LastingRows:
    """The rows of a set, without those of relations that are over. 1 query more for each 2,000. All of them are read
    for their number, and up to a position."""

    stored: SetRows
    graph: Graph
    #: Whether the relations lead to the owner of the list.
    is_incoming: bool

    def count(self) -> int:
        return sum(1 for _ in self.stream(0, None))

    def rows(self, start: int, stop: int | None) -> Sequence[FollowRow]:
        return list(self.stream(start, stop))

    def stream(self, start: int, stop: int | None) -> Iterator[FollowRow]:
        lasting = (row for rows in chunks(self.stored.stream(0, None), FOLLOWS_PER_PAGE) for row in self._lasting(rows))
        return islice(lasting, start, stop)

    def page(self, size: int, after: Place | None) -> list[tuple[Place, FollowRow]]:
        found: list[tuple[Place, FollowRow]] = []
        while len(found) < size:
            page = self.stored.page(size, after)
            lasting = {row[:2] for row in self._lasting([row for _, row in page])}
            found += [(place, row) for place, row in page if row[:2] in lasting]
            if len(page) < size:
                break
            after = page[-1][0]
        return found[:size]

    def reversed(self) -> Self:
        return replace(self, stored=self.stored.reversed())

    def load(self, rows: Sequence[FollowRow]) -> list[Related | None]:
        return self.stored.load(rows)

    def _lasting(self, rows: Iterable[FollowRow]) -> list[FollowRow]:
        by_relation = {self._relation(ResourceKey(*row[:2])): row for row in rows}
        over = over_among(by_relation, router.db_for_read(Event))
        return [row for relation, row in by_relation.items() if relation not in over]

    def _relation(self, other: ResourceKey) -> RelationKey:
        ends = (other, self.stored.key) if self.is_incoming else (self.stored.key, other)
        return RelationKey(*ends, self.graph)
