"""The questions about relations that the database answers."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache

from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.db import connections, models, router

from sequere.backends.base import BaseBackend, FollowCounts, FollowerPage, Joins, ListOf
from sequere.backends.database.common import CommonRows
from sequere.backends.database.joins import RelationJoins
from sequere.backends.database.lists import RelationRows, count, listed
from sequere.backends.database.models import LiveRelation, RelationCount
from sequere.backends.database.projector import FollowsProjector
from sequere.backends.database.sides import INCOMING, side_of
from sequere.backends.database.statements import (
    join_resource,
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
from sequere.results.relations import RelationList
from sequere.results.suggestions import SuggestionList
from sequere.sql.dialects import dialect
from sequere.sql.rows import fields_of, given
from sequere.sql.statements import statement

#: Followers on a page that a projector is given.
FOLLOWERS_PER_PAGE = 1000


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
        return count(graph, side_of(what, graph), key, identifier)

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
        self, graph: Graph, key: ResourceKey, identifier: str | None, left_out: Sequence[tuple[str, Graph]]
    ) -> SuggestionList:
        return LazyList(SuggestionRows(graph, key, identifier, tuple(left_out)))

    def follower_page(self, key: ResourceKey, cursor: Cursor | None = None) -> FollowerPage:
        followers = RelationRows(FOLLOWS, INCOMING, key, None, desc=False)
        after = Place(datetime.fromisoformat(cursor[0]), cursor[1]) if cursor else None
        rows = listed(followers, FOLLOWERS_PER_PAGE, 0, after, router.db_for_write(LiveRelation))
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
