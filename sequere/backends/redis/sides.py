"""A follow has two sides: the followings of one resource, and the followers of the other. Each is written by itself."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sequere.backends.redis.keys import FOLLOWERS, FOLLOWINGS, FollowKeys
from sequere.backends.redis.scripts import WRITE_SIDE
from sequere.backends.redis.uids import Uids, assign_uids
from sequere.base import ResourceKey
from sequere.redis.read_model import RedisModel
from sequere.redis.scripts import Script

#: Follows in one call of a script, which blocks the server.
FOLLOWS_PER_CALL = 1000

#: From, to, and the score that a follow should have, "" if it is over.
WantedFollow = tuple[ResourceKey, ResourceKey, int | str]

#: One end of follows: the resource, FOLLOWERS or FOLLOWINGS, and the kind of the resources at the other end.
Side = tuple[ResourceKey, str, str]


def sides_of(follows: Iterable[WantedFollow], known: Uids) -> dict[Side, list[Any]]:
    """The follows by their sides: for each the uid of the other resource and the score, in turn."""
    sides: dict[Side, list[Any]] = defaultdict(list)
    for from_key, to_key, score in follows:
        sides[from_key, FOLLOWINGS, to_key[0]] += (known[to_key], score)
        sides[to_key, FOLLOWERS, from_key[0]] += (known[from_key], score)
    return sides


def side_calls(
    script: Script, sides: dict[Side, list[Any]], known: Uids, keys: FollowKeys, *first: Any
) -> Iterator[tuple[Side, Sequence[Any]]]:
    """The commands that run a script for each side, with arguments that come first."""
    for side, follows in sides.items():
        resource, what, identifier = side
        names = keys.side(resource, known[resource], what, identifier)
        for start in range(0, len(follows), 2 * FOLLOWS_PER_CALL):
            yield side, script(names, *first, *resource, *follows[start : start + 2 * FOLLOWS_PER_CALL])


def write_sides(follows: Iterable[WantedFollow], known: Uids, token: int, model: RedisModel, keys: FollowKeys) -> Uids:
    """Store follows on both of their sides; returns the uids of resources that had none before.

    1 round trip, 3 if there are new resources.
    """
    follows = list(follows)
    # Even for a follow that is over before it was stored: the token that refuses a late writer needs a place.
    missing = sorted({key for *pair, _ in follows for key in pair}.difference(known))
    new = assign_uids(missing, model.connection, keys) if missing else {}
    if new:
        known = {**known, **new}
    sides = sides_of(follows, known)
    model.connection.run(command for _, command in side_calls(WRITE_SIDE, sides, known, keys, token))
    return new
