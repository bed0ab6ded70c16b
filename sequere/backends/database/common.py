"""The rows behind what two lists have in common."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

from django.db import connections, router

from sequere.backends.base import ListOf
from sequere.backends.database.models import LiveRelation, RelationCount
from sequere.backends.database.rows import ROW, KeyRows
from sequere.backends.database.sides import side_of
from sequere.backends.database.statements import kind_number, number_of, uid_of
from sequere.log.locks import Resource
from sequere.relations.key import Graph
from sequere.results.cursors import Place
from sequere.sql.dialects import dialect
from sequere.sql.rows import fetched
from sequere.sql.statements import statement


@dataclass(frozen=True, slots=True)
class CommonRows(KeyRows):
    """What is in `one` list and in the `other`, whose order it has. 1 query for the lengths of both, since a statement
    begins with the shorter one, and 1 for the rows."""

    graph: Graph
    one: ListOf
    other: ListOf
    identifier: str | None
    desc: bool

    def count(self) -> int:
        using = router.db_for_read(LiveRelation)
        text, values = self._common(using)
        with connections[using].cursor() as cursor:
            cursor.execute(f"SELECT COUNT(*) FROM ({text}) AS common", values)
            return int(cursor.fetchone()[0])

    def stream(self, start: int, stop: int | None) -> Iterator[tuple[Any, ...]]:
        """All at once: each page would cost as much as all of them."""
        return iter(self.rows(start, stop))

    def reversed(self) -> Self:
        return replace(self, desc=not self.desc)

    def _rows(self, size: int | None, start: int, after: Place | None = None) -> list[tuple[Any, ...]]:
        using = router.db_for_read(LiveRelation)
        words = dialect(connections[using])
        common, values = self._common(using)
        condition = "true"
        if after:
            condition = f"(since, uid) {'<' if self.desc else '>'} (%s, %s)"
            values += [connections[using].ops.adapt_datetimefield_value(after.moment), after.tie]
        text = statement(__package__, "common_page").format(
            common=common,
            condition=condition,
            direction="DESC" if self.desc else "ASC",
            limit=words.limit(size, start),
            join=words.join,
            other_end=words.join_row(words.table(Resource), "r", "r.uid = page.uid"),
        )
        return fetched(text, values, ROW, using)

    def _common(self, using: str) -> tuple[str, list[Any]]:
        """SELECTs the uids that both lists have, and since when they are in the other one."""
        words = dialect(connections[using])
        lists, says = (self.one, self.other), "there"
        if self._other_is_shorter():
            lists, says = (self.other, self.one), "here"
        here, there = (side_of(each.what, self.graph) for each in lists)
        graph, resource = number_of(self.graph.type.name, words, words.text(self.graph.scope)), uid_of(words)
        same = (
            f"there.graph = {graph} AND there.{there.owner}_uid = {resource}"
            f" AND there.{there.other}_uid = here.{here.other}_uid AND there.{there.since} IS NOT NULL"
        )
        text = statement(__package__, "common").format(
            owner=here.owner,
            other=here.other,
            is_in=f"here.{here.since} IS NOT NULL",
            since=f"{says}.{(here if says == 'here' else there).since}",
            graph=graph,
            resource=resource,
            join=words.join,
            there=words.join_row(words.table(LiveRelation), "there", same),
            of_kind=f"AND here.{here.other}_kind = {kind_number(words)}" if self.identifier else "",
        )
        first, second = lists
        return text, [*second.key, *first.key, *([self.identifier] if self.identifier else [])]

    def _other_is_shorter(self) -> bool:
        using = router.db_for_read(RelationCount)
        words = dialect(connections[using])
        lengths = (
            statement(__package__, "count").format(
                counted=side_of(each.what, self.graph).counted,
                graph=number_of(self.graph.type.name, words, words.text(self.graph.scope)),
                resource=uid_of(words),
                of_kind="",
            )
            for each in (self.one, self.other)
        )
        with connections[using].cursor() as cursor:
            cursor.execute("SELECT ({}), ({})".format(*lengths), [*self.one.key, *self.other.key])
            one, other = cursor.fetchone()
            return bool(other < one)
