"""Resources in Redis of which the log knows no relation."""

from collections.abc import Collection, Iterable
from itertools import chain
from typing import Any, NamedTuple

from sequere.backends.redis.counts import registered_kinds
from sequere.backends.redis.graphs import PLAIN, graph_numbers
from sequere.backends.redis.keys import FollowKeys
from sequere.backends.redis.uids import named_by
from sequere.base import ResourceKey
from sequere.log.locks import KEY, Resource, uids_of
from sequere.projections.reconciler import Comparison, Difference
from sequere.redis.connection import text
from sequere.redis.read_model import RedisModel
from sequere.redis.scanning import ScanKeys
from sequere.relations import recorded
from sequere.relations.key import FOLLOWS


class Orphan(NamedTuple):
    """A key that says that a resource has a uid, which it has not."""

    key: str
    resource: ResourceKey
    uid: str
    #: The uid that it has; None if no relation names it.
    right: int | None


class NameKeys(ScanKeys):
    """The keys by which the server finds the name of a uid, and the uid of a name."""

    def __init__(self, model: RedisModel) -> None:
        super().__init__(model.connection, (("uid::*", "hash"), ("uid:[^:0-9]*", "string")), size=1000)

    def total(self, using: str) -> int:
        """1 query."""
        return 2 * Resource.objects.using(using).count()


class NameComparison(Comparison):
    """Removes the uids, with their sets, of resources of which the log knows no relation, or that have another uid; and
    corrects the names that lead to another uid."""

    def __init__(self, model: RedisModel, keys: FollowKeys) -> None:
        self._connection = model.connection
        self._keys = keys

    def resources(self, keys: list[str], using: str) -> Collection[ResourceKey]:
        return {orphan.resource for orphan in self._orphans(keys, using)}

    def compare(self, keys: list[str], using: str, *, repair: bool) -> list[Difference]:
        orphans = self._orphans(keys, using)
        if repair:
            numbers = graph_numbers(using).values() if orphans else ()
            self._connection.run(self._correction(orphan, numbers) for orphan in orphans)
        return [
            Difference(f"resource {resource}", "none" if right is None else f"uid {right}", f"uid {uid}")
            for resource, uid, right in dict.fromkeys(orphan[1:] for orphan in orphans)
        ]

    def _orphans(self, stored: list[str], using: str) -> list[Orphan]:
        hashes = [key for key in stored if self._keys.is_resource(key)]
        names = [key for key in stored if not self._keys.is_resource(key)]
        uids = [key.rpartition(":")[2] for key in hashes]
        found = list(zip(hashes, named_by(uids, self._connection, self._keys), uids, strict=True))
        if names:
            (led_to,) = self._connection.run([("MGET", *names)])
            found += [(key, self._keys.named(key), text(uid or "")) for key, uid in zip(names, led_to, strict=True)]
        ends = {resource for _, resource, uid in found if resource and uid}
        known = recorded.known_ends(ends, using) if ends else ()
        right = uids_of(known, using) if known else {}
        return [
            Orphan(key, resource, uid, right.get(resource))
            for key, resource, uid in found
            if resource and uid and uid != str(right.get(resource))
        ]

    def _correction(self, orphan: Orphan, graphs: Iterable[int]) -> tuple[Any, ...]:
        """The command that removes the hash of a uid, with its sets in all graphs; or a name, unless it has another
        uid."""
        if self._keys.is_resource(orphan.key):
            kinds = (None, *registered_kinds())
            sets = (self._keys.in_graph(graph).sets_and_counts(orphan.uid, kinds) for graph in graphs)
            return ("UNLINK", orphan.key, *chain.from_iterable(sets))
        return ("UNLINK", orphan.key) if orphan.right is None else ("SET", orphan.key, orphan.right)


class SetKeys(ScanKeys):
    """The sets of all uids, and their counts."""

    def __init__(self, model: RedisModel) -> None:
        super().__init__(model.connection, (("uid:[0-9]*", ""), ("g[0-9]*:uid:*", "")), size=1000)


class SetComparison(Comparison):
    """Removes the sets and counts of uids that belong to no end of a relation, of graphs that nobody has, and of kinds
    that are not registered and with which a resource has no relation. All others are compared with the log."""

    def __init__(self, model: RedisModel, keys: FollowKeys) -> None:
        self._connection = model.connection
        self._keys = keys

    def resources(self, keys: list[str], using: str) -> Collection[ResourceKey]:
        return {owner for _, owner in self._orphans(keys, using) if owner}

    def compare(self, keys: list[str], using: str, *, repair: bool) -> list[Difference]:
        """5 queries at most, and 1 round trip if something is repaired."""
        orphans = [key for key, _ in self._orphans(keys, using)]
        if repair and orphans:
            self._connection.run([("UNLINK", *orphans)])
        return [Difference(f"key {key}", "none", "one") for key in orphans]

    def _orphans(self, keys: list[str], using: str) -> list[tuple[str, ResourceKey | None]]:
        """The keys that should not be there, and whose they are."""
        found = {key: place for key in keys if (place := self._keys.place_of(key))}
        rows = Resource.objects.using(using)
        with_uids = rows.filter(uid__in={place.uid for place in found.values()}).values_list("uid", *KEY)
        owners = {uid: ResourceKey(*key) for uid, *key in with_uids}
        known = recorded.known_ends(owners.values(), using) if owners else set()
        graphs = graph_numbers(using) if any(place.graph for place in found.values()) else {FOLLOWS: PLAIN}
        kinds = registered_kinds() | {None}
        of_others = {place.kind for place in found.values() if place.kind} - kinds  # models no longer registered
        related = recorded.related_kinds(known, of_others, using) if of_others else ()
        places = {(graphs.get(graph), owner, kind) for graph, owner, kind in related}
        return [
            (key, owner)
            for key, (graph, uid, kind) in found.items()
            if (owner := owners.get(uid)) not in known
            or graph not in graphs.values()
            or (kind not in kinds and (graph, owner, kind) not in places)
        ]
