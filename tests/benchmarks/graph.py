"""Who follows whom: made up, with a few whom many follow, and the same in every run."""

from collections.abc import Iterator
from random import Random

from sequere.base import ResourceKey

Pair = tuple[ResourceKey, ResourceKey]


def people(first: int, number: int) -> list[ResourceKey]:
    """Keys of users that need no row of their own."""
    return [ResourceKey("user", str(n)) for n in range(first, first + number)]


def pairs(among: list[ResourceKey], number: int, seed: int) -> Iterator[Pair]:
    """Different pairs in constant memory: everybody in turn follows others, no one twice."""
    random = Random(seed)
    each, rest = divmod(number, len(among))
    for position, follower in enumerate(among):
        chosen: set[int] = set()
        while len(chosen) < each + (position < rest):
            # The third power: a tenth of the people has almost half of the followers.
            other = int(len(among) * random.random() ** 3)
            if other != position and other not in chosen:
                chosen.add(other)
                yield follower, among[other]
