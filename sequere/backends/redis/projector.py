"""Keeps the follows in Redis equal to the log."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, cast

from sequere.backends.base import RelationsProjector
from sequere.backends.redis.batches import RESOURCES
from sequere.backends.redis.digests import DigestComparison
from sequere.backends.redis.keys import ALL_KEYS, FOLLOW_LAYOUT, FollowKeys
from sequere.backends.redis.loading import LoadComparison
from sequere.backends.redis.orphans import NameComparison, NameKeys, SetComparison, SetKeys
from sequere.backends.redis.sides import End, WantedFollow, write_calls, write_directly
from sequere.backends.redis.wanted import is_plain_follow, wanted_by
from sequere.base import ResourceKey
from sequere.log.identity import log_id
from sequere.log.models import Event
from sequere.projections.projector import NewRelation
from sequere.projections.reconciler import Reconciler
from sequere.projections.resources import RESOURCE_ROWS
from sequere.redis.fencing import LockedWriter
from sequere.redis.layout import foreign_reconciler, type_reconciler
from sequere.redis.read_model import Places, RebuildStart, RedisModel, RedisPlan
from sequere.redis.scores import to_score
from sequere.relations.types import FOLLOWED, is_change


class FollowsProjector(RelationsProjector):
    """Follows, friends and counts, after the commit of the events in the log."""

    is_transactional = False
    may_come_back_older = True

    def __init__(self, places: Places[FollowKeys]) -> None:
        self._places = places

    @property
    def reconcilers(self) -> Sequence[Reconciler]:  # type: ignore[override]  # others where the prefix is another
        return [*self._compared(None), foreign_reconciler(self._model.connection)]

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        """Make the follows that `events` concern what the log says.

        1 query and 2 round trips; with scopes, 1 query more.
        """
        self.apply_relations([event for event in events if is_change(event.type)], using=using)

    def apply_relations(self, events: Sequence[Event], *, using: str) -> None:
        if events:
            token, _ = self._model.begin([], using, [event.pk for event in events])
            wanted = wanted_by(events, using)
            writer = LockedWriter(token, wanted.last_event)
            self._model.connection.later(write_calls(wanted.relations, writer, self._model, self._keys))

    def apply_directly(self, new: NewRelation, servers: dict[str, str], *, using: str) -> bool:
        """Store a follow that has begun or ended, without a scope."""
        event = new.event
        if not is_plain_follow(event):
            return False
        score = to_score(event.occurred_at) if event.type == FOLLOWED else ""
        follow = WantedFollow(End(event.actor, new.from_uid), End(cast(ResourceKey, event.target), new.to_uid), score)
        command = write_directly(follow, event.pk, log_id(using), self._model, self._keys)
        self._model.write_directly(command, event.pk, servers, using)
        return True

    def applying(self) -> AbstractContextManager[None]:
        return self._model.connection.gathering()

    def is_lost(self, using: str) -> bool:
        return self._model.is_lost(using)

    def checkpoint(self, using: str) -> None:
        """2 round trips at most, 6 statements."""
        self._model.make_checkpoint(using)

    def examine_server(self) -> str:
        """1 round trip. Raises BackendUnavailable, also if the server only refuses writes."""
        return self._model.connection.examine_server()

    def where(self) -> str:
        return self._model.connection.prefix

    def is_foreign(self, using: str) -> bool:
        return self._model.is_foreign(using)

    def begin(self, using: str) -> RedisPlan:
        return self._plan(self._model.start_rebuild(using, ALL_KEYS, self._keys.last_uid))

    def resume(self, state: Mapping[str, Any]) -> RedisPlan:
        return self._plan(RebuildStart(**state))

    @property
    def _model(self) -> RedisModel:
        return self._places.model

    @property
    def _keys(self) -> FollowKeys:
        return self._places.keys

    def _plan(self, start: RebuildStart) -> RedisPlan:
        """A lost model is loaded. If anything of it was left, everything is compared afterwards."""
        types, *others = self._compared(start.token)
        if start.is_lost:
            load = Reconciler("resources", RESOURCES, LoadComparison(self._model, self._keys, start))
            others = [load] if start.was_empty else [load, *others]
        return RedisPlan([types, *others], self._model, start)

    def _compared(self, token: int | None) -> list[Reconciler]:
        """`token` is that of a rebuild, None for a verification. The types of keys come first: nothing can be stored
        under those that are wrong."""
        return [
            type_reconciler(self._model.connection, FOLLOW_LAYOUT),
            *RESOURCE_ROWS,
            Reconciler("follows", RESOURCES, DigestComparison(self._model, self._keys, token)),
            Reconciler("orphaned sets", SetKeys(self._model), SetComparison(self._model, self._keys)),
            Reconciler("orphans", NameKeys(self._model), NameComparison(self._model, self._keys)),
        ]
