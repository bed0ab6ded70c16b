"""A drainer whose connection to the database is cut, with its locks, and who goes on writing timelines."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread, current_thread
from typing import Any

import pytest
from django.db import connection, connections

from sequere.contrib.timeline import Timeline
from sequere.models import follow_many, unfollow
from sequere.outbox import drain, drain_all
from sequere.queued import FAN_OUT
from sequere_timeline import projector
from sequere_timeline.backends.base import get_backend
from sequere_timeline.backends.redis.scripts import COUNT_GENERATION, DELIVER
from tests.factories import UserFactory
from tests.races.outcome import differences
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction, LikeAction

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.sequere_queued,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has connections to cut"),
]


@pytest.fixture(autouse=True)
def later(in_redis: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is drained but by the tests, and one step at a time."""
    settings.SEQUERE_PROJECTION_MODES = {"follows": "celery", "timelines": "celery"}
    monkeypatch.setitem(projector.SECONDS_AT_ONCE, "celery", 0)


@contextmanager
def late(monkeypatch: pytest.MonkeyPatch, pipeline: str, is_reached: Callable[[Any], bool]) -> Iterator[None]:
    """Somebody drains, and has lost his connection before he sends certain commands, which he does after the block."""
    has_come, may_go_on = Event(), Event()
    of_timelines = get_backend()._connection
    send = of_timelines._send
    pids: list[int] = []

    def run() -> None:
        try:
            drain(pipeline, using="default", seconds=0)
        except Exception:  # noqa: BLE001  # as it should be
            pass
        finally:
            connections.close_all()

    thread = Thread(target=run, daemon=True)

    def send_when_told(commands: Any) -> Any:
        if current_thread() is thread and not pids and any(map(is_reached, commands)):
            pids.append(connections["default"].connection.info.backend_pid)
            has_come.set()
            assert may_go_on.wait(30)
        return send(commands)

    monkeypatch.setattr(of_timelines, "_send", send_when_told)
    thread.start()
    assert has_come.wait(30)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", pids)
    try:
        yield
    finally:
        may_go_on.set()
        thread.join(30)


def calls(script: Any) -> Callable[[Any], bool]:
    return lambda command: command[0] == "EVALSHA" and command[1] == script


@pytest.fixture
def fans(thoas: User, monkeypatch: pytest.MonkeyPatch) -> list[User]:
    """Three who follow thoas, in this order, of whom two are reached at once."""
    monkeypatch.setattr("sequere.backends.redis.followers.FOLLOWERS_AT_ONCE", 2)
    fans = UserFactory.create_batch(3)
    follow_many((fan, thoas) for fan in fans)
    drain_all(using="default")
    for fan in fans:
        Timeline(fan).get_private_count()
    return fans


def test_what_is_deleted_meanwhile_does_not_come_back(
    thoas: User, fans: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    action = JoinAction(actor=thoas)
    Timeline(thoas).save(action)

    # The first thing that he asks for, when he knows what the log says or before.
    with late(monkeypatch, "built-in", lambda command: command[0] == "EVALSHA"):
        Timeline(thoas).delete(action)
        drain_all(using="default")
    drain_all(using="default")

    assert [list(Timeline(one).get_private()) for one in (thoas, *fans)] == [[]] * 4
    assert list(Timeline(thoas).get_public()) == []
    assert differences() == []


def test_who_unfollows_meanwhile_is_not_reached(thoas: User, fans: list[User], monkeypatch: pytest.MonkeyPatch) -> None:
    Timeline(thoas).save(JoinAction(actor=thoas))
    drain("built-in", using="default", seconds=0)

    with late(monkeypatch, FAN_OUT, calls(DELIVER)):
        unfollow(fans[2], thoas)
        drain("built-in", using="default")
        before = Timeline(fans[2]).get_private_count()
    drain_all(using="default")

    assert (before, Timeline(fans[2]).get_private_count()) == (0, 0)
    assert differences() == []


def test_a_target_stays_as_often_deleted_as_it_was(thoas: User, monkeypatch: pytest.MonkeyPatch) -> None:
    film = UserFactory(username="La classe americaine")
    key = film.pk

    def like_and_delete() -> None:
        film = User.objects.filter(pk=key).first() or UserFactory(pk=key)
        Timeline(thoas).save(LikeAction(actor=thoas, target=film))
        film.delete()

    like_and_delete()
    with late(monkeypatch, "built-in", calls(COUNT_GENERATION)):
        like_and_delete()
        drain_all(using="default")
    drain_all(using="default")

    assert Timeline(thoas).get_public_count(target=UserFactory(pk=key)) == 0
    assert differences() == []
