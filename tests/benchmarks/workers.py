"""The throughput of Celery workers, and how long others wait while a celebrity's action reaches a million."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from math import inf
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any

import psycopg
import redis

from sequere import workers
from sequere.backends.base import get_backend as follows
from sequere.base import ResourceKey
from sequere.contrib.timeline import Timeline
from sequere.log.streams import lifecycle
from sequere.models import QueuedEvent, follow, follow_many, is_following, unfollow
from sequere.outbox.drain import announce_shards
from sequere.projections.registry import BUILT_IN_SHARDS
from sequere.redis.outages import Outage
from sequere.registry import registry
from sequere.relations.key import RelationKey
from sequere.replay.rebuilding import rebuild
from sequere_timeline.backends.base import get_backend as timelines
from tests.benchmarks.graph import Pair, pairs, people
from tests.benchmarks.measuring import Line
from tests.benchmarks.raw import COUNTS, EVENT_COLUMNS, FOLLOWS, GRAPH, LOCK, USER, counts
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction
from tests.workers.app import app
from tests.workers.conftest import Worker

#: Followers of the celebrity: their follows are written by the database.
EDGES = f"""
INSERT INTO sequere_event ({EVENT_COLUMNS})
SELECT now() + n * interval '1 microsecond', now(), md5(n || ' follows ' || %(celebrity)s)::uuid, 1, 1, 'followed',
    'user', n::text, 'user', %(celebrity)s, NULL, NULL
FROM generate_series(%(first)s, %(last)s) AS n
"""
RESOURCES_OF_EDGES = """
INSERT INTO sequere_resource (identifier, object_id)
SELECT 'user', n::text FROM generate_series(%(first)s, %(last)s) AS n UNION ALL SELECT 'user', %(celebrity)s
"""
FOLLOWS_OF_EDGES = f"""
INSERT INTO sequere_database_relation (graph, from_kind, to_kind, from_uid, to_uid, since, event_id)
SELECT {GRAPH}, {USER}, {USER}, f.uid, t.uid, e.occurred_at, e.id
FROM sequere_event e
JOIN sequere_resource f ON (f.identifier, f.object_id) = (e.actor_identifier, e.actor_object_id)
JOIN sequere_resource t ON (t.identifier, t.object_id) = (e.target_identifier, e.target_object_id)
WHERE e.target_identifier = 'user' AND e.target_object_id = %(celebrity)s
"""
WAITING = """
SELECT * FROM sequere_queuedevent q JOIN sequere_event e ON e.id = q.event_id WHERE q.stream = ANY(%s)
"""
FIRST = 10**8


class WorkerScenarios:
    """One run, with workers that it starts and ends."""

    def __init__(self, raw: psycopg.Connection[Any], client: "redis.Redis | None", *, quick: bool) -> None:
        self._raw = raw
        self._client = client
        self._scale = 10 if quick else 1
        self._next = 10**7

    def throughput(self) -> Iterator[Line]:
        """Waiting follows are projected by one worker, and by two; raw by one process without tasks."""
        number = 30_000 // self._scale
        for number_of_workers in (1, 2):
            with ExitStack() as started:
                for _ in range(number_of_workers):
                    started.enter_context(worker())
                _until_there_are(number_of_workers)
                with no_worker_told():
                    follow_many(self._pairs(number))
                start = perf_counter()
                self._tell()
                _until(lambda: not QueuedEvent.objects.exists())
                taken = perf_counter() - start
            name = f"follows projected by {number_of_workers} worker{'s' * (number_of_workers > 1)}"
            yield Line(name, taken, self._project(list(self._pairs(number))), things=number)

    def celebrity(self) -> Iterator[str]:
        """A fan-out to a million followers: its time and memory, and how long others wait meanwhile."""
        million = 1_000_000 // self._scale
        celebrity = User.objects.create(username="celebrity")
        self._followers(registry.key_of(celebrity), million)
        with worker("default") as others, worker("fan_out") as fan_out:
            _until_there_are(2)
            idle = self._latencies(celebrity, lambda: False)
            start = perf_counter()
            Timeline(celebrity).save(JoinAction(actor=celebrity))
            busy = self._latencies(celebrity, lambda: QueuedEvent.objects.filter(queue="timelines:fan-out").exists())
            _until(lambda: not QueuedEvent.objects.exists())
            taken = perf_counter() - start
            memory = max(map(_most_memory, (others, fan_out)))
        reached = [Timeline(one).get_private_count() for one in people(FIRST, million)[:: million - 1]]
        assert reached == [1, 1], "the first and the last follower have it"
        yield f"A fan-out to {million:,} followers: {taken:.1f} s, {million / taken:,.0f}/s; a worker had {memory} MB."
        for who in ("in another shard", "of the celebrity"):
            was, is_ = (quantiles(times[who], n=20)[18] * 1000 for times in (idle, busy))
            yield f"A follow {who} was applied (p95 of {len(busy[who])}) after {is_:.0f} ms, before that {was:.0f} ms."

    def _pairs(self, number: int) -> Iterator[Pair]:
        among = people(self._next, number // 10)
        self._next += len(among)
        return pairs(among, number, seed=number)

    def _tell(self) -> None:
        announce_shards("built-in", set(range(BUILT_IN_SHARDS)), "default")

    def _project(self, these: list[Pair]) -> float:
        """Seconds for the same work by hand, in batches of 500."""
        raw = self._raw
        with no_worker_told():
            follow_many(these)
        start = perf_counter()
        for first in range(0, len(these), 500):
            batch = these[first : first + 500]
            streams = [RelationKey(*pair).stream for pair in batch]
            with raw.transaction():
                rows = raw.execute(WAITING, [streams]).fetchall()
                uids = dict(raw.execute(LOCK, [[key.object_id for pair in batch for key in pair]]).fetchall())
                if self._client is None:
                    opposite = [RelationKey(*pair[::-1]).stream for pair in batch]
                    from_uids, to_uids = ([uids[pair[end].object_id] for pair in batch] for end in (0, 1))
                    raw.execute(FOLLOWS, [streams, opposite, from_uids, to_uids])
                    raw.execute(COUNTS, counts(from_uids, to_uids))
                else:
                    self._project_in_redis(batch)
                raw.execute("DELETE FROM sequere_queuedevent WHERE stream = ANY(%s)", [streams])
            assert len(rows) == len(batch)
        return perf_counter() - start

    def _project_in_redis(self, batch: list[Pair]) -> None:
        assert self._client is not None
        pipeline = self._client.pipeline(transaction=False)
        for number, (one, other) in enumerate(batch):
            for key, name, member in ((one, "followings", other), (other, "followers", one)):
                for suffix in ("", ":user"):
                    pipeline.zadd(f"raw:{key}:{name}{suffix}", {str(member): number})
                    pipeline.incr(f"raw:{key}:{name}{suffix}:count")
        pipeline.execute()

    def _followers(self, celebrity: ResourceKey, number: int) -> None:
        values = {"celebrity": celebrity.object_id, "first": FIRST, "last": FIRST + number - 1}
        self._raw.execute(EDGES, values)
        self._raw.execute(RESOURCES_OF_EDGES, values)
        if self._client is None:
            self._raw.execute(FOLLOWS_OF_EDGES, values)
            self._raw.execute("ANALYZE")
            return
        self._raw.execute("ANALYZE")
        follows().reset("default")
        rebuild("follows")
        private = timelines().projector._keys.private
        for start in range(FIRST, FIRST + number, 5000):
            pipeline = self._client.pipeline(transaction=False)
            for key in people(start, min(5000, FIRST + number - start)):
                pipeline.zadd(private(key), {"": "-inf"})
            pipeline.execute()

    def _latencies(self, celebrity: User, goes_on: Callable[[], bool]) -> dict[str, list[float]]:
        """Seconds from a call until it is applied, at least 50 times, and as long as the fan-out is in progress."""
        key = registry.key_of(celebrity)
        shard = lifecycle(key).int % BUILT_IN_SHARDS
        strangers = [one for one in people(self._next, 200) if lifecycle(one).int % BUILT_IN_SHARDS != shard]
        fans = people(self._next + 200, 50)
        self._next += 250
        times: dict[str, list[float]] = {"in another shard": [], "of the celebrity": []}
        turn = 0
        while turn < 50 or goes_on():
            change, wanted = (unfollow, False) if (turn // 50) % 2 else (follow, True)
            for who, one, other in (
                ("in another shard", strangers[turn % 50], strangers[51 + turn % 50]),
                ("of the celebrity", fans[turn % 50], key),
            ):
                start = perf_counter()
                change(one, other)
                _until(lambda one=one, other=other, wanted=wanted: is_following(one, other) is wanted)
                times[who].append(perf_counter() - start)
            turn += 1
        return times


@contextmanager
def worker(*which: str) -> Iterator[Worker]:
    from django.conf import settings

    queues = [settings.SEQUERE_CELERY_QUEUES[name] for name in which]
    with TemporaryDirectory() as directory:
        one = Worker(os.environ["TESTS_BROKER_URL"], Path(directory, "log"), *queues)
        one.start()
        try:
            yield one
        finally:
            one.kill()


@contextmanager
def no_worker_told() -> Iterator[None]:
    """Events recorded in this block wait, and no worker learns of them."""
    before, workers._breaker.outage = workers._breaker.outage, Outage("", pauses_until=inf)
    try:
        yield
    finally:
        workers._breaker.outage = before


def _until_there_are(number: int) -> None:
    _until(lambda: len(app.control.ping(timeout=0.5)) == number)


def _until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        sleep(0.001)


def _most_memory(one: Worker) -> int:
    """The peak memory of a process of a worker, in megabytes."""
    most = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        except OSError:  # it has just ended
            continue
        if os.getpgid(int(fields["Pid"])) == one.group:
            most = max(most, int(fields.get("VmHWM", "0 kB").split()[0]) // 1024)
    return most
