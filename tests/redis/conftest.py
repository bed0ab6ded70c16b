"""Follows and timelines on a Valkey server that these tests have for themselves."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from example_project.servers.process import ServerUnavailable
from example_project.servers.valkey import Valkey, own_valkey
from sequere.backends.redis import scripts as follows
from sequere.redis import model
from sequere.redis.connection import Script
from sequere_timeline.backends.redis import scripts as timelines
from tests.conftest import CI
from tests.redis.counting import CountingRedis

SCRIPTS = [
    value for module in (model, follows, timelines) for value in vars(module).values() if isinstance(value, Script)
]


@pytest.fixture(scope="session")
def server() -> Iterator[Valkey]:
    try:
        with own_valkey() as started:
            yield started
    except ServerUnavailable as error:
        if CI:
            raise
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def in_redis(server: Valkey, settings: Any) -> None:
    """Both backends are those of Redis, and the server is empty."""
    options = {"url": server.url, "client_class": CountingRedis}
    settings.SEQUERE_BACKEND = "sequere.backends.redis.RedisBackend"
    settings.SEQUERE_BACKEND_OPTIONS = options
    settings.SEQUERE_TIMELINE_BACKEND = "sequere.contrib.timeline.redis.RedisBackend"
    settings.SEQUERE_TIMELINE_BACKEND_OPTIONS = options
    settings.SEQUERE_PROJECTION_MODES = {}
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
        for script in SCRIPTS:  # which costs round trips, once
            client.script_load(script.text)


@pytest.fixture
def client(server: Valkey) -> Iterator["redis.Redis"]:
    """What an operator has at hand."""
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        yield client
