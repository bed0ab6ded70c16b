"""Resources in Redis of which the log knows no relation."""

from collections.abc import Collection

from sequere.backends.redis.counts import registered_kinds
from sequere.backends.redis.keys import FollowKeys
from sequere.backends.redis.uids import found_uids, look_up_uids, named_by
from sequere.base import ResourceKey
from sequere.projections.reconciler import Comparison, Difference
from sequere.redis.connection import text
from sequere.redis.read_model import RedisModel
from sequere.redis.scanning import ScanKeys
from sequere.relations import recorded
from sequere.relations.types import FOLLOW


class UidKeys(ScanKeys):
    """All uids with a name."""

    def __init__(self, model: RedisModel, keys: FollowKeys) -> None:
        super().__init__(model.connection, ("uid::*",), _uids, size=1000)
        self._last_uid = keys.last_uid

    def total(self, using: str) -> int:
        """1 round trip."""
        (last,) = self.connection.run([("GET", self._last_uid)])
        return int(last or 0)


def _uids(found: list[str], using: str) -> list[str]:
    return [key.rpartition(":")[2] for key in found]


class UidComparison(Comparison):
    """Removes the uids, with their sets, of resources of which the log knows no relation, or that have another uid."""

    def __init__(self, model: RedisModel, keys: FollowKeys) -> None:
        self._connection = model.connection
        self._keys = keys

    def resources(self, keys: list[str], using: str) -> Collection[ResourceKey]:
        return self._orphans(keys, using).values()

    def compare(self, keys: list[str], using: str, *, repair: bool) -> list[Difference]:
        orphans = self._orphans(keys, using)
        if repair:
            for uid, name in orphans.items():
                self._remove(uid, name)
        return [Difference(f"resource {name}", "none", f"uid {uid}") for uid, name in orphans.items()]

    def _orphans(self, uids: list[str], using: str) -> dict[str, ResourceKey]:
        names = zip(uids, named_by(uids, self._connection, self._keys), strict=True)
        named = {uid: name for uid, name in names if name}
        if not named:
            return {}
        (answer,) = self._connection.run([look_up_uids(named.values(), self._keys)])
        current = found_uids(named.values(), answer)
        known = recorded.known_ends(FOLLOW, named.values(), using)
        return {uid: name for uid, name in named.items() if name not in known or current.get(name) != uid}

    def _remove(self, uid: str, name: ResourceKey) -> None:
        keys = [self._keys.resource(uid), *self._keys.sets_and_counts(uid, (None, *registered_kinds()))]
        (current,) = self._connection.run([("GET", self._keys.name(name))])
        if current is not None and text(current) == uid:
            keys.append(self._keys.name(name))
        self._connection.run([("UNLINK", *keys)])
