"""Follows in Redis, whatever backend the other tests have; the log is where they have it."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from example_project.servers.process import ServerUnavailable
from example_project.servers.valkey import Valkey, own_valkey
from sequere.backends.redis import model, scripts
from sequere.backends.redis.connection import Script
from sequere.testing import draining

SCRIPTS = [value for module in (model, scripts) for value in vars(module).values() if isinstance(value, Script)]
BACKEND = "sequere.backends.redis.RedisBackend"


@pytest.fixture(scope="session")
def server() -> Iterator[Valkey]:
    try:
        with own_valkey() as started:
            yield started
    except ServerUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def client(server: Valkey, settings: Any) -> Iterator["redis.Redis[str]"]:
    settings.SEQUERE_BACKEND = BACKEND
    settings.SEQUERE_BACKEND_OPTIONS = {"url": server.url}
    settings.SEQUERE_PROJECTION_MODES = {"timelines": "on_commit"}
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        client.flushall()
        for script in SCRIPTS:  # which costs round trips, once
            client.script_load(script.text)
        yield client


@pytest.fixture(autouse=True)
def _nothing_waits_for_a_commit(request: pytest.FixtureRequest) -> Iterator[None]:
    marker = request.node.get_closest_marker("django_db")
    if marker and marker.kwargs.get("transaction"):
        yield
        return
    with draining():
        yield
