"""The walk of tests/model, in Redis: keys are lost, altered and exchanged, and the server is restarted."""

import re
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import redis

from example_project.servers.valkey import Valkey, own_valkey
from tests.model.walk import OPERATIONS, walk


@pytest.fixture(scope="module")
def durable() -> Iterator[Valkey]:
    with own_valkey(durable=True) as started:
        yield started


class Keys:
    """Read models on a server."""

    def __init__(self, server: Valkey) -> None:
        self.server = server
        self.client = redis.Redis.from_url(server.url)

    def snapshot(self) -> Any:
        return {key: (self.client.dump(key), self.client.pttl(key)) for key in self.client.scan_iter("*")}

    def restore(self, snapshot: Any) -> None:
        self.client.flushall()
        for key, (value, left) in snapshot.items():
            self.client.restore(key, max(left, 0), value)

    def damage(self, random: Random) -> str:
        # Tokens are clocks: nobody has one of another time.
        keys = sorted(key for key in self.client.scan_iter("*") if not key.endswith(b"global:token"))
        if not keys:
            return "nothing"
        some = random.sample(keys, min(random.choice([1, 1, 1, 3, len(keys)]), len(keys)))
        how = random.choice([self.lose, self.alter, self.alter, self.exchange])
        for key in some:
            how(key, random)
        return f"{how.__name__} {some[:5]}"

    def lose(self, key: bytes, random: Random) -> None:
        self.client.delete(key)

    def alter(self, key: bytes, random: Random) -> None:
        if b":global:" in key:  # what is about the model as a whole
            return
        kind = self.client.type(key)
        if kind == b"string":
            self.client.set(key, random.choice([b"0", b"7", b"many"]))
        elif kind == b"zset":
            member = random.choice(self.client.zrange(key, 0, -1))
            random.choice(
                [
                    lambda: self.client.zrem(key, member),
                    lambda: self.client.zincrby(key, 1000, member),
                    lambda: self.client.zadd(key, {b"4711": 1}),
                ]
            )()
        elif kind == b"hash":
            field = random.choice([name for name in self.client.hkeys(key) if name != b"token"] or [b"more"])
            if random.random() < 0.5:
                self.client.hdel(key, field)
            else:
                self.client.hset(key, field, random.choice([b"0", b"7"]))

    def exchange(self, key: bytes, random: Random) -> None:
        """It has the value of another one of its kind."""
        others = sorted(one for one in self.client.scan_iter("*") if one != key and _kind_of(one) == _kind_of(key))
        if others:
            self.client.copy(random.choice(others), key, replace=True)

    def restart(self) -> None:
        self.server.stop()
        self.server.start()


def _kind_of(key: bytes) -> bytes:
    """A key without the numbers and names of resources and actions."""
    return re.sub(rb"(user|project|:)(:?\d+)?$|\d+", b"", key)


@pytest.mark.django_db(transaction=True)
def test_a_walk_with_damages_gives_the_answers_of_the_plain_dicts(durable: Valkey, settings: Any) -> None:
    options = {"url": durable.url}
    settings.SEQUERE_BACKEND_OPTIONS = settings.SEQUERE_TIMELINE_BACKEND_OPTIONS = options

    assert walk(Keys(durable)).total() == OPERATIONS
