"""A Redis client that counts its round trips."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import redis
from redis.client import Pipeline

from sequere.outbox import kept


class CountingPipeline(Pipeline):
    round_trips = 0

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        CountingPipeline.round_trips += 1
        return super().execute(raise_on_error)


class CountingRedis(redis.Redis):
    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> CountingPipeline:
        return CountingPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


@contextmanager
def round_trips(number: int) -> Iterator[None]:
    """Fail unless the block makes this number of round trips to Redis. No event in it makes a checkpoint, which takes
    some of its own, and depends on the ids of events."""
    before = CountingPipeline.round_trips
    with mock.patch.object(kept, "EVENTS_PER_CHECKPOINT", sys.maxsize):
        yield
    made = CountingPipeline.round_trips - before
    assert made == number, f"{made} round trips"
