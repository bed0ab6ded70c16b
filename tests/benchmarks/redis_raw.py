"""The same work in Redis by hand: the commands that somebody with redis-py, hiredis and the log would write."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import redis
from psycopg.types.json import Jsonb

from sequere.base import ResourceKey
from sequere.log.streams import lifecycle
from tests.benchmarks.raw import EVENT, LATEST, LOCK, RESOURCES
from tests.testapp.models import Project, User

CHUNK = 1000
QUEUE = """
INSERT INTO sequere_queuedevent (queue, event_id, shard, stream, attempts, error, traceback)
VALUES ('raw', %s, 0, %s, 0, '', '')
"""
SHARD = "INSERT INTO sequere_shard VALUES ('raw', 0) ON CONFLICT (queue, number) DO UPDATE SET number = 0"
QUEUED = """
SELECT * FROM sequere_queuedevent q JOIN sequere_event e ON e.id = q.event_id
WHERE q.queue = 'raw' AND q.shard = 0 ORDER BY e.id LIMIT 500
"""
DEQUEUE = "DELETE FROM sequere_queuedevent WHERE queue = 'raw' AND event_id = %s"

#: The best way: one call adds to the timelines of 1,000 followers.
DELIVER = "for i = 1, #KEYS do redis.call('ZADD', KEYS[i], ARGV[1], ARGV[2]) end"


class RawRedis:
    """A connection to the database of the log, and one to Redis."""

    def __init__(self, connection: psycopg.Connection[Any], client: "redis.Redis") -> None:
        self._connection = connection
        self._client = client
        self._deliver = client.register_script(DELIVER)

    def celebrity(self, actor: ResourceKey, followers: list[ResourceKey], entries: int) -> None:
        """Give an actor followers, each with a timeline of this many entries."""
        for start in range(0, len(followers), CHUNK):
            pipeline = self._client.pipeline(transaction=False)
            for number, follower in enumerate(followers[start : start + CHUNK], start):
                pipeline.zadd(f"raw:followers:{actor}", {str(follower): number})
                pipeline.zadd(f"raw:timeline:{follower}", {f"4{n:04}4": n for n in range(entries)})
            pipeline.execute()

    def publish(self, actor: ResourceKey) -> None:
        uid, now = uuid4(), datetime.now(UTC)
        with self._connection.transaction():
            run = self._connection.execute
            run(LATEST, [[uid, lifecycle(actor)]]).fetchall()
            run(RESOURCES, actor)
            run(LOCK, [[actor.object_id]])
            data = Jsonb({"kwargs": {}, "owners": [[*actor, 0]], "generations": {"actor": 0, "target": None}})
            (pk,) = run(EVENT, [now, now, uid, "action_saved", *actor, None, "", "join", data]).fetchone()
            run(QUEUE, [pk, uid])
        with self._connection.transaction():
            run(SHARD)
            run(QUEUED).fetchall()
            run(LOCK, [[actor.object_id]])
            self._fan_out(actor, pk, int(now.timestamp() * 1_000_000))
            run(DEQUEUE, [pk])

    def _fan_out(self, actor: ResourceKey, pk: int, score: int) -> None:
        pipeline = self._client.pipeline(transaction=False)
        pipeline.hset(f"raw:action:{pk}", mapping={"actor": str(actor), "verb": "join", "date": score})
        pipeline.zadd(f"raw:public:{actor}", {str(pk): score})
        pipeline.execute()
        start = 0
        while followers := self._client.zrange(f"raw:followers:{actor}", start, start + CHUNK - 1):
            self._deliver(keys=[b"raw:timeline:" + follower for follower in followers], args=[score, f"{pk}4"])
            start += CHUNK

    def timeline(self, owner: ResourceKey) -> list[tuple[Any, ...]]:
        """A page of 25: two round trips, and a query for each model class."""
        members = self._client.zrevrange(f"raw:timeline:{owner}", 0, 24)
        pipeline = self._client.pipeline(transaction=False)
        for member in members:
            pipeline.hgetall(b"raw:action:" + member[:-1])
        actions = pipeline.execute()
        actors = User.objects.in_bulk({int(action[b"actor"]) for action in actions})
        targets = Project.objects.in_bulk({int(action[b"target"]) for action in actions})
        return [
            (action[b"verb"], actors[int(action[b"actor"])], targets[int(action[b"target"])], action[b"date"])
            for action in actions
        ]

    def put_timeline(self, owner: ResourceKey, actions: list[tuple[int, int, int]]) -> None:
        """A timeline of actions, as (id, actor, target)."""
        pipeline = self._client.pipeline(transaction=False)
        for pk, actor, target in actions:
            values = {"actor": actor, "target": target, "verb": "like", "date": pk, "kwargs": "{}", "uid": str(uuid4())}
            pipeline.hset(f"raw:action:{pk}", mapping=values)
            pipeline.zadd(f"raw:timeline:{owner}", {f"{pk}4": pk})
        pipeline.execute()
