"""The output of commands if Redis is down, or has lost everything."""

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import redis
from django.core.management import CommandError, call_command

from example_project.servers.valkey import Valkey, own_valkey
from sequere.models import follow, is_following
from tests.testapp.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def stopped(in_redis: None, settings: Any) -> Iterator[Valkey]:
    """A server that is down."""
    with own_valkey() as server:
        server.stop()
        settings.SEQUERE_BACKEND_OPTIONS = settings.SEQUERE_TIMELINE_BACKEND_OPTIONS = {"url": server.url}
        yield server


def errors() -> list[str]:
    out = StringIO()
    call_command("show_projections", json=True, stdout=out)
    return [status["error"] for status in json.loads(out.getvalue())]


@pytest.mark.parametrize("command", ["verify_projections", "rebuild_projections"])
def test_commands_name_a_server_that_is_down(stopped: Valkey, command: str) -> None:
    with pytest.raises(
        CommandError,
        match=r"Redis at .*/socket cannot be used, .*: start it, end what keeps it from writing, or",
    ):
        call_command(command)


@pytest.mark.sequere_queued
def test_a_worker_names_a_server_that_is_down(stopped: Valkey, thoas: User, newbie: User) -> None:
    follow(newbie, thoas)

    with pytest.raises(CommandError, match="wait in the outbox"):
        call_command("run_projections", once=True)
    assert all("cannot be used" in error for error in errors())

    stopped.start()
    call_command("run_projections", once=True)

    assert is_following(newbie, thoas)
    assert errors() == ["", ""]


def test_an_operator_sees_which_read_model_is_lost(client: "redis.Redis", thoas: User, newbie: User) -> None:
    follow(newbie, thoas)
    client.flushall()

    assert errors() == ["The read model is lost: run rebuild_projections", ""]
    call_command("rebuild_projections")
    assert errors() == ["", ""]
