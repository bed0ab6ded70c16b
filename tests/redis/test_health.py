"""The health view reports that Redis is down, or has lost its data."""

import json
from typing import Any

import pytest
import redis
from django.core.checks import run_checks
from django.test import Client

from example_project.servers.valkey import own_valkey
from sequere.models import follow
from sequere.replay.rebuilding import rebuild
from tests.commands import run
from tests.statements import at_most
from tests.testapp.models import Project, User

pytestmark = pytest.mark.django_db(transaction=True)

HEALTH = "/sequere/health/"


def problems(response: Any) -> dict[str, list[str]]:
    return {name: projection["problems"] for name, projection in response.json()["projections"].items()}


def test_a_server_that_is_down_is_reported_without_its_address(
    client: "redis.Redis", settings: Any, thoas: User, project: Project
) -> None:
    browser = Client()
    with own_valkey(durable=True) as server:
        settings.SEQUERE_BACKEND_OPTIONS = {"url": server.url}
        follow(thoas, project)
        before = browser.get(HEALTH)
        server.stop()

        during = browser.get(HEALTH)

        server.start()
        after = browser.get(HEALTH)

    assert [before.status_code, during.status_code, after.status_code] == [200, 503, 200]
    assert problems(during) == {"follows": ["unreachable"], "timelines": []}
    assert server.url.removeprefix("unix://") not in during.content.decode()


@pytest.mark.parametrize(
    ("maxmemory", "policy", "problem"),
    [
        ("1gb", "allkeys-lru", ["maxmemory-policy allkeys-lru"]),
        ("1gb", "volatile-ttl", ["maxmemory-policy volatile-ttl"]),
        ("0", "allkeys-lru", []),  # without a limit, nothing is dropped
        ("1gb", "noeviction", []),
    ],
)
def test_a_server_that_may_drop_keys_is_reported(
    settings: Any, thoas: User, project: Project, maxmemory: str, policy: str, problem: list[str]
) -> None:
    with own_valkey() as server:
        settings.SEQUERE_BACKEND_OPTIONS = {"url": server.url}
        redis.Redis.from_url(server.url).config_set("maxmemory", maxmemory, "maxmemory-policy", policy)
        follow(thoas, project)

        response = Client().get(HEALTH)
        checked = [message for message in run_checks(databases=["default"]) if message.id == "sequere.W007"]
        shown = json.loads(run("show_projections", "--json")[1])[0]["error"]

    assert (response.status_code, problems(response)["follows"]) == (503 if problem else 200, problem)
    assert [policy in message.msg for message in checked] == [True] * len(problem)
    assert (policy in shown) == bool(problem)
    assert Client().get("/sequere/ready/").status_code == 200


@pytest.mark.parametrize(
    ("command", "mode", "reason"),
    [
        (("CONFIG", "SET", "maxmemory", "1mb"), "OOM", "used memory > 'maxmemory'"),
        (("CONFIG", "SET", "min-replicas-to-write", "1"), "NOREPLICAS", "NOREPLICAS"),
        (("REPLICAOF", "127.0.0.1", "1"), "READONLY", "You can't write against a read only replica"),
    ],
)
def test_a_server_that_refuses_writes_is_reported(
    settings: Any, thoas: User, project: Project, command: tuple[str, ...], mode: str, reason: str
) -> None:
    with own_valkey() as server:
        settings.SEQUERE_BACKEND_OPTIONS = {"url": server.url}
        client = redis.Redis.from_url(server.url)
        follow(thoas, project)
        keys = sorted(client.keys())
        Client().get(HEALTH)
        has_written = sorted(client.keys()) != keys
        client.execute_command(*command)

        response = Client().get(HEALTH)
        checked = [message for message in run_checks(databases=["default"]) if message.id == "sequere.W008"]
        shown = json.loads(run("show_projections", "--json")[1])[0]["error"]

    assert (response.status_code, problems(response)["follows"]) == (503, [f"unreachable {mode}"])
    assert not has_written
    assert reason in checked[0].msg
    assert reason in shown


def test_a_lost_read_model_is_reported(client: "redis.Redis", thoas: User, project: Project) -> None:
    browser = Client()
    follow(thoas, project)
    client.flushall()

    with at_most(4):
        lost = browser.get(HEALTH)
    rebuild("follows")

    assert (lost.status_code, lost.json()["problems"]) == (503, ["lost"])
    assert problems(lost) == {"follows": ["lost"], "timelines": []}
    assert browser.get(HEALTH).status_code == 200
