"""Follows: made up, with a few celebrities, and the same in every run; or those of a real graph."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from random import Random

from sequere.base import ResourceKey

GRAPH = Path(__file__).parents[2] / "example_project" / "data" / "debian-depends.tsv.gz"

Pair = tuple[ResourceKey, ResourceKey]


def real_pairs(scale: int) -> list[Pair]:
    """The dependencies between packages: 272,880 pairs, or one in `scale` of them."""
    numbers: dict[str, ResourceKey] = {}

    def key(name: str) -> ResourceKey:
        return numbers.setdefault(name, ResourceKey("project", str(10**6 + len(numbers))))

    with gzip.open(GRAPH, "rt") as lines:
        pairs = [line.split() for line in lines if not line.startswith("#")][::scale]
    return [(key(follower), key(followed)) for follower, followed in pairs]


def people(first: int, number: int) -> list[ResourceKey]:
    """Keys of users without rows."""
    return [ResourceKey("user", str(n)) for n in range(first, first + number)]


def pairs(among: list[ResourceKey], number: int, seed: int) -> Iterator[Pair]:
    """Different pairs in constant memory: everybody in turn follows others, nobody twice."""
    random = Random(seed)
    each, rest = divmod(number, len(among))
    for position, follower in enumerate(among):
        chosen: set[int] = set()
        while len(chosen) < each + (position < rest):
            # The third power: a tenth of the people have almost half of the followers.
            other = int(len(among) * random.random() ** 3)
            if other != position and other not in chosen:
                chosen.add(other)
                yield follower, among[other]
