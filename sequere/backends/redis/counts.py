"""What is stored of each resource, counted and compared with how many live relations the log knows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sequere.backends.redis import uids
from sequere.backends.redis.keys import FOLLOWERS, FOLLOWINGS, FRIENDS, Keys
from sequere.backends.redis.scripts import CLEAN, MEASURE
from sequere.base import ResourceKey
from sequere.exceptions import ReadModelLost
from sequere.log.reading import latest_of
from sequere.log.streams import relation
from sequere.log.types import FOLLOWED
from sequere.projections.reconciler import Difference
from sequere.redis.connection import text
from sequere.redis.model import RedisModel
from sequere.registry import registry
from sequere.relations import recorded
from sequere.sql.chunks import chunks

#: How many of each kind (None: of all) should follow a resource, and be followed by it.
Wanted = dict[ResourceKey, dict[str | None, tuple[int, int]]]

#: Resources that one call of the script measures.
RESOURCES_PER_CALL = 50
#: Members of a set that are looked at together.
MEMBERS_AT_ONCE = 1000


class Numbers(NamedTuple):
    followers: int = 0
    followings: int = 0
    friends: int = 0


class Numbered(NamedTuple):
    """What a resource has of one kind: so many in the sets, and so many says the counts."""

    stored: Numbers
    counted: Numbers

    def __str__(self) -> str:
        return f"{self.stored}, counted as {self.counted}" if self.stored != self.counted else str(self.stored)


#: A resource, a kind, what there should be of it, and what there is.
Wrong = tuple[ResourceKey, str | None, Numbers, Numbered]


class Counts:
    """The sets and the counts of resources which are locked. What was missing is in them; the rest is too much."""

    def __init__(self, model: RedisModel, keys: Keys) -> None:
        self._model = model
        self._keys = keys

    def compare(self, resources: Sequence[ResourceKey], using: str, *, repair: bool) -> list[Difference]:
        look_up = uids.look_up(resources, self._keys)
        token, (answer,) = self._model.draw([look_up]) if repair else (0, self._model.connection.run([look_up]))
        known = uids.found(resources, answer)
        wrong = self._measure(list(resources), known, using)
        if repair:
            for key in {key for key, _, _, _ in wrong}:
                if key not in known:  # who has just been given a uid
                    raise ReadModelLost(server=self._model.connection.server, projection="follows")
                self._clean(key, known[key], token, using)
        return [
            Difference(f"counts of {key}" + (f" with kind {kind}" if kind else ""), expected, found)
            for key, kind, expected, found in wrong
        ]

    def _measure(self, resources: list[ResourceKey], known: uids.Uids, using: str) -> list[Wrong]:
        followers = recorded.numbers(resources, "target_", using)
        followings = recorded.numbers(resources, "actor_", using)
        wanted = {key: _by_kind(followers.get(key, {}), followings.get(key, {})) for key in resources}
        wrong: list[Wrong] = [
            (key, kind, Numbers(*pair), Numbered(Numbers(), Numbers()))
            for key, kinds in wanted.items()
            if key not in known
            for kind, pair in kinds.items()
            if any(pair)
        ]
        stored = list(chunks((key for key in resources if key in known), RESOURCES_PER_CALL))
        self._want_nothing_of_other_kinds(stored, wanted, known)
        measures = (
            MEASURE(
                [name for key in keys for name in self._keys.sets_and_counts(known[key], wanted[key])],
                *(number for key in keys for pair in wanted[key].values() for number in pair),
            )
            for keys in stored
        )
        for keys, answer in zip(stored, self._model.connection.run(measures), strict=True):
            asked = [(key, kind) for key in keys for kind in wanted[key]]
            for position, *found, friends in answer:
                key, kind = asked[position]
                numbers = Numbered(Numbers(*found[:3]), Numbers(*found[3:]))
                wrong.append((key, kind, Numbers(*wanted[key][kind], friends), numbers))
        return wrong

    def _want_nothing_of_other_kinds(self, stored: list[list[ResourceKey]], wanted: Wanted, known: uids.Uids) -> None:
        """Where there is something of a kind of which there should be nothing, let it be measured."""
        registered = kinds()
        commands = [
            (
                "EXISTS",
                self._keys.resource(""),
                *(
                    name
                    for key in keys
                    for name in self._keys.sets_and_counts(known[key], registered - wanted[key].keys())
                ),
            )
            for keys in stored
        ]
        for keys, number in zip(stored, self._model.connection.run(commands), strict=True):
            if number:
                for key in keys:
                    wanted[key] |= dict.fromkeys(registered - wanted[key].keys(), (0, 0))

    def _clean(self, key: ResourceKey, uid: str, token: int, using: str) -> None:
        """Leave in the sets of a resource only what the log justifies, and count it."""
        for kind in (None, *kinds()):
            for what in (FOLLOWERS, FOLLOWINGS, FRIENDS):
                set_, count = self._keys.set_and_count(uid, what, kind)
                for members in self._members(set_):
                    strays = self._strays(key, what, kind, members, using)
                    self._model.connection.run([CLEAN([self._keys.resource(uid), set_, count], token, *strays)])

    def _members(self, set_: str) -> Iterator[list[str]]:
        """All members, in pages; at least one, which may be empty."""
        cursor = "0"
        while True:
            scan = ("ZSCAN", set_, cursor, "COUNT", MEMBERS_AT_ONCE)
            ((next_, found),) = self._model.connection.run([scan])
            yield [text(member) for member, _ in found]
            cursor = text(next_)
            if cursor == "0":
                return

    def _strays(self, key: ResourceKey, what: str, kind: str | None, members: list[str], using: str) -> list[str]:
        """The members that are not what a live relation of the right kind has put there."""
        if not members:
            return []
        names = dict(zip(members, uids.names(members, self._model.connection, self._keys), strict=True))
        others = [name for name in names.values() if name and kind in {None, name.identifier}]
        known = self._uids_of(others)
        there = [(member, name) for member, name in names.items() if name and known.get(name) == member]
        streams = [relation(*pair) for _, name in there for pair in ((name, key), (key, name))]
        live = {stream for stream, event in latest_of(streams, using).items() if event.type == FOLLOWED}
        right = {
            member
            for member, name in there
            if (what == FOLLOWINGS or relation(name, key) in live)
            and (what == FOLLOWERS or relation(key, name) in live)
        }
        return [member for member in members if member not in right]

    def _uids_of(self, names: list[ResourceKey]) -> uids.Uids:
        if not names:
            return {}
        (answer,) = self._model.connection.run([uids.look_up(names, self._keys)])
        return uids.found(names, answer)


def kinds() -> set[str | None]:
    return {options.get_identifier() for options in registry}


def _by_kind(followers: Mapping[str, int], followings: Mapping[str, int]) -> dict[str | None, tuple[int, int]]:
    """How many of all kinds, and of each kind, follow and are followed."""
    kinds = sorted({*followers, *followings})
    total = (sum(followers.values()), sum(followings.values()))
    return {None: total, **{kind: (followers.get(kind, 0), followings.get(kind, 0)) for kind in kinds}}
