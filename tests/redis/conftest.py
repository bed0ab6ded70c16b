"""Follows and timelines on a Valkey server of their own."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from example_project.servers.process import ServerUnavailable
from example_project.servers.valkey import Valkey, own_valkey
from tests.conftest import CI
from tests.redis.counting import CountingRedis
from tests.redis.lua import SCRIPTS

TEXTS = [script.text for script in SCRIPTS]


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
    with redis.Redis.from_url(server.url) as client, client.pipeline(transaction=False) as pipeline:
        pipeline.flushall()
        for text in TEXTS:  # loading costs round trips, once
            pipeline.script_load(text)
        pipeline.execute()


@pytest.fixture
def client(server: Valkey) -> Iterator["redis.Redis"]:
    """The client of an operator."""
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        yield client
