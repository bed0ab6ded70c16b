"""Keeps the follows in Redis equal to the log."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from sequere.backends.redis.batches import RESOURCES
from sequere.backends.redis.digests import DigestComparison
from sequere.backends.redis.keys import FollowKeys
from sequere.backends.redis.loading import LoadComparison
from sequere.backends.redis.orphans import UidComparison, UidKeys
from sequere.backends.redis.sides import WantedFollow, write_sides
from sequere.backends.redis.uids import found_uids, look_up_uids
from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.log.reading import latest_among
from sequere.projections.projector import LevelTriggeredProjector
from sequere.projections.reconciler import Reconciler
from sequere.redis.read_model import RebuildStart, RedisModel, RedisPlan
from sequere.redis.scores import to_score
from sequere.relations.types import FOLLOWED, UNFOLLOWED


class FollowsProjector(LevelTriggeredProjector):
    """Follows, friends and counts, after the commit of the events in the log."""

    is_transactional = False

    def __init__(self, model: RedisModel, keys: FollowKeys) -> None:
        self._model = model
        self._keys = keys
        self.reconcilers = self._compared(None)

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        """Make the follows that `events` concern what the log says.

        1 or 2 queries; 2 round trips, 4 if there are new resources.
        """
        changes = [event for event in events if event.type in {FOLLOWED, UNFOLLOWED}]
        if not changes:
            return
        resources = sorted({key for event in changes for key in self.resources(event)})
        token, (answer,) = self._model.begin([look_up_uids(resources, self._keys)], using)
        follows: list[WantedFollow] = [
            (
                event.actor,
                cast(ResourceKey, event.target),
                to_score(event.occurred_at) if event.type == FOLLOWED else "",
            )
            for event in latest_among(changes, using).values()
        ]
        write_sides(follows, found_uids(resources, answer), token, self._model, self._keys)

    def is_lost(self, using: str) -> bool:
        return self._model.is_lost(using)

    def begin(self, using: str) -> RedisPlan:
        was_empty = next(self._model.connection.keys("uid:*"), None) is None
        return self._plan(self._model.start_rebuild(using, was_empty=was_empty))

    def resume(self, state: Mapping[str, Any]) -> RedisPlan:
        return self._plan(RebuildStart(**state))

    def _plan(self, start: RebuildStart) -> RedisPlan:
        """A lost model is loaded. If anything of it was left, everything is compared afterwards."""
        reconcilers = self._compared(start.token)
        if start.is_lost:
            load = Reconciler("resources", RESOURCES, LoadComparison(self._model, self._keys, start))
            reconcilers = [load] if start.was_empty else [load, *reconcilers]
        return RedisPlan(reconcilers, self._model, start)

    def _compared(self, token: int | None) -> list[Reconciler]:
        """`token` is that of a rebuild, None for a verification."""
        return [
            Reconciler("follows", RESOURCES, DigestComparison(self._model, self._keys, token)),
            Reconciler("orphans", UidKeys(self._model, self._keys), UidComparison(self._model, self._keys)),
        ]
