"""Follows and timelines on a Valkey server that these tests have for themselves."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from example_project.servers.process import ServerUnavailable
from example_project.servers.valkey import Valkey, own_valkey
from tests.conftest import CI
from tests.redis.counting import CountingRedis
from tests.sequere.conftest import newbie, project, thoas  # noqa: F401  # fixtures


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    try:
        with own_valkey() as server:
            yield server
    except ServerUnavailable as error:
        if CI:
            raise
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def in_redis(valkey: Valkey, settings: Any) -> None:
    """Both backends are those of Redis, and the server is empty."""
    options = {"url": valkey.url, "client_class": CountingRedis}
    settings.SEQUERE_BACKEND = "sequere.backends.redis.RedisBackend"
    settings.SEQUERE_BACKEND_OPTIONS = options
    settings.SEQUERE_TIMELINE_BACKEND = "sequere.contrib.timeline.redis.RedisBackend"
    settings.SEQUERE_TIMELINE_BACKEND_OPTIONS = options
    settings.SEQUERE_PROJECTION_MODES = {}
    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()


@pytest.fixture
def client(valkey: Valkey) -> Iterator["redis.Redis"]:
    """What an operator has at hand."""
    with redis.Redis.from_url(valkey.url, decode_responses=True) as client:
        yield client
