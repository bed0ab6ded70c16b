"""The questions that Redis answers about follows."""

from collections.abc import Collection, Sequence
from itertools import chain

from django.core.checks import CheckMessage, Error
from django.db import router

from sequere import conf
from sequere.backends.base import BaseBackend, FollowCounts, FollowerPage, ListOf
from sequere.backends.redis.common import CommonRows
from sequere.backends.redis.followers import follower_page
from sequere.backends.redis.graphs import number_in_keys
from sequere.backends.redis.keys import ALL_KEYS, FOLLOWERS, FOLLOWINGS, FRIENDS, FollowKeys, suffix_of
from sequere.backends.redis.lasting import LastingRows
from sequere.backends.redis.projector import FollowsProjector
from sequere.backends.redis.rows import ASKED_AT_ONCE, SetRows, stored_count, stored_counts
from sequere.backends.redis.scripts import READ_LIVE
from sequere.backends.redis.suggestions import SuggestionRows
from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.log.numbers import GraphNumber
from sequere.projections.reconciler import Cursor
from sequere.redis.connection import Connection, text, why_unusable
from sequere.redis.read_model import Places, RedisModel
from sequere.relations.key import Graph, RelationKey
from sequere.relations.lasting import over_among
from sequere.relations.types import BEGUN
from sequere.results.lazy import LazyList
from sequere.results.relations import RelationList
from sequere.results.suggestions import SuggestionList
from sequere.sql.chunks import chunks

FOLLOWS_SETTING = "SEQUERE_BACKEND_OPTIONS"
FOLLOWS_PREFIX = "sequere:"


def _side_of(what: str, graph: Graph) -> str:
    """The name in keys of a list of the type of a graph."""
    names = {graph.type.followers: FOLLOWERS, graph.type.followings: FOLLOWINGS, graph.type.friends: FRIENDS}
    return names[what]


class RedisBackend(BaseBackend):
    """Follows in Redis, written after the commit of the events in the log."""

    def __init__(self) -> None:
        connection = Connection(FOLLOWS_SETTING, conf.backend_options(), FOLLOWS_PREFIX, "follows")
        self._places = Places(connection, BEGUN, FollowKeys.of)
        self.projector = FollowsProjector(self._places)

    @property
    def _model(self) -> RedisModel:
        return self._places.model

    @property
    def _keys(self) -> FollowKeys:
        return self._places.keys

    def live_among(self, relations: Collection[RelationKey], *, mutual: bool = False) -> set[RelationKey]:
        """1 round trip; with a scope, 1 query."""
        asked = list(relations)
        if not asked:
            return set()
        keys = self._keys_of(asked[0].graph)
        from_key, suffix = asked[0].from_key, suffix_of(FRIENDS if mutual else FOLLOWINGS, None)
        calls = (
            READ_LIVE(
                [keys.name(key) for key in (from_key, *(relation.to_key for relation in some))],
                *(keys.uids, *from_key, keys.sets, suffix),
            )
            for some in chunks(asked, ASKED_AT_ONCE)
        )
        answers = chain.from_iterable(self._model.read(*calls))
        live = {relation for relation, is_live in zip(asked, answers, strict=True) if text(is_live) == "1"}
        return live - over_among(live, router.db_for_read(Event)) if asked[0].graph.type.has_end else live

    def related(self, what: str, graph: Graph, key: ResourceKey, identifier: str | None, *, desc: bool) -> RelationList:
        return LazyList(self._rows(what, graph, key, identifier, desc=desc))

    def count(self, what: str, graph: Graph, key: ResourceKey, identifier: str | None) -> int:
        """1 round trip; with a scope, 1 query."""
        if graph.type.has_end:  # no count knows the time
            return self._rows(what, graph, key, identifier, desc=True).count()
        return stored_count(_side_of(what, graph), key, identifier, self._model, self._keys_of(graph))

    def counts(self, graph: Graph, keys: Collection[ResourceKey]) -> dict[ResourceKey, FollowCounts]:
        """1 round trip."""
        return stored_counts(list(keys), self._model, self._keys_of(graph))

    def common(self, graph: Graph, one: ListOf, other: ListOf, identifier: str | None, *, desc: bool) -> RelationList:
        return LazyList(CommonRows(self._model, self._keys_of(graph), one, other, identifier, desc))

    def suggestions(
        self, graph: Graph, key: ResourceKey, identifier: str | None, left_out: Sequence[tuple[str, Graph]]
    ) -> SuggestionList:
        keys = {one: self._keys_of(one) for one in {one for _, one in left_out if not one.type.has_end}}
        known = tuple((_side_of(what, one), keys[one]) for what, one in left_out if not one.type.has_end)
        lasting = tuple(self._rows(what, one, key, None, desc=True) for what, one in left_out if one.type.has_end)
        return LazyList(SuggestionRows(self._model, self._keys_of(graph), key, identifier, known, lasting))

    def follower_page(self, key: ResourceKey, cursor: Cursor | None = None) -> FollowerPage:
        """1 round trip. Raises ReadModelLost."""
        return follower_page(key, cursor, self._model, self._keys)

    def related_keys(
        self, what: str, graph: Graph, key: ResourceKey, identifier: str | None, limit: int
    ) -> list[ResourceKey]:
        """2 round trips for each 2,000."""
        rows = self._rows(what, graph, key, identifier, desc=True).rows(0, limit)
        return [ResourceKey(*row[:2]) for row in rows]

    def reset(self, using: str) -> None:
        """The highest uid stays: a database that is new here hands out larger ones."""
        self._model.reset(*ALL_KEYS)

    def _rows(
        self, what: str, graph: Graph, key: ResourceKey, identifier: str | None, *, desc: bool
    ) -> SetRows | LastingRows:
        rows = SetRows(self._model, self._keys_of(graph), key, _side_of(what, graph), identifier, desc)
        return LastingRows(rows, graph, what == graph.type.followers) if graph.type.has_end else rows

    def _keys_of(self, graph: Graph) -> FollowKeys:
        return self._keys.in_graph(number_in_keys(graph, router.db_for_read(GraphNumber)))

    @classmethod
    def check(cls) -> list[CheckMessage]:
        reason = why_unusable(FOLLOWS_SETTING, conf.backend_options())
        hint = "See docs/settings.md for the options of the RedisBackend."
        return [Error(reason, hint=hint, id="sequere.E009")] if reason else []
