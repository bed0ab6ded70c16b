"""Lists of relations and their lengths: each question has one statement, put together once for each database."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Self

from django.db import connections, router

from sequere.backends.database.models import LiveRelation, RelationCount
from sequere.backends.database.rows import ROW, KeyRows
from sequere.backends.database.sides import INCOMING, MUTUAL, OUTGOING, ListSide
from sequere.backends.database.statements import kind_number, lasts, now, number_of, uid_of
from sequere.base import ResourceKey
from sequere.log.locks import KEY, Resource
from sequere.log.numbers import GraphNumber
from sequere.relations.key import Graph
from sequere.relations.types import RelationType
from sequere.results.cursors import Place
from sequere.sql.dialects import Dialect, dialect
from sequere.sql.rows import fetched
from sequere.sql.statements import statement

#: Rows that an iteration reads together.
ROWS_PER_PAGE = 2000


@dataclass(frozen=True, slots=True)
class RelationRows(KeyRows):
    """The rows behind a list: (identifier, object_id, since, uid) for the other end of each relation."""

    graph: Graph
    side: ListSide
    key: ResourceKey
    identifier: str | None
    desc: bool

    def count(self) -> int:
        return count(self.graph, self.side, self.key, self.identifier)

    def stream(self, start: int, stop: int | None) -> Iterator[tuple[Any, ...]]:
        """1 query for every 2,000 rows, each behind the last one of the page before."""
        left, after = stop and stop - start, None
        while left is None or left > 0:
            size = ROWS_PER_PAGE if left is None else min(left, ROWS_PER_PAGE)
            found = self._rows(size, 0 if after else start, after)
            yield from found
            if len(found) < size:
                return
            after = Place(*found[-1][2:])
            left = left and left - size

    def reversed(self) -> Self:
        return replace(self, desc=not self.desc)

    def _rows(self, size: int | None, start: int, after: Place | None = None) -> list[tuple[Any, ...]]:
        return listed(self, size, start, after, router.db_for_read(LiveRelation))


def listed(rows: RelationRows, size: int | None, start: int, after: Place | None, using: str) -> list[tuple[Any, ...]]:
    connection = connections[using]
    words = dialect(connection)
    values: list[Any] = [rows.graph.scope, *rows.key, *([] if rows.identifier is None else [rows.identifier])]
    if after:
        values += (connection.ops.adapt_datetimefield_value(after.moment), after.tie)
    if _is_planned(rows, words):
        text = _function_text(rows.graph.type, rows.side, using, after=after is not None)
        return fetched(text, [*values, size, start], ROW, using)
    is_narrowed = rows.identifier is not None
    text = _list_text(rows.graph.type, rows.side, using, narrowed=is_narrowed, after=after is not None, desc=rows.desc)
    text = text.replace("{limit}", words.limit(size, start))
    return fetched(text, [*values, *now(rows.graph.type)], ROW, using)


def _is_planned(rows: RelationRows, words: Dialect) -> bool:
    """Whether a function answers: for what is asked most often, since planning it takes longer than answering it."""
    return words.has_routines and rows.desc and rows.identifier is None and not rows.graph.type.has_end


@cache
def _function_text(type_: RelationType, side: ListSide, using: str, *, after: bool) -> str:
    words = dialect(connections[using])
    place = ", %s, %s" if after else ""
    return (
        f"SELECT * FROM sequere_list({words.text(side.counted)}, {words.text(type_.name)}, %s, %s, %s{place},"
        " size_ => %s, start_ => %s)"
    )


def listing_fragments(words: Dialect) -> dict[str, str]:
    """What the function SELECTs."""
    graph = f"(SELECT number FROM {words.table(GraphNumber)} WHERE type = type_ AND scope = %s)"
    parameters = tuple(f"{name}_" for name in ("scope", *KEY, "since", "uid"))
    fragments = {}
    for side in (INCOMING, OUTGOING, MUTUAL):
        text = _put_together(words, graph, side, [_behind(side, desc=True)], desc=True) % parameters
        fragments[f"{{{side.counted}}}"] = text.replace("{limit}", "LIMIT size_ OFFSET start_")
    return fragments


@cache
def _list_text(type_: RelationType, side: ListSide, using: str, *, narrowed: bool, after: bool, desc: bool) -> str:
    words = dialect(connections[using])
    conditions = {
        f"{side.other}_kind = {kind_number(words)}": narrowed,
        _behind(side, desc=desc): after,
        lasts(words, LiveRelation._meta.db_table): type_.has_end,
    }
    asked = [condition for condition, is_asked in conditions.items() if is_asked]
    return _put_together(words, number_of(type_.name, words), side, asked, desc=desc)


def _behind(side: ListSide, *, desc: bool) -> str:
    return f"({side.since}, {side.other}_uid) {'<' if desc else '>'} (%s, %s)"


def _put_together(words: Dialect, graph: str, side: ListSide, conditions: Sequence[str], *, desc: bool) -> str:
    """With a {limit}."""
    is_mutual = [f"{side.since} IS NOT NULL"] if side is MUTUAL else []
    return statement(__package__, "list").format(
        owner=side.owner,
        other=side.other,
        since=side.since,
        graph=graph,
        resource=uid_of(words),
        conditions=" ".join(f"AND {condition}" for condition in (*is_mutual, *conditions)),
        direction="DESC" if desc else "ASC",
        limit="{limit}",
        join=words.join,
        other_end=words.join_row(words.table(Resource), "r", "r.uid = page.uid"),
    )


def count(graph: Graph, side: ListSide, key: ResourceKey, identifier: str | None) -> int:
    using = router.db_for_read(RelationCount)
    with connections[using].cursor() as cursor:
        narrowed = identifier is not None
        values = [graph.scope, *key, *([identifier] if narrowed else []), *now(graph.type)]
        cursor.execute(_count_text(graph.type, side, using, narrowed=narrowed), values)
        return int(cursor.fetchone()[0])


@cache
def _count_text(type_: RelationType, side: ListSide, using: str, *, narrowed: bool) -> str:
    words = dialect(connections[using])
    if type_.has_end:  # no count knows the time
        return statement(__package__, "count_lasting").format(
            owner=side.owner,
            graph=number_of(type_.name, words),
            resource=uid_of(words),
            of_kind=f"AND l.{side.other}_kind = {kind_number(words)}" if narrowed else "",
            lasts=lasts(words, "l"),
        )
    of_kind = f"AND kind = {kind_number(words)}" if narrowed else ""
    return statement(__package__, "count").format(
        counted=side.counted, graph=number_of(type_.name, words), resource=uid_of(words), of_kind=of_kind
    )
