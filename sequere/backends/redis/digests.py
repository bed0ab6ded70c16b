"""The sets of each resource, compared with the log by digests, and follow by follow only where these differ."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from hashlib import sha1
from typing import Any

from sequere.backends.redis.batches import Batch
from sequere.backends.redis.counts import Counts
from sequere.backends.redis.follows_by_uid import Members
from sequere.backends.redis.graphs import graph_numbers
from sequere.backends.redis.keys import FOLLOWINGS, FollowKeys, kind_in_key
from sequere.backends.redis.loading import Loading
from sequere.backends.redis.relations import differences_around
from sequere.backends.redis.scripts import COMPARE_DIGESTS, COMPARE_SIZES
from sequere.backends.redis.uids import Uids
from sequere.base import ResourceKey
from sequere.projections.reconciler import Comparison, Difference
from sequere.redis.read_model import RedisModel
from sequere.registry import registry
from sequere.sql.chunks import chunks

#: Resources whose sizes one call of a script compares.
RESOURCES_PER_COMPARISON = 50
#: Digests that one call of a script compares.
DIGESTS_PER_CALL = 100
#: Members behind the digests of one call, which blocks the server.
MEMBERS_PER_COMPARISON = 2000
#: Calls that are sent together.
COMPARISONS_AT_ONCE = 20

#: How many follow a resource, and how many it follows, by kind.
Sizes = dict[str, list[int]]

#: The sizes by the number of a graph and the uid of a resource.
SizesByGraph = Mapping[int, dict[int, Sizes]]


class DigestComparison(Comparison):
    """Compares both sides of resources.

    The database joins the members that each set should have into texts of 1,000, the server does the same with those
    that it has, and their SHA-1s are compared: two different texts have the same one in 1 of 2^160 cases. Friends and
    counts follow from the sets, so the server checks them alone.
    """

    def __init__(self, model: RedisModel, keys: FollowKeys, token: int | None) -> None:
        """`token` is that of a rebuild, None for a verification."""
        self._model = model
        self._keys = keys
        self._token = token

    def differs(self, keys: Batch, using: str) -> bool:
        return bool(self._suspects(keys, using))

    def resources(self, keys: Batch, using: str) -> Sequence[ResourceKey]:
        return self._suspects(keys, using)

    def compare(self, keys: Batch, using: str, *, repair: bool) -> list[Difference]:
        """Each side belongs to one resource. A process that has locked it may compare the side, and write it."""
        suspects = self._suspects(keys, using)
        if not suspects:
            return []
        differences = [
            *differences_around(self._of_suspects(keys, suspects), self._model.connection, self._keys, using),
            *Counts(self._model, self._keys).compare(self._of_suspects(keys, suspects), using, repair=False),
        ]
        if repair:
            self.repair(keys, using)
        return differences

    def repair(self, keys: Batch, using: str) -> int:
        """Returns how many resources were wrong."""
        suspects = self._suspects(keys, using)
        if self._token is None:
            raise TypeError("only a rebuild has a token to repair with")
        if suspects:
            Loading(self._model, self._keys, self._token).load_again(self._of_suspects(keys, suspects), using)
        return len(suspects)

    def _suspects(self, keys: Batch, using: str) -> list[ResourceKey]:
        if keys.suspects is None:
            wrong = self._wrong(keys, using)
            keys.suspects = [key for key, uid in keys.uids.items() if uid in wrong]
        return keys.suspects

    def _of_suspects(self, keys: Batch, suspects: Iterable[ResourceKey]) -> Uids:
        return {key: keys.uids[key] for key in suspects}

    def _wrong(self, keys: Batch, using: str) -> set[int]:
        sizes: SizesByGraph = {
            graph: defaultdict(lambda: defaultdict(lambda: [0, 0])) for graph in graph_numbers(using).values()
        }
        wrong: set[int] = set()
        with closing(keys.around.members_in_order(using)) as members:
            for some in chunks(self._parts(members, sizes), COMPARISONS_AT_ONCE):
                wrong.update(self._answered(some))
        for graph, of_graph in sizes.items():
            stored = ((uid, key, of_graph.get(uid, {})) for key, uid in keys.uids.items())
            for some in chunks(self._sizes(graph, stored), COMPARISONS_AT_ONCE):
                wrong.update(self._answered(some))
        return wrong

    def _parts(self, members: Iterable[Members], sizes: SizesByGraph) -> Iterator[Sequence[Any]]:
        """Calls that compare the parts of sets. Adds the numbers of members to `sizes`."""
        by_graph: dict[int, list[Any]] = defaultdict(list)
        in_call: dict[int, int] = defaultdict(int)
        for uid, what, graph, kind, number, texts in members:
            side, arguments = what == FOLLOWINGS, by_graph[graph]
            start = sizes[graph][uid][kind][side]
            sizes[graph][uid][kind][side] += number
            digest = sha1(texts.encode(), usedforsecurity=False).hexdigest()
            arguments += (uid, what, kind_in_key(kind), start, number, digest)
            in_call[graph] += number
            if in_call[graph] >= MEMBERS_PER_COMPARISON or len(arguments) >= 6 * DIGESTS_PER_CALL:
                yield COMPARE_DIGESTS([], self._keys.in_graph(graph).sets, *by_graph.pop(graph))
                in_call[graph] = 0
        for graph, arguments in by_graph.items():
            yield COMPARE_DIGESTS([], self._keys.in_graph(graph).sets, *arguments)

    def _sizes(
        self, graph: int, stored: Iterable[tuple[int, ResourceKey, Mapping[str, Sequence[int]]]]
    ) -> Iterator[Sequence[Any]]:
        registered = {options.get_identifier() for options in registry}
        for some in chunks(stored, RESOURCES_PER_COMPARISON):
            kinds = sorted(registered.union(*(sizes.keys() for _, _, sizes in some)))
            arguments: list[Any] = [len(kinds), *map(kind_in_key, kinds)]
            for uid, key, sizes in some:
                arguments += (uid, *key, len(sizes))
                for kind, numbers in sizes.items():
                    arguments += (kind_in_key(kind), *numbers)
            yield COMPARE_SIZES([], self._keys.uids, self._keys.in_graph(graph).sets, *arguments)

    def _answered(self, calls: Iterable[Sequence[Any]]) -> Iterator[int]:
        for answer in self._model.connection.run(calls):
            yield from map(int, answer)
