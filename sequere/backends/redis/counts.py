"""The sets of a resource, counted and compared with the number of live relations in the log."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sequere.backends.redis.graphs import graph_numbers
from sequere.backends.redis.keys import FOLLOWERS, FOLLOWINGS, FRIENDS, FollowKeys
from sequere.backends.redis.scripts import CLEAN_SET, MEASURE_SETS
from sequere.backends.redis.uids import Uids, named_by
from sequere.base import ResourceKey
from sequere.log.locks import uids_of
from sequere.log.reading import last_id, latest_of
from sequere.log.suspensions import suspended_among
from sequere.projections.reconciler import Difference
from sequere.redis.connection import text
from sequere.redis.fencing import LockedWriter
from sequere.redis.read_model import RedisModel
from sequere.registry import registry
from sequere.relations import recorded
from sequere.relations.key import FOLLOWS, Graph, RelationKey
from sequere.relations.types import BEGUN
from sequere.sql.chunks import chunks

#: How many of each kind (None: of all) should follow a resource, and be followed by it.
WantedNumbers = dict[ResourceKey, dict[str | None, tuple[int, int]]]

#: Resources that one call of the script measures.
RESOURCES_PER_MEASURE = 50
#: Members of a set that are compared with the log together.
MEMBERS_PER_SCAN = 1000


class Numbers(NamedTuple):
    followers: int = 0
    followings: int = 0
    friends: int = 0


class Measured(NamedTuple):
    """The sizes of the sets of one kind, and their counts."""

    stored: Numbers
    counted: Numbers

    def __str__(self) -> str:
        return f"{self.stored}, counted as {self.counted}" if self.stored != self.counted else str(self.stored)


#: A graph, a resource, a kind, the numbers that it should have, and those that it has.
WrongNumbers = tuple[Graph, ResourceKey, str | None, Numbers, Measured]


class InKeys(NamedTuple):
    """A graph with its keys."""

    graph: Graph
    keys: FollowKeys


class Counts:
    """The sets and the counts of locked resources. No member is missing in the sets; there may be too many."""

    def __init__(self, model: RedisModel, keys: FollowKeys) -> None:
        self._model = model
        self._keys = keys

    def compare(self, uids: Uids, using: str, *, repair: bool) -> list[Difference]:
        """Where the numbers of resources, in the order of their keys, are not those of the log; with `repair`, they are
        afterwards.

        3 queries, 2 round trips for each graph, and 1 with `repair`, which takes up to 4 round trips and 2 queries more
        for each set of a wrong resource, and for every 1,000 members of it.
        """
        writer = LockedWriter(self._model.draw([], using)[0], last_id(using)) if repair else None
        numbers = graph_numbers(using)
        wrong = self._measure(uids, numbers, using)
        if writer:
            for graph, key in {(graph, key) for graph, key, *_ in wrong}:
                self._clean(InKeys(graph, self._keys.in_graph(numbers[graph])), key, uids[key], writer, using)
        return [
            Difference(f"{_counts_in(graph)} of {key}" + (f" with kind {kind}" if kind else ""), expected, found)
            for graph, key, kind, expected, found in wrong
        ]

    def _measure(self, uids: Uids, numbers: Mapping[Graph, int], using: str) -> list[WrongNumbers]:
        resources = list(uids)
        followers = recorded.numbers(resources, "target_", using)
        followings = recorded.numbers(resources, "actor_", using)
        wrong: list[WrongNumbers] = []
        for graph, number in numbers.items():
            to_it, from_it = followers.get(graph, {}), followings.get(graph, {})
            wanted = {key: _by_kind(to_it.get(key, {}), from_it.get(key, {})) for key in resources}
            found = self._measure_graph(uids, wanted, self._keys.in_graph(number))
            wrong += [(graph, *one) for one in found]
        return wrong

    def _measure_graph(
        self, uids: Uids, wanted: WantedNumbers, graph_keys: FollowKeys
    ) -> list[tuple[ResourceKey, str | None, Numbers, Measured]]:
        wrong = []
        stored = list(chunks(uids, RESOURCES_PER_MEASURE))
        self._want_nothing_of_other_kinds(stored, wanted, uids, graph_keys)
        measures = (
            MEASURE_SETS(
                [name for key in keys for name in graph_keys.sets_and_counts(uids[key], wanted[key])],
                *(number for key in keys for pair in wanted[key].values() for number in pair),
            )
            for keys in stored
        )
        for keys, answer in zip(stored, self._model.connection.run(measures), strict=True):
            asked = [(key, kind) for key in keys for kind in wanted[key]]
            for position, *found, friends in answer:
                key, kind = asked[position]
                measured = Measured(Numbers(*found[:3]), Numbers(*found[3:]))
                wrong.append((key, kind, Numbers(*wanted[key][kind], friends), measured))
        return wrong

    def _want_nothing_of_other_kinds(
        self, stored: list[list[ResourceKey]], wanted: WantedNumbers, uids: Uids, graph_keys: FollowKeys
    ) -> None:
        """Where anything is stored of kinds that a resource should have nothing of, measure these kinds as well."""
        registered = registered_kinds()
        commands = [
            (
                "EXISTS",
                self._keys.resource(""),
                *(
                    name
                    for key in keys
                    for name in graph_keys.sets_and_counts(uids[key], registered - wanted[key].keys())
                ),
            )
            for keys in stored
        ]
        for keys, number in zip(stored, self._model.connection.run(commands), strict=True):
            if number:
                for key in keys:
                    wanted[key] |= dict.fromkeys(registered - wanted[key].keys(), (0, 0))

    def _clean(self, graph: InKeys, key: ResourceKey, uid: int, writer: LockedWriter, using: str) -> None:
        """Leave in the sets of a resource in a graph only the members that the log justifies, and count them."""
        for kind in (None, *registered_kinds()):
            for what in (FOLLOWERS, FOLLOWINGS, FRIENDS):
                set_, count = graph.keys.set_and_count(uid, what, kind)
                for members in self._members(set_):
                    orphans = self._orphans(graph.graph, key, (what, kind), members, using)
                    places = [self._keys.resource(uid), set_, count, self._model.note]
                    self._model.connection.run([CLEAN_SET(places, *writer, *orphans)])

    def _members(self, set_: str) -> Iterator[list[str]]:
        """All members, in pages; at least one page, which may be empty."""
        cursor = "0"
        while True:
            scan = ("ZSCAN", set_, cursor, "COUNT", MEMBERS_PER_SCAN)
            ((next_, found),) = self._model.connection.run([scan])
            yield [text(member) for member, _ in found]
            cursor = text(next_)
            if cursor == "0":
                return

    def _orphans(
        self, graph: Graph, key: ResourceKey, side: tuple[str, str | None], members: list[str], using: str
    ) -> list[str]:
        """The members of a set, of all kinds or of one, that no live relation of the right kind justifies."""
        what, kind = side
        if not members:
            return []
        names = dict(zip(members, named_by(members, self._model.connection, self._keys), strict=True))
        others = [name for name in names.values() if name and kind in {None, name.identifier}]
        known = uids_of(others, using)
        there = [(member, name) for member, name in names.items() if name and str(known.get(name)) == member]
        streams = [RelationKey(*pair, graph).stream for _, name in there for pair in ((name, key), (key, name))]
        live = {stream for stream, event in latest_of(streams, using).items() if event.type in BEGUN}
        paused = suspended_among([key, *others], using) if graph.type.pauses else set()
        right = {
            member
            for member, name in there
            if paused.isdisjoint((key, name))
            and (what == FOLLOWINGS or RelationKey(name, key, graph).stream in live)
            and (what == FOLLOWERS or RelationKey(key, name, graph).stream in live)
        }
        return [member for member in members if member not in right]


def _counts_in(graph: Graph) -> str:
    return "counts" if graph == FOLLOWS else f"{graph} counts"


def registered_kinds() -> set[str | None]:
    """The identifiers of all registered models."""
    return {options.get_identifier() for options in registry}


def _by_kind(followers: Mapping[str, int], followings: Mapping[str, int]) -> dict[str | None, tuple[int, int]]:
    """How many of all kinds, and of each kind, follow and are followed."""
    kinds = sorted({*followers, *followings})
    total = (sum(followers.values()), sum(followings.values()))
    return {None: total, **{kind: (followers.get(kind, 0), followings.get(kind, 0)) for kind in kinds}}
