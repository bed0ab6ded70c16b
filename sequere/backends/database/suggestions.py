"""The rows behind suggestions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from django.db import connections, router

from sequere.backends.base import SUGGESTED_BY_EACH, SUGGESTING
from sequere.backends.database.models import LiveRelation
from sequere.backends.database.sides import side_of
from sequere.backends.database.statements import kind_number, narrowed, now, number_of, uid_of
from sequere.base import ResourceKey
from sequere.log.locks import Resource
from sequere.relations.key import Graph
from sequere.results.cursors import Place
from sequere.results.suggestions import Suggestion, load_suggestions, place_of, rank_at
from sequere.sql.dialects import dialect
from sequere.sql.statements import statement


@dataclass(frozen=True, slots=True)
class SuggestionRows:
    """What those follow whom a resource follows. Each call is 1 query, and costs the same."""

    graph: Graph
    key: ResourceKey
    identifier: str | None
    left_out: tuple[tuple[str, Graph], ...]
    desc: bool = True

    def count(self) -> int:
        return len(self._rows(None, 0))

    def rows(self, start: int, stop: int | None) -> list[tuple[Any, ...]]:
        return self._rows(None if stop is None else stop - start, start)

    def stream(self, start: int, stop: int | None) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows(start, stop))

    def page(self, size: int, after: Place | None) -> list[tuple[Place, tuple[Any, ...]]]:
        return [(place_of(*row[2:]), row) for row in self._rows(size, 0, after)]

    def reversed(self) -> Self:
        return replace(self, desc=not self.desc)

    def load(self, rows: Sequence[tuple[Any, ...]]) -> list[Suggestion | None]:
        return load_suggestions([(*row[:2], row[2]) for row in rows])

    def _rows(self, size: int | None, start: int, after: Place | None = None) -> list[tuple[Any, ...]]:
        using = router.db_for_read(LiveRelation)
        words = dialect(connections[using])
        table, graph = words.table(LiveRelation), number_of(self.graph.type.name, words, words.text(self.graph.scope))
        of_each = words.join_first_rows(
            table,
            "theirs",
            f"theirs.graph = {graph} AND theirs.from_uid = mine.to_uid",
            "theirs.since DESC, theirs.to_uid DESC",
            SUGGESTED_BY_EACH,
        )
        known = " ".join(
            f"AND NOT EXISTS (SELECT 1 FROM {table} l"
            f" WHERE l.graph = {number_of(one.type.name, words, words.text(one.scope))}"
            f" AND l.{side_of(what, one).owner}_uid = {uid_of(words)}"
            f" AND l.{side_of(what, one).other}_uid = theirs.to_uid"
            f" {narrowed(one.type, 'l', words)})"
            for what, one in self.left_out
        )
        text = statement(__package__, "suggestions").format(
            graph=graph,
            resource=uid_of(words),
            mine=words.limit(SUGGESTING, 0),
            join=words.join,
            of_each=of_each,
            known=known,
            of_kind=f"AND theirs.to_kind = {kind_number(words)}" if self.identifier else "",
            condition=f"(shared, uid) {'<' if self.desc else '>'} (%s, %s)" if after else "true",
            direction="DESC" if self.desc else "ASC",
            limit=words.limit(size, start),
            other_end=words.join_row(words.table(Resource), "r", "r.uid = page.uid"),
        )
        values: list[Any] = [*self.key, *self.key]
        for _, one in self.left_out:
            values += [*self.key, *now(one.type)]
        values += [self.identifier] if self.identifier else []
        values += [rank_at(after), after.tie] if after else []
        with connections[using].cursor() as cursor:
            cursor.execute(text, values)
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found
