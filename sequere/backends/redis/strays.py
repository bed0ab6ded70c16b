"""What is stored of resources of which the log knows no relation."""

from collections.abc import Collection, Sequence

from sequere.backends.redis import uids
from sequere.backends.redis.counts import kinds
from sequere.backends.redis.keys import Keys
from sequere.base import ResourceKey
from sequere.projections.reconciler import Difference
from sequere.redis.connection import text
from sequere.redis.model import RedisModel
from sequere.redis.scanning import ScanPass
from sequere.relations import recorded


class StrayPass(ScanPass):
    """The resources in Redis of which the log knows no relation, by their uids."""

    name = "strays"
    patterns = ("uid::*",)
    size = 1000

    def __init__(self, model: RedisModel, keys: Keys) -> None:
        super().__init__(model.connection)
        self._model = model
        self._keys = keys

    def total(self, using: str) -> int:
        (last,) = self._model.connection.run([("GET", self._keys.last_uid)])
        return int(last or 0)

    def keys(self, found: Sequence[str], using: str) -> list[str]:
        return [key.rpartition(":")[2] for key in found]

    def resources(self, keys: list[str], using: str) -> Collection[ResourceKey]:
        return self._strays(keys, using).values()

    def compare(self, keys: list[str], using: str, *, repair: bool) -> list[Difference]:
        strays = self._strays(keys, using)
        if repair:
            for uid, name in strays.items():
                self._remove(uid, name)
        return [Difference(f"resource {name}", "none", f"uid {uid}") for uid, name in strays.items()]

    def _strays(self, keys: list[str], using: str) -> dict[str, ResourceKey]:
        names = zip(keys, uids.names(keys, self._model.connection, self._keys), strict=True)
        named = {uid: name for uid, name in names if name}
        if not named:
            return {}
        (answer,) = self._model.connection.run([uids.look_up(named.values(), self._keys)])
        current = uids.found(named.values(), answer)
        known = recorded.known_ends(named.values(), using)
        return {uid: name for uid, name in named.items() if name not in known or current.get(name) != uid}

    def _remove(self, uid: str, name: ResourceKey) -> None:
        keys = [self._keys.resource(uid), *self._keys.sets_and_counts(uid, (None, *kinds()))]
        (current,) = self._model.connection.run([("GET", self._keys.name(name))])
        if current is not None and text(current) == uid:
            keys.append(self._keys.name(name))
        self._model.connection.run([("UNLINK", *keys)])
