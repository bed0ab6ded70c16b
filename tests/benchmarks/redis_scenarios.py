"""The measurements with follows and timelines in Redis, each beside the same work by hand."""

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from sequere.backends.base import get_backend as follows
from sequere.base import ResourceKey
from sequere.contrib.timeline import Timeline
from sequere.models import follow, follow_many, get_followers, get_followers_count, is_following
from sequere.registry import registry
from sequere.replay.verifying import verify
from sequere_timeline.backends.base import get_backend as timelines
from sequere_timeline.backends.redis.members import Member
from tests.benchmarks.graph import Pair, pairs, people, real_pairs
from tests.benchmarks.measuring import Line, compare
from tests.benchmarks.rebuilding import rebuild_with
from tests.benchmarks.redis_raw import RawRedis
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction, LikeAction

#: Entries in the timelines that a fan-out reaches: beyond 128, a sorted set is a skip list.
ENTRIES = 200


class RedisScenarios:
    """One run. Each scenario has its own people, the same number on both sides."""

    def __init__(self, raw: RawRedis, client: "redis.Redis", *, quick: bool) -> None:
        self._raw = raw
        self._client = client
        self._rounds = 5 if quick else 11
        self._scale = 10 if quick else 1
        self._next = 10**9  # far from the keys of users with a row

    def replays(self) -> Iterator[Line]:
        """First, in an empty database: the whole log of a real graph is replayed."""
        graph = real_pairs(self._scale)
        before = self._memory()
        yield compare("follow_many, the real graph", lambda _: follow_many(graph), rounds=1, things=len(graph))
        self.bytes_per_follow = (self._memory() - before) / len(graph)
        self.packages = list(dict.fromkeys(end for pair in graph for end in pair))

        for workers in (1, 2):
            taken = []
            for _round in range(3):
                follows().reset("default")
                taken.append(compare("", lambda _, workers=workers: rebuild_with(workers), rounds=1).ours)
            yield Line(f"rebuild, follows, from nothing, {workers} at work", sorted(taken)[1], things=len(graph))
        yield compare("rebuild, follows, of what is right", lambda _: rebuild_with(1), rounds=1, things=len(graph))
        yield compare("verify, follows", lambda _: verify("follows"), rounds=1, things=len(graph))

    def fan_outs(self) -> Iterator[Line]:
        for number in (1000, 10_000, 20_000):
            thoas, other = (User.objects.create(username=f"{who}{number}") for who in ("thoas", "other"))
            followers = self._people(number)
            follow_many((newbie, thoas) for newbie in followers)
            self._fill(followers)
            self._raw.celebrity(registry.key_of(other), self._people(number), ENTRIES)
            yield compare(
                f"an action, {number:,} followers",
                lambda _, thoas=thoas: Timeline(thoas).save(JoinAction(actor=thoas)),
                lambda _, other=other: self._raw.publish(registry.key_of(other)),
                rounds=max(self._rounds, 100_000 // number),  # a short one until its statements are prepared
                things=number,
            )

    def reads(self) -> Iterator[Line]:
        thoas, *newbies = User.objects.bulk_create(User(username=f"reader{n}") for n in range(26))
        projects = Project.objects.bulk_create(Project(name=f"project {n}") for n in range(25))
        follow_many([*((thoas, newbie) for newbie in newbies), *((newbie, thoas) for newbie in newbies)])
        for newbie, project in zip(newbies, projects, strict=True):
            Timeline(newbie).save(LikeAction(actor=newbie, target=project))
        key = registry.key_of(thoas)
        actions = [(n, user.pk, project.pk) for n, (user, project) in enumerate(zip(newbies, projects, strict=True), 1)]
        self._raw.put_timeline(key, actions)
        calls = 200 // self._scale
        yield compare(
            "a page of 25 timeline entries",
            lambda _: list(Timeline(thoas).get_private()[:25]),
            lambda _: self._raw.timeline(key),
            rounds=self._rounds,
            calls=calls,
        )
        for name, ours in (
            ("a page of 25 followers", lambda _: list(get_followers(thoas)[:25])),
            ("a count of a timeline", lambda _: Timeline(thoas).get_private_count()),
            ("a count of followers", lambda _: get_followers_count(thoas)),
            ("is_following", lambda _: is_following(newbies[0], thoas)),
        ):
            yield compare(name, ours, rounds=self._rounds, calls=calls)
        pairs = [(ResourceKey("user", str(n)), key) for n in range(10**12, 10**12 + 100)]
        yield compare("follow, one by one", lambda n: follow(*pairs[n]), rounds=1, calls=100)

    def memory(self) -> Iterator[str]:
        yield f"Memory for a follow, both sides: {self.bytes_per_follow:.0f} bytes in the real graph."
        more = self._bytes_per_follow(list(pairs(self.packages, len(self.packages), seed=1)))
        yield f"Memory for a follow, both sides: {more:.0f} bytes for one more of each in the real graph."
        for number in (6, 20):
            among = self._people(5000 // self._scale)
            used = self._bytes_per_follow(list(pairs(among, number * len(among), seed=number)))
            yield f"Memory for a follow, both sides: {used:.0f} bytes where everybody has {number}."
        for limit in (128, 1024):
            with self._listpack(limit):
                owners = self._people(200)
                self._fill(owners, entries=0)
                before = self._memory()
                self._fill(owners, entries=800)
                used = (self._memory() - before) / (800 * len(owners))
                yield f"Memory for an entry of 800, zset-max-listpack-entries {limit}: {used:.0f} bytes."

    def _bytes_per_follow(self, of: list[Pair]) -> float:
        before = self._memory()
        follow_many(of)
        return (self._memory() - before) / len(of)

    def _fill(self, owners: list[ResourceKey], entries: int = ENTRIES) -> None:
        """Give the owners timelines of this many entries, like those of a fan-out."""
        private = timelines()._places.keys.private
        members = {str(Member(n, 4, "1.2.abc.def")): 1_718_000_000_000_000 + n for n in range(10**8, 10**8 + entries)}
        for start in range(0, len(owners), 1000):
            pipeline = self._client.pipeline(transaction=False)
            for owner in owners[start : start + 1000]:
                pipeline.zadd(private(owner), {"": "-inf", **members})
            pipeline.execute()

    @contextmanager
    def _listpack(self, limit: int) -> Iterator[None]:
        name = "zset-max-listpack-entries"
        before = self._client.config_get(name)[name]
        self._client.config_set(name, limit)
        try:
            yield
        finally:
            self._client.config_set(name, before)

    def _memory(self) -> int:
        return int(self._client.info("memory")["used_memory"])

    def _people(self, number: int) -> list[ResourceKey]:
        self._next += number
        return people(self._next - number, number)
