"""The names of the keys: the layout of docs/redis-keys.md."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sequere.base import ResourceKey

FOLLOWERS = "followers"
FOLLOWINGS = "followings"
FRIENDS = "friends"

#: The set in which the other end of a follow is a friend, if it is there as well.
OPPOSITE = {FOLLOWERS: FOLLOWINGS, FOLLOWINGS: FOLLOWERS}


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys with one prefix. No two things share one: identifiers are Python identifiers, and uids are numbers."""

    prefix: str

    @property
    def last_uid(self) -> str:
        return f"{self.prefix}global:uid"

    @property
    def uids(self) -> str:
        """What all keys below begin with, for scripts that find the uid themselves."""
        return f"{self.prefix}uid:"

    def name(self, key: ResourceKey) -> str:
        """Where the uid of a resource is. An object id may have ":" in it, since it is the last part."""
        return f"{self.prefix}uid:{key[0]}:{key[1]}"

    def resource(self, uid: str) -> str:
        """The hash that says which resource has a uid, and who has written last around it."""
        return f"{self.prefix}uid::{uid}"

    def set_and_count(self, uid: str, what: str, identifier: str | None) -> tuple[str, str]:
        suffix = suffix_of(what, identifier)
        return f"{self.prefix}uid:{uid}{suffix}", f"{self.prefix}uid:{uid}{suffix}:count"

    def side(self, resource: ResourceKey, uid: str, what: str, identifier: str) -> Sequence[str]:
        """All that a follow changes at one of its ends, with resources of one kind, and where its uid is: the KEYS of
        the scripts."""
        stem = f"{self.prefix}uid:{uid}:"
        all_, friends = f"{stem}{what}", f"{stem}{FRIENDS}"
        kind = kind_of(identifier)
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

    def sets_and_counts(self, uid: str, identifiers: Iterable[str | None]) -> list[str]:
        """Followers, followings and friends, each with its count, for each kind."""
        return [
            key
            for identifier in identifiers
            for what in (FOLLOWERS, FOLLOWINGS, FRIENDS)
            for key in self.set_and_count(uid, what, identifier)
        ]


def suffix_of(what: str, identifier: str | None) -> str:
    """The end of the key of a set, behind the uid."""
    return f":{what}" if identifier is None else f":{what}:{kind_of(identifier)}"


def kind_of(identifier: str) -> str:
    """Resources of the kind "count" have a colon more: `followers:count` is a number."""
    return "count:" if identifier == "count" else identifier
