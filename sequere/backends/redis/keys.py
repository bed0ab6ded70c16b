"""The names of the keys: the layout of docs/redis-keys.md."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sequere.base import ResourceKey
from sequere.redis.connection import Connection
from sequere.redis.layout import GLOBAL, Layout

FOLLOWERS = "followers"
FOLLOWINGS = "followings"
FRIENDS = "friends"

#: The endings of all keys but those about the model as a whole.
ALL_KEYS = ("uid:*", "g[0-9]*:uid:*")

#: Behind the name of a set: the kind of its members. The kind "count" has a colon.
_KIND = r"(:(?!count$)[^:]+|:count:)?"
_SET = rf"(?:g([1-9]\d*):)?uid:(\d+):(?:{FOLLOWERS}|{FOLLOWINGS}|{FRIENDS}){_KIND}"

_SET_OR_COUNT = re.compile(rf"{_SET}(?::count)?")

FOLLOW_LAYOUT = Layout(
    {
        **GLOBAL,
        "global:uid": "number",
        r"uid::\d+": "hash direct identifier object_id seen token",
        rf"{_SET}:count": "number",
        _SET: "zset",
        r"uid:[^\d:][^:]*:.*": "number",
    }
)

#: The set in which the other end of a follow is a friend, if it is there as well.
OPPOSITE = {FOLLOWERS: FOLLOWINGS, FOLLOWINGS: FOLLOWERS}


class SetPlace(NamedTuple):
    """Whose set something is: the number of its graph, the uid of its owner, and the kind of its members, None for
    all."""

    graph: int
    uid: int
    kind: str | None


@dataclass(frozen=True, slots=True)
class FollowKeys:
    """Keys with one prefix, of one graph. No two things share one: identifiers are Python identifiers, and uids are
    numbers."""

    prefix: str
    #: What stands before the keys of sets and counts; empty for the follows without a scope.
    graph: str = ""

    def in_graph(self, graph: int) -> "FollowKeys":
        """The keys of a graph, as `graphs.py` numbers it. Names are the same in all."""
        return FollowKeys(self.prefix, f"g{graph}:" if graph else "")

    @classmethod
    def of(cls, connection: Connection) -> "FollowKeys":
        return cls(connection.prefix)

    @property
    def last_uid(self) -> str:
        """The highest uid that the server knows."""
        return f"{self.prefix}global:uid"

    @property
    def uids(self) -> str:
        """The beginning of the keys of names, for scripts that look up the uid themselves."""
        return f"{self.prefix}uid:"

    @property
    def sets(self) -> str:
        """The beginning of the keys of sets and counts."""
        return f"{self.prefix}{self.graph}uid:"

    def name(self, key: ResourceKey) -> str:
        """The uid of a resource. The object id comes last, so it may contain ":"."""
        return f"{self.prefix}uid:{key[0]}:{key[1]}"

    def resource(self, uid: int | str) -> str:
        """The hash of a uid: its resource, and the token of the last writer around it."""
        return f"{self.prefix}uid::{uid}"

    def is_resource(self, key: str) -> bool:
        """Whether a key is that of a hash."""
        return key.startswith(f"{self.prefix}uid::")

    def named(self, key: str) -> ResourceKey:
        """The resource that has the name under a key."""
        identifier, _, object_id = key.removeprefix(self.uids).partition(":")
        return ResourceKey(identifier, object_id)

    def place_of(self, key: str) -> SetPlace | None:
        """What the set, or the count, under a key is about. None for the key of something else."""
        found = _SET_OR_COUNT.fullmatch(key.removeprefix(self.prefix))
        return SetPlace(int(found[1] or 0), int(found[2]), found[3] and found[3].strip(":")) if found else None

    def set_and_count(self, uid: int | str, what: str, identifier: str | None) -> tuple[str, str]:
        suffix = suffix_of(what, identifier)
        return f"{self.sets}{uid}{suffix}", f"{self.sets}{uid}{suffix}:count"

    def side(self, resource: ResourceKey, uid: int, what: str, identifier: str) -> Sequence[str]:
        """Everything that follows with resources of one kind change at one of their ends, and the name there.

        They are the KEYS of a script.
        """
        stem = f"{self.sets}{uid}:"
        all_, friends = f"{stem}{what}", f"{stem}{FRIENDS}"
        kind = kind_in_key(identifier)
        return (
            f"{self.prefix}uid::{uid}",
            all_,
            f"{all_}:{kind}",
            f"{all_}:count",
            f"{all_}:{kind}:count",
            f"{stem}{OPPOSITE[what]}",
            friends,
            f"{friends}:{kind}",
            f"{friends}:count",
            f"{friends}:{kind}:count",
            self.name(resource),
        )

    def sets_and_counts(self, uid: int | str, identifiers: Iterable[str | None]) -> list[str]:
        """Followers, followings and friends, each with its count, for each kind."""
        return [
            key
            for identifier in identifiers
            for what in (FOLLOWERS, FOLLOWINGS, FRIENDS)
            for key in self.set_and_count(uid, what, identifier)
        ]


def suffix_of(what: str, identifier: str | None) -> str:
    """The end of the key of a set, after the uid."""
    return f":{what}" if identifier is None else f":{what}:{kind_in_key(identifier)}"


def kind_in_key(identifier: str) -> str:
    """A kind as keys name it. The kind "count" gets a colon, since `followers:count` is a number."""
    return "count:" if identifier == "count" else identifier
