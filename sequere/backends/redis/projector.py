"""Keeps the follows in Redis equal to the log."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from sequere.backends.redis import uids
from sequere.backends.redis.keys import Keys
from sequere.backends.redis.loading import LoadPass
from sequere.backends.redis.resource_pass import ResourcePass
from sequere.backends.redis.sides import Wanted, write
from sequere.backends.redis.strays import StrayPass
from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.log.reading import latest_among
from sequere.log.types import FOLLOWED, UNFOLLOWED
from sequere.projections.projector import LevelTriggeredProjector
from sequere.projections.reconciler import Pass
from sequere.redis.model import RedisModel
from sequere.redis.scores import to_score


class FollowsProjector(LevelTriggeredProjector):
    """Follows, friends and counts, after the commit of what the log says."""

    is_transactional = False

    def __init__(self, model: RedisModel, keys: Keys) -> None:
        self._model = model
        self._keys = keys

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        """Make the follows that events concern what the log says: 1 or 2 queries; 2 round trips, 4 with new ones."""
        changes = [event for event in events if event.type in {FOLLOWED, UNFOLLOWED}]
        if not changes:
            return
        resources = sorted({key for event in changes for key in self.resources(event)})
        token, (answer,) = self._model.begin([uids.look_up(resources, self._keys)], using)
        follows: list[Wanted] = [
            (
                event.actor,
                cast(ResourceKey, event.target),
                to_score(event.occurred_at) if event.type == FOLLOWED else "",
            )
            for event in latest_among(changes, using).values()
        ]
        write(follows, uids.found(resources, answer), token, self._model, self._keys)

    def is_lost(self, using: str) -> bool:
        return self._model.is_lost(using)

    def prepare(self, using: str) -> Mapping[str, Any]:
        was_empty = next(self._model.connection.keys("uid:*"), None) is None
        return {**self._model.prepare(using), "was_empty": was_empty}

    def can_go_on(self, known: Mapping[str, Any], using: str) -> bool:
        return self._model.can_go_on(known)

    def passes_of(self, known: Mapping[str, Any]) -> Sequence[Pass]:
        """What is lost is loaded; if there was anything left of it, it is looked at as well."""
        number = known.get("number")
        passes = [ResourcePass(self._model, self._keys, number), StrayPass(self._model, self._keys)]
        if number is None or not known["is_lost"]:
            return passes
        load = LoadPass(self._model, self._keys, number, was_empty=known["was_empty"])
        return [load] if known["was_empty"] else [load, *passes]

    def rebuilt(self, known: Mapping[str, Any], using: str) -> None:
        self._model.rebuilt(known)
