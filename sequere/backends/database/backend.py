"""The questions about relations that the database answers."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, Self

from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.db import connections, models, router

from sequere.backends.base import BaseBackend, FollowCounts, FollowerPage, Joins, ListOf
from sequere.backends.database.common import CommonRows
from sequere.backends.database.joins import RelationJoins
from sequere.backends.database.models import LiveRelation, RelationCount
from sequere.backends.database.projector import FollowsProjector
from sequere.backends.database.sides import INCOMING, MUTUAL, ListSide, side_of
from sequere.backends.database.statements import (
    join_resource,
    kind_number,
    lasts,
    narrowed,
    now,
    number_of,
    uid_of,
)
from sequere.backends.database.suggestions import SuggestionRows
from sequere.base import ResourceKey
from sequere.log.locks import KEY, Resource
from sequere.projections.reconciler import Cursor
from sequere.relations.key import FOLLOWS, Graph, RelationKey
from sequere.relations.types import RelationType
from sequere.results.cursors import Place
from sequere.results.lazy import LazyList
from sequere.results.relations import Related, RelationList, load_relations
from sequere.results.suggestions import SuggestionList
from sequere.sql.dialects import dialect
from sequere.sql.rows import fetched, fields_of, given
from sequere.sql.statements import statement

#: Followers on a page that a projector is given.
FOLLOWERS_PER_PAGE = 1000
#: Rows that an iteration reads together.
ROWS_PER_PAGE = 2000

#: What a statement about a list SELECTs of each row: the key of the other resource, since when, and its uid.
_ROW = (*fields_of(Resource, KEY), *fields_of(LiveRelation, ("since",)), *fields_of(Resource, ("uid",)))


@dataclass(frozen=True, slots=True)
class RelationRows:
    """The rows behind a list: (identifier, object_id, since, uid) for the other end of each relation."""

    graph: Graph
    side: ListSide
    key: ResourceKey
    identifier: str | None
    desc: bool

    def count(self) -> int:
        return _count(self.graph, self.side, self.key, self.identifier)

    def rows(self, start: int, stop: int | None) -> list[tuple[Any, ...]]:
        return self._rows(None if stop is None else stop - start, start)

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

    def page(self, size: int, after: Place | None) -> list[tuple[Place, tuple[Any, ...]]]:
        return [(Place(*row[2:]), row) for row in self._rows(size, 0, after)]

    def reversed(self) -> Self:
        return replace(self, desc=not self.desc)

    def load(self, rows: Sequence[tuple[Any, ...]]) -> list[Related | None]:
        return load_relations([row[:3] for row in rows])

    def _rows(self, size: int | None, start: int, after: Place | None = None) -> list[tuple[Any, ...]]:
        return _listed(self, size, start, after, router.db_for_read(LiveRelation))


def _listed(rows: RelationRows, size: int | None, start: int, after: Place | None, using: str) -> list[tuple[Any, ...]]:
    connection = connections[using]
    narrowed = rows.identifier is not None
    values: list[Any] = [rows.graph.scope, *rows.key, *([rows.identifier] if narrowed else [])]
    if after:
        values += (connection.ops.adapt_datetimefield_value(after.moment), after.tie)
    values += now(rows.graph.type)
    text = _list_text(rows.graph.type, rows.side, using, narrowed=narrowed, after=after is not None, desc=rows.desc)
    return fetched(text.replace("{limit}", dialect(connection).limit(size, start)), values, _ROW, using)


@cache
def _list_text(type_: RelationType, side: ListSide, using: str, *, narrowed: bool, after: bool, desc: bool) -> str:
    words = dialect(connections[using])
    place = f"({side.since}, {side.other}_uid) {'<' if desc else '>'} (%s, %s)"
    conditions = {
        f"{side.since} IS NOT NULL": side is MUTUAL,
        f"{side.other}_kind = {kind_number(words)}": narrowed,
        place: after,
        lasts(words, LiveRelation._meta.db_table): type_.has_end,
    }
    return statement(__package__, "list").format(
        owner=side.owner,
        other=side.other,
        since=side.since,
        graph=number_of(type_.name, words),
        resource=uid_of(words),
        conditions=" ".join(f"AND {condition}" for condition, is_asked in conditions.items() if is_asked),
        direction="DESC" if desc else "ASC",
        limit="{limit}",
        join=words.join,
        other_end=words.join_row(words.table(Resource), "r", "r.uid = page.uid"),
    )


def _count(graph: Graph, side: ListSide, key: ResourceKey, identifier: str | None) -> int:
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


@cache
def _live_text(type_: RelationType, using: str, *, mutual: bool) -> str:
    words = dialect(connections[using])
    same_ends = (
        f"live.graph = {number_of(type_.name, words)} AND live.from_uid = {uid_of(words)} AND live.to_uid = r.uid"
    )
    return statement(__package__, "live").format(
        given="{given}",
        join=words.join,
        other=join_resource(words, "r", [f"given.{column}" for column in KEY]),
        relation=words.join_row(
            words.table(LiveRelation), "live", f"{same_ends} {narrowed(type_, 'live', words, mutual=mutual)}"
        ),
    )


@cache
def _is_live_text(type_: RelationType, using: str, *, mutual: bool) -> str:
    words = dialect(connections[using])
    return statement(__package__, "is_live").format(
        graph=number_of(type_.name, words),
        uid=uid_of(words),
        narrowed=narrowed(type_, "l", words, mutual=mutual),
    )


@cache
def _counts_text(type_: RelationType, using: str) -> str:
    words = dialect(connections[using])
    return statement(__package__, "counts").format(
        given="{given}",
        join=words.join,
        resource=join_resource(words, "r", [f"given.{column}" for column in KEY]),
        graph=number_of(type_.name, words),
    )


class DatabaseBackend(BaseBackend):
    """Relations in the database that holds the log, written in its transactions."""

    def __init__(self) -> None:
        self.projector = FollowsProjector()

    def live_among(self, relations: Collection[RelationKey], *, mutual: bool = False) -> set[RelationKey]:
        by_key = {relation.to_key: relation for relation in relations}
        if not by_key:
            return set()
        one, using = next(iter(relations)), router.db_for_read(LiveRelation)
        with connections[using].cursor() as cursor:
            if len(relations) == 1:
                text = _is_live_text(one.graph.type, using, mutual=mutual)
                cursor.execute(text, [one.graph.scope, *one.from_key, *one.to_key, *now(one.graph.type)])
                return {one for _ in cursor.fetchall()}
            select, values = given(connections[using], fields_of(Resource, KEY), by_key)
            text = _live_text(one.graph.type, using, mutual=mutual).replace("{given}", select)
            cursor.execute(text, [*values, one.graph.scope, *one.from_key, *now(one.graph.type)])
            return {by_key[ResourceKey(*row)] for row in cursor.fetchall()}

    def related(self, what: str, graph: Graph, key: ResourceKey, identifier: str | None, *, desc: bool) -> RelationList:
        return LazyList(RelationRows(graph, side_of(what, graph), key, identifier, desc))

    def count(self, what: str, graph: Graph, key: ResourceKey, identifier: str | None) -> int:
        return _count(graph, side_of(what, graph), key, identifier)

    def counts(self, graph: Graph, keys: Collection[ResourceKey]) -> dict[ResourceKey, FollowCounts]:
        if not keys:
            return {}
        using = router.db_for_read(RelationCount)
        select, values = given(connections[using], fields_of(Resource, KEY), list(keys))
        with connections[using].cursor() as cursor:
            text = _counts_text(graph.type, using).replace("{given}", select)
            cursor.execute(text, [*[graph.scope] * 3, *values])
            return {
                ResourceKey(*row[:2]): FollowCounts(*(int(sum_ or 0) for sum_ in row[2:])) for row in cursor.fetchall()
            }

    def common(self, graph: Graph, one: ListOf, other: ListOf, identifier: str | None, *, desc: bool) -> RelationList:
        return LazyList(CommonRows(graph, one, other, identifier, desc))

    def suggestions(
        self, graph: Graph, key: ResourceKey, identifier: str | None, left_out: Sequence[Graph]
    ) -> SuggestionList:
        return LazyList(SuggestionRows(graph, key, identifier, tuple(left_out)))

    def follower_page(self, key: ResourceKey, cursor: Cursor | None = None) -> FollowerPage:
        followers = RelationRows(FOLLOWS, INCOMING, key, None, desc=False)
        after = Place(datetime.fromisoformat(cursor[0]), cursor[1]) if cursor else None
        rows = _listed(followers, FOLLOWERS_PER_PAGE, 0, after, router.db_for_write(LiveRelation))
        names = [f"{identifier}:{object_id}" for identifier, object_id, *_ in rows]
        return FollowerPage(names, [str(rows[-1][2]), rows[-1][3]] if len(rows) == FOLLOWERS_PER_PAGE else None)

    def related_keys(
        self, what: str, graph: Graph, key: ResourceKey, identifier: str | None, limit: int
    ) -> list[ResourceKey]:
        rows = RelationRows(graph, side_of(what, graph), key, identifier, desc=True).rows(0, limit)
        return [ResourceKey(*row[:2]) for row in rows]

    def joins(self, model: type[models.Model], using: str) -> Joins | None:
        is_beside = router.db_for_write(model) == router.db_for_write(LiveRelation)
        return RelationJoins(using) if is_beside else None

    def reset(self, using: str) -> None:
        for model in (LiveRelation, RelationCount):
            model._default_manager.using(using).all().delete()

    @classmethod
    def check(cls) -> list[CheckMessage]:
        if apps.is_installed("sequere.backends.database"):
            return []
        return [
            Error(
                "SEQUERE_BACKEND is the DatabaseBackend, and its app is not installed.",
                hint="Add 'sequere.backends.database' to INSTALLED_APPS.",
                id="sequere.E002",
            )
        ]
