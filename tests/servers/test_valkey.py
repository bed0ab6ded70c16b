"""A server that tests may stop, and that nobody has to clean up."""

import os
import signal
import subprocess
import sys
import time

import pytest
import redis

from example_project.servers.process import ServerUnavailable
from example_project.servers.valkey import own_valkey, valkey, valkey_program
from tests.host.processes import ROOT

#: Starts a server, prints its URL, and waits to be killed.
STARTER = """
from example_project.servers.valkey import own_valkey
with own_valkey() as server:
    print(server.url, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def _available() -> None:
    try:
        valkey_program()
    except ServerUnavailable as error:
        pytest.skip(str(error))


def answers(url: str) -> bool:
    try:
        return redis.Redis.from_url(url).ping()
    except redis.ConnectionError:
        return False


def test_a_server_restarts_empty_at_the_same_url() -> None:
    with own_valkey() as server:
        client = redis.Redis.from_url(server.url)
        client.set("thoas", "newbie")

        server.stop()
        with pytest.raises(redis.ConnectionError):
            client.get("thoas")

        server.start()
        assert client.get("thoas") is None
    assert not answers(server.url)


def test_a_durable_server_keeps_its_data() -> None:
    with own_valkey(durable=True) as server:
        client = redis.Redis.from_url(server.url)
        client.set("thoas", "newbie")
        server.stop()

        server.start()

        assert client.get("thoas") == b"newbie"


def test_a_server_ends_with_the_process_that_started_it_even_if_killed() -> None:
    command = [sys.executable, "-c", STARTER]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as starter:
        url = starter.stdout.readline().strip()
        assert answers(url)

        os.kill(starter.pid, signal.SIGKILL)

    deadline = time.monotonic() + 30
    while answers(url):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_given_server_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQUERE_REDIS_URL", "redis://redis.example/7")

    with valkey() as url:
        assert url == "redis://redis.example/7"
