"""The measurements, each beside the same work by hand."""

import resource
import sys
from collections.abc import Callable, Iterator
from statistics import median

from sequere.backends.database.models import LiveRelation, RelationCount
from sequere.base import ResourceKey
from sequere.contrib.timeline import Timeline
from sequere.models import follow, follow_many, get_followers, get_followers_count, is_following
from sequere.registry import registry
from sequere.replay.verifying import verify
from tests.benchmarks.crowd import crowds
from tests.benchmarks.graph import pairs, people, real_pairs
from tests.benchmarks.measuring import Line, compare
from tests.benchmarks.raw import Raw
from tests.benchmarks.rebuilding import rebuild_with
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction


class Scenarios:
    """One run. Each scenario has its own people, the same number on both sides."""

    def __init__(self, raw: Raw, *, quick: bool) -> None:
        self._raw = raw
        self._rounds = 3 if quick else 5
        self._scale = 10 if quick else 1
        self._next = 10**9  # far from the keys of users with a row

    def replays(self) -> Iterator[Line]:
        """First, in an empty database: the whole log is replayed."""
        real = real_pairs(self._scale)
        follow_many(real)
        self._raw.analyze()
        yield compare("verify, follows", lambda _: verify("follows"), rounds=3, things=len(real))

        def emptied(rebuild_again: Callable[[], object]) -> float:
            self._raw.empty(LiveRelation._meta.db_table, RelationCount._meta.db_table)
            return compare("", lambda _: rebuild_again(), rounds=1).ours

        for workers in (1, 2):
            taken = [
                (emptied(lambda workers=workers: rebuild_with(workers)), emptied(self._raw.rebuild)) for _ in range(3)
            ]
            ours, raw = map(median, zip(*taken, strict=True))
            yield Line(f"rebuild, follows, from nothing, {workers} at work", ours, raw, things=len(real))
        self._raw.append_actions(3 * len(real))
        self._raw.analyze()
        ours = median(emptied(lambda: rebuild_with(1)) for _ in range(3))
        yield Line("the same, 1 at work, among three times as many actions", ours, things=len(real))

    def memory(self) -> str:
        number = 200_000 // self._scale
        before = peak()
        follow_many(pairs(self._people(number // 10), number, seed=1))
        return f"Peak memory: {before:,.0f} MB before follow_many of {number:,} pairs, {peak():,.0f} MB after."

    def follows(self) -> Iterator[Line]:
        calls = 200 // self._scale
        ours, raws = (list(pairs(self._people(500), self._rounds * calls, seed=2)) for _ in range(2))
        yield compare(
            "follow, one by one",
            lambda n: follow(*ours[n]),
            lambda n: self._raw.follow(*raws[n]),
            rounds=self._rounds,
            calls=calls,
        )
        yield from crowds(self._next, 4000 // self._scale)
        number = 50_000 // self._scale
        yield compare(
            f"follow_many, {number:,} pairs",
            lambda n: follow_many(pairs(self._people(number // 5), number, seed=n)),
            lambda n: self._raw.follow_many(pairs(self._people(number // 5), number, seed=n)),
            rounds=3,
            things=number,
        )

    def fan_outs(self) -> Iterator[Line]:
        for followers in (1000, 10_000):
            thoas, other = (self._celebrity(followers) for _ in range(2))
            yield compare(
                f"an action, {followers:,} followers",
                lambda _, thoas=thoas: Timeline(thoas).save(JoinAction(actor=thoas)),
                lambda _, other=other: self._raw.publish(registry.key_of(other)),
                rounds=self._rounds,
            )

    def reads(self) -> Iterator[Line]:
        thoas, *newbies = User.objects.bulk_create(User(username=f"reader{n}") for n in range(201))
        follow_many((newbie, thoas) for newbie in newbies)
        follow_many((thoas, newbie) for newbie in newbies[:25])
        for newbie in newbies[:25] * 2:
            Timeline(newbie).save(JoinAction(actor=newbie))
        self._raw.analyze()
        key, other = registry.key_of(thoas), registry.key_of(newbies[0])
        calls = 200 // self._scale
        for name, ours, raw in (
            ("a page of 25 followers", lambda _: list(get_followers(thoas)[:25]), lambda _: self._raw.followers(key)),
            (
                "a page of 25 timeline entries",
                lambda _: list(Timeline(thoas).get_private()[:25]),
                lambda _: self._raw.timeline(key),
            ),
            ("a count", lambda _: get_followers_count(thoas), lambda _: self._raw.count(key)),
            ("is_following", lambda _: is_following(newbies[0], thoas), lambda _: self._raw.is_following(other, key)),
        ):
            yield compare(name, ours, raw, rounds=self._rounds, calls=calls)

    def _people(self, number: int) -> list[ResourceKey]:
        self._next += number
        return people(self._next - number, number)

    def _celebrity(self, followers: int) -> User:
        thoas = User.objects.create(username=f"celebrity{self._next}")
        follow_many((newbie, thoas) for newbie in self._people(followers))
        return thoas


def peak() -> float:
    """The peak memory of this process, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
