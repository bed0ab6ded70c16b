"""A follow has two sides: whom one follows, and by whom the other is followed. Each is written by itself."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sequere.backends.redis import uids
from sequere.backends.redis.keys import FOLLOWERS, FOLLOWINGS, Keys
from sequere.backends.redis.scripts import WRITE
from sequere.backends.redis.uids import Uids
from sequere.base import ResourceKey
from sequere.redis.connection import Script
from sequere.redis.model import RedisModel

#: Follows that one call of a script is given: what it does holds up everybody else.
FOLLOWS_PER_CALL = 1000

#: From, to, and the score that the follow has by now, or "" if it is over.
Wanted = tuple[ResourceKey, ResourceKey, int | str]


#: One end of follows: the resource, FOLLOWERS or FOLLOWINGS, and the kind of the resources at the other end.
Side = tuple[ResourceKey, str, str]


def sides_of(follows: Iterable[Wanted], known: Uids) -> dict[Side, list[Any]]:
    """The follows by their sides: for each the uid of the other resource and the score, in turn."""
    sides: dict[Side, list[Any]] = defaultdict(list)
    for from_key, to_key, score in follows:
        sides[from_key, FOLLOWINGS, to_key[0]] += (known[to_key], score)
        sides[to_key, FOLLOWERS, from_key[0]] += (known[from_key], score)
    return sides


def calls(
    script: Script, sides: dict[Side, list[Any]], known: Uids, keys: Keys, *first: Any
) -> Iterator[tuple[Side, Sequence[Any]]]:
    """The commands that run a script for each side, with arguments that come first."""
    for side, follows in sides.items():
        resource, what, identifier = side
        names = keys.side(resource, known[resource], what, identifier)
        for start in range(0, len(follows), 2 * FOLLOWS_PER_CALL):
            yield side, script(names, *first, *resource, *follows[start : start + 2 * FOLLOWS_PER_CALL])


def write(follows: Iterable[Wanted], known: Uids, token: int, model: RedisModel, keys: Keys) -> Uids:
    """Store follows on both of their sides; returns the uids of resources that had none before."""
    follows = list(follows)
    # Also of what is over before it was stored: there must be a place for the number that refuses a late writer.
    missing = sorted({key for *pair, _ in follows for key in pair}.difference(known))
    new = uids.hand_out(missing, model.connection, keys) if missing else {}
    if new:
        known = {**known, **new}
    model.connection.run(command for _, command in calls(WRITE, sides_of(follows, known), known, keys, token))
    return new
