"""Keeps the follows in Redis equal to the log."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sequere.backends.base import RelationsProjector
from sequere.backends.redis.batches import RESOURCES
from sequere.backends.redis.digests import DigestComparison
from sequere.backends.redis.keys import ALL_KEYS, FOLLOW_LAYOUT, FollowKeys
from sequere.backends.redis.loading import LoadComparison
from sequere.backends.redis.orphans import NameComparison, NameKeys, SetComparison, SetKeys
from sequere.backends.redis.sides import write_calls
from sequere.backends.redis.wanted import wanted_by
from sequere.log.models import Event
from sequere.projections.reconciler import Reconciler
from sequere.projections.resources import RESOURCE_ROWS
from sequere.redis.layout import foreign_reconciler, type_reconciler
from sequere.redis.read_model import Places, RebuildStart, RedisModel, RedisPlan
from sequere.relations.types import is_change


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
            self._model.connection.later(write_calls(wanted_by(events, using), token, self._model.built, self._keys))

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
