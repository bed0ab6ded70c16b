"""The questions that Redis answers about follows."""

from collections.abc import Collection

from django.core.checks import CheckMessage, Error

from sequere import conf
from sequere.backends.base import BaseBackend, FollowerPage
from sequere.backends.redis.followers import follower_page
from sequere.backends.redis.keys import FOLLOWINGS, FollowKeys
from sequere.backends.redis.projector import FollowsProjector
from sequere.backends.redis.rows import SetRows, stored_count
from sequere.backends.redis.uids import found_uids, look_up_uids
from sequere.base import ResourceKey
from sequere.projections.reconciler import Cursor
from sequere.redis.connection import Connection, why_unusable
from sequere.redis.read_model import RedisModel
from sequere.relations.key import Graph, RelationKey
from sequere.relations.types import FOLLOWED
from sequere.results.lazy import LazyList
from sequere.results.relations import RelationList

FOLLOWS_SETTING = "SEQUERE_BACKEND_OPTIONS"
FOLLOWS_PREFIX = "sequere:"


class RedisBackend(BaseBackend):
    """Follows in Redis, written after the commit of the events in the log."""

    def __init__(self) -> None:
        connection = Connection(FOLLOWS_SETTING, conf.backend_options(), FOLLOWS_PREFIX)
        self._model = RedisModel(connection, "follows", (FOLLOWED,))
        self._keys = FollowKeys(connection.prefix)
        self.projector = FollowsProjector(self._model, self._keys)

    def live_among(self, relations: Collection[RelationKey]) -> set[RelationKey]:
        """2 round trips."""
        if not relations:
            return set()
        ends = [next(iter(relations)).from_key, *(relation.to_key for relation in relations)]
        (answer,) = self._model.read(look_up_uids(ends, self._keys))
        known = found_uids(ends, answer)
        asked = [relation for relation in relations if relation.to_key in known]
        if ends[0] not in known or not asked:
            return set()
        followings, _ = self._keys.set_and_count(known[ends[0]], FOLLOWINGS, None)
        members = [known[relation.to_key] for relation in asked]
        (scores,) = self._model.connection.run([("ZMSCORE", followings, *members)])
        return {relation for relation, score in zip(asked, scores, strict=True) if score is not None}

    def related(self, what: str, graph: Graph, key: ResourceKey, identifier: str | None, *, desc: bool) -> RelationList:
        return LazyList(SetRows(self._model, self._keys, key, what, identifier, desc))

    def count(self, what: str, graph: Graph, key: ResourceKey, identifier: str | None) -> int:
        """1 round trip."""
        return stored_count(what, key, identifier, self._model, self._keys)

    def follower_page(self, key: ResourceKey, cursor: Cursor | None = None) -> FollowerPage:
        """1 round trip. Raises ReadModelLost."""
        return follower_page(key, cursor, self._model, self._keys)

    def reset(self, using: str) -> None:
        """The last uid stays: a writer that still has an old uid must not meet another resource there."""
        self._model.reset("uid:*")

    @classmethod
    def check(cls) -> list[CheckMessage]:
        reason = why_unusable(FOLLOWS_SETTING, conf.backend_options())
        hint = "See docs/settings.md for the options of the RedisBackend."
        return [Error(reason, hint=hint, id="sequere.E009")] if reason else []
