"""A server that refuses writes: what is there is read, what is recorded waits, and the health view says why."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import redis
from django.core.checks import run_checks
from django.test import Client

from example_project.servers.process import ServerUnavailable
from example_project.servers.valkey import Valkey, own_valkey, redis_program
from sequere.contrib.timeline import Timeline
from sequere.exceptions import BackendUnavailable
from sequere.models import (
    QueuedEvent,
    follow,
    follow_many,
    get_followers,
    get_followers_count,
    is_following,
    unfollow,
)
from sequere.outbox.drain import drain_all
from sequere.projections.registry import read_models
from sequere.replay.rebuilding import rebuild
from tests.factories import UserFactory
from tests.races.outcome import differences
from tests.rounds import TIMES
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction
from tests.workers.until import until

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def read_only(operator: Any) -> Iterator[None]:
    operator.execute_command("REPLICAOF", "127.0.0.1", "1")
    yield
    operator.execute_command("REPLICAOF", "NO", "ONE")


@contextmanager
def without_replicas(operator: Any) -> Iterator[None]:
    operator.config_set("min-replicas-to-write", 1)
    yield
    operator.config_set("min-replicas-to-write", 0)


@contextmanager
def with_full_disk(operator: Any) -> Iterator[None]:
    in_the_way = Path(operator.config_get("dir")["dir"], "dump.rdb")
    in_the_way.mkdir()
    operator.config_set("save", "3600 1")
    operator.bgsave()
    until(lambda: operator.info("persistence")["rdb_last_bgsave_status"] == "err")
    yield
    operator.config_set("save", "")
    in_the_way.rmdir()


@contextmanager
def without_memory(operator: Any) -> Iterator[None]:
    operator.config_set("maxmemory", 1)
    yield
    operator.config_set("maxmemory", 0)


MODES = {"READONLY": read_only, "NOREPLICAS": without_replicas, "MISCONF": with_full_disk, "OOM": without_memory}
#: How a server reads its data, if it is started with any: 50 milliseconds for a key, and what it is asked in between.
SLOWLY = {"key_load_delay": "50000", "loading_process_events_interval_bytes": "1024"}


@pytest.fixture(params=["Valkey", *(["Redis"] if TIMES > 1 else [])])
def own_server(request: pytest.FixtureRequest, settings: Any) -> Iterator[Valkey]:
    """A server of its own; in `make extended`, also one of the other kind, if this machine has it."""
    try:
        with own_valkey(redis_program() if request.param == "Redis" else None, **SLOWLY) as server:
            settings.SEQUERE_BACKEND_OPTIONS = settings.SEQUERE_TIMELINE_BACKEND_OPTIONS = {"url": server.url}
            yield server
    except ServerUnavailable as error:
        pytest.skip(str(error))


def health() -> tuple[int, list[str]]:
    response = Client().get("/sequere/health/")
    return response.status_code, response.json()["problems"]


@pytest.mark.parametrize("mode", MODES)
def test_what_is_there_is_read_and_what_is_recorded_waits(
    own_server: Valkey, thoas: User, newbie: User, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    follow(newbie, thoas)
    Timeline(thoas).save(joined := JoinAction(actor=thoas))

    def answers() -> Any:
        timeline = Timeline(newbie)
        private = timeline.get_private()
        return (
            [one for one, _ in get_followers(thoas)],
            get_followers_count(thoas),
            is_following(newbie, thoas),
            (list(private), private.count(), timeline.get_unread_count(), timeline.get_private_count(action="join")),
            list(Timeline(thoas).get_public()),
        )

    before = answers()
    with redis.Redis.from_url(own_server.url) as operator, MODES[mode](operator):
        follow(thoas, newbie)
        Timeline(thoas).save(late := JoinAction(actor=thoas))
        assert answers() == before
        with pytest.raises(BackendUnavailable):  # nobody has read it before, so it is not there
            list(Timeline(thoas).get_private())
        assert health() == (503, [f"unreachable {mode}"])
        warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
        assert len([record for record in warnings if "cannot be used" in record.getMessage()]) == 1

    assert before[3] == ([joined], 1, 1, 1)
    assert [queued.attempts for queued in QueuedEvent.objects.all()] == [0, 0]
    drain_all(using="default")
    assert answers()[3:] == (([late, joined], 2, 2, 2), [late, joined])
    assert get_followers_count(newbie) == 1
    assert health() == (200, [])
    assert differences() == []


@contextmanager
def kept_busy(server: Valkey, operator: Any) -> Iterator[None]:
    operator.config_set("busy-reply-threshold", 1)
    endless = Thread(target=until_killed, args=(server,))
    endless.start()
    until(lambda: answer(operator).startswith("BUSY"))
    yield
    operator.script_kill()
    endless.join()


def until_killed(server: Valkey) -> None:
    with redis.Redis.from_url(server.url) as host, pytest.raises(redis.ResponseError, match="killed"):
        host.eval("while true do end", 0)


@contextmanager
def without_its_master(server: Valkey, operator: Any) -> Iterator[None]:
    operator.config_set("replica-serve-stale-data", "no")
    with read_only(operator):
        yield


@contextmanager
def loading(server: Valkey, operator: Any) -> Iterator[None]:
    """It reads each key of a snapshot so slowly that a test is over sooner."""
    operator.mset({f"{number}": os.urandom(2000) for number in range(2000)})
    operator.save()
    server.crash()
    start = Thread(target=server.start)
    start.start()
    until(lambda: "loading" in answer(operator))
    yield
    operator.config_set("key-load-delay", 0)
    start.join()


def answer(operator: Any) -> str:
    try:
        return str(operator.ping())
    except redis.RedisError as error:
        return str(error)


SILENT = {"BUSY": kept_busy, "LOADING": loading, "MASTERDOWN": without_its_master}


@pytest.mark.parametrize("mode", SILENT)
def test_a_server_that_takes_no_command_is_waited_for_by_nobody(
    own_server: Valkey, thoas: User, newbie: User, mode: str
) -> None:
    follow(newbie, thoas)
    with redis.Redis.from_url(own_server.url) as operator, SILENT[mode](own_server, operator):
        unfollow(newbie, thoas)
        with pytest.raises(BackendUnavailable):
            get_followers_count(thoas)
        assert health() == (503, [f"unreachable {mode}"])
        assert [queued.attempts for queued in QueuedEvent.objects.all()] == [0]

    drain_all(using="default")
    assert get_followers_count(thoas) == 0
    assert health() == (200, [])
    assert differences() == []


# The rights of a user, as docs/redis.md lists them.

RIGHTS = ["~sequere:*", "+@read", "+@write", "+@scripting", "+info", "+time"]


@pytest.fixture
def restricted(own_server: Valkey, settings: Any) -> Iterator[Callable[..., None]]:
    """Has the site use the server as a user with some rights."""
    with redis.Redis.from_url(own_server.url) as operator:

        def restrict(*rights: str) -> None:
            operator.execute_command("ACL", "SETUSER", "site", "reset", "on", ">secret", *rights)

        restrict(*RIGHTS)
        options = {"url": own_server.url.replace("unix://", "unix://site:secret@")}
        settings.SEQUERE_BACKEND_OPTIONS = settings.SEQUERE_TIMELINE_BACKEND_OPTIONS = options
        yield restrict


def test_a_user_needs_only_what_is_documented(restricted: Callable[..., None], thoas: User, newbie: User) -> None:
    """Also for a set that has become a skip list, and for a rebuild."""
    fans = User.objects.bulk_create(UserFactory.build_batch(130))
    follow_many([(fan, thoas) for fan in [newbie, *fans]])
    assert Timeline(fans[129]).get_private_count() == 0
    actions = [JoinAction(actor=thoas) for _ in range(2)]
    for action in actions:
        Timeline(thoas).save(action)
    Timeline(thoas).delete(actions[1])
    unfollow(fans[0], thoas)
    fans[1].delete()
    Timeline(newbie).mark_as_read()

    assert get_followers_count(thoas) == 129
    assert list(Timeline(fans[129]).get_private()) == actions[:1]
    assert not QueuedEvent.objects.exists()
    for name in ("follows", "timelines"):
        rebuild(name)
        read_models()[name].reset("default")
        rebuild(name)
    assert differences() == []
    assert run_checks(databases=["default"]) == []
    assert health() == (200, [])


@pytest.mark.parametrize("right", ["zadd", "time", "info", "hset", "eval"])
def test_a_missing_right_is_named_and_no_event_is_to_blame(
    restricted: Callable[..., None], thoas: User, newbie: User, right: str
) -> None:
    follow(newbie, thoas)
    other = UserFactory()
    restricted(*RIGHTS, *(["-evalsha"] if right == "eval" else [f"-{right}"]))

    follow_many([(thoas, newbie), (other, newbie)])
    (message,) = [one for one in run_checks(databases=["default"]) if "'follows'" in one.msg]

    assert health() == (503, ["unreachable NOPERM"])
    assert message.id == "sequere.W008"
    assert right in message.msg.lower()
    assert [queued.attempts for queued in QueuedEvent.objects.all()] == [0, 0] * (right != "info")  # drainers do not
    restricted(*RIGHTS)
    drain_all(using="default")
    assert get_followers_count(newbie) == 2


def test_a_key_prefix_that_a_user_may_not_use_is_named(restricted: Callable[..., None], thoas: User) -> None:
    restricted("~other:*", *RIGHTS[1:])

    (message, _) = run_checks(databases=["default"])

    assert "permissions to access" in message.msg
