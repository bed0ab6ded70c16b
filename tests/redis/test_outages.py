"""A server that is down, was emptied, or has forgotten its scripts; and a writer who does not know that he is late."""

import logging
from collections.abc import Iterator
from threading import Event as Flag
from threading import Thread, current_thread
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.test import Client

from example_project.servers.valkey import Valkey, own_valkey
from sequere import tasks
from sequere.backends.base import get_backend
from sequere.backends.redis.loading import LoadPass
from sequere.backends.redis.model import RedisModel
from sequere.contrib.timeline import Timeline
from sequere.events import Event
from sequere.exceptions import BackendUnavailable, ReadModelLost, StaleWriter
from sequere.models import (
    QueuedEvent,
    follow,
    follow_many,
    get_followers,
    get_followers_count,
    is_following,
    unfollow,
)
from sequere.replay import rebuild, verify
from tests.factories import UserFactory
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def own_server(settings: Any) -> Iterator[Valkey]:
    """One that may be stopped."""
    with own_valkey() as server:
        settings.SEQUERE_BACKEND_OPTIONS = {"url": server.url}
        yield server


def test_follows_are_recorded_while_the_server_is_down_and_are_there_when_it_is_back(
    own_server: Valkey, thoas: User, newbie: User, project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    follow(newbie, project)
    own_server.stop()

    with caplog.at_level(logging.WARNING, logger="sequere"):
        assert follow(thoas, project)
        assert follow(thoas, newbie)
        for read in (get_followers_count, lambda one: list(get_followers(one)), lambda one: is_following(thoas, one)):
            with pytest.raises(BackendUnavailable, match=r"Redis at .*socket cannot be used"):
                read(project)
    assert ["cannot be used" in message for message in caplog.messages] == [True]
    assert QueuedEvent.objects.count() == 2

    own_server.start()
    caplog.clear()
    call_command("run_projections", once=True)
    assert not QueuedEvent.objects.exists()
    assert any("can be used again" in message for message in caplog.messages)
    # It has forgotten what it had, and does not pretend otherwise.
    with pytest.raises(ReadModelLost):
        is_following(thoas, project)
    rebuild("follows")
    assert [one for one, _ in get_followers(project)] == [thoas, newbie]
    assert verify("follows").wrong == 0


def test_a_page_is_not_there_while_the_server_is_down_and_who_follows_is_told_that_he_does(
    own_server: Valkey, thoas: User, project: Project
) -> None:
    browser = Client()
    browser.force_login(thoas)
    form = {"identifier": "project", "object_id": project.pk}
    own_server.stop()

    answer = browser.post("/sequere/follow/", form, headers={"Accept": "application/json"})
    page = browser.get(f"/sequere/project/{project.pk}/followers/")

    assert answer.json() == {"changed": True, "is_following": True, "followers_count": None, "followings_count": None}
    assert (page.status_code, page.json()) == (503, {"error": "This cannot be read just now."})
    own_server.start()
    rebuild("follows")
    assert is_following(thoas, project)


def test_a_server_that_is_down_only_for_a_while_needs_no_rebuild(settings: Any, thoas: User, project: Project) -> None:
    with own_valkey(durable=True) as server:
        settings.SEQUERE_BACKEND_OPTIONS = {"url": server.url}
        newbie = UserFactory()
        follow(newbie, project)
        server.stop()
        follow(thoas, project)
        unfollow(newbie, project)

        server.start()
        call_command("run_projections", once=True)

        assert [one for one, _ in get_followers(project)] == [thoas]
        assert get_followers_count(project) == 1
        assert verify("follows").wrong == 0


def test_a_task_that_finds_the_server_down_is_no_error_and_leaves_the_events(
    own_server: Valkey, settings: Any, thoas: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SEQUERE_PROJECTION_MODES = {"follows": "celery", "timelines": "celery"}
    monkeypatch.setattr("sequere.hints._silent_until", float("inf"))
    own_server.stop()
    follow(thoas, project)
    (queued,) = QueuedEvent.objects.all()

    tasks.drain(queued.pipeline, queued.shard)

    (left,) = QueuedEvent.objects.all()
    assert (left.event_id, left.attempts) == (queued.event_id, 0)


def test_a_server_that_was_emptied_is_noticed_and_restored(client: Any, thoas: User, project: Project) -> None:
    newbie = UserFactory()
    follow(thoas, project)
    follow(newbie, project)
    client.flushall()

    for read in (get_followers_count, lambda one: list(get_followers(one)), lambda one: is_following(thoas, one)):
        with pytest.raises(ReadModelLost, match="rebuild_projections --projection follows"):
            read(project)
    assert follow(thoas, newbie)
    assert follow(thoas, project) is None
    assert verify("follows").wrong == 1

    rebuild("follows")

    assert [one for one, _ in get_followers(project)] == [newbie, thoas]
    assert is_following(thoas, newbie)
    assert verify("follows").wrong == 0


def test_an_empty_server_is_right_as_long_as_nobody_has_followed(client: Any, thoas: User) -> None:
    Timeline(thoas).save(JoinAction(actor=thoas))

    assert get_followers_count(thoas) == 0
    assert list(get_followers(thoas)) == []


def test_an_emptied_server_is_told_once(
    client: Any, thoas: User, project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    follow(thoas, project)
    client.flushall()

    for _ in range(3):
        follow(UserFactory(), project)

    assert [record.levelname for record in caplog.records if "emptied" in record.message] == ["ERROR"]


def test_a_server_that_is_emptied_during_a_rebuild_is_noticed(
    client: Any, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow_many((UserFactory(), project) for _ in range(6))
    monkeypatch.setattr(LoadPass, "size", 3)
    client.flushall()

    with pytest.raises(ReadModelLost):
        rebuild("follows", progress=lambda *_: client.flushall())
    with pytest.raises(ReadModelLost):
        get_followers_count(project)

    rebuild("follows")
    assert get_followers_count(project) == 6


def test_a_server_that_has_forgotten_the_scripts_learns_them_again(client: Any, thoas: User, project: Project) -> None:
    follow(thoas, project)

    for change in (unfollow, follow):
        client.script_flush()
        change(thoas, project)
        client.script_flush()
        assert get_followers_count(project) == (change is follow)
        client.script_flush()
        assert [one for one, _ in get_followers(project)] == ([thoas] if change is follow else [])

    assert verify("follows").wrong == 0


def test_after_an_emptied_server_new_writers_have_larger_numbers(client: Any, thoas: User, project: Project) -> None:
    """Or else who came before would lock out all that come after."""
    model = get_backend().projector._model
    numbers = []
    for _ in range(3):
        numbers.append(model.draw([])[0])
        client.flushall()

    assert numbers == sorted(set(numbers))


def test_a_writer_whose_lock_is_gone_is_refused(thoas: User, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was overtaken writes nothing any more, and what he has not applied waits."""
    follow(thoas, project)
    projector = get_backend().projector
    (event,) = Event.objects.all()
    late = projector._model.draw([])[0]
    unfollow(thoas, project)

    drawn = RedisModel.draw
    monkeypatch.setattr(RedisModel, "draw", lambda self, commands: (late, drawn(self, commands)[1]))
    with pytest.raises(StaleWriter):
        projector.apply([event], using="default")

    assert not is_following(thoas, project)
    assert get_followers_count(project) == 0


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has connections to cut")
def test_a_drainer_whose_connection_is_cut_and_that_goes_on_writing_is_refused(
    thoas: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has read that thoas follows; while it holds still, its locks are lost, and thoas unfollows."""
    has_read, may_write = Flag(), Flag()
    late: list[int] = []
    send = get_backend().projector._model.connection._send

    class Late(Thread):
        def run(self) -> None:
            try:
                follow(thoas, project)
            finally:
                connections.close_all()

    thread = Late()

    def send_when_told(commands: Any) -> Any:
        writes = [command for command in commands if command[0] == "EVALSHA" and command[2] == 11]
        if current_thread() is thread and writes:
            late.append(_pid())
            has_read.set()
            assert may_write.wait(30)
            try:
                return send(commands)
            finally:
                late.append(0)
        return send(commands)

    monkeypatch.setattr(get_backend().projector._model.connection, "_send", send_when_told)
    thread.start()
    assert has_read.wait(30)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [late[0]])

    unfollow(thoas, project)
    assert get_followers_count(project) == 0
    may_write.set()
    thread.join(30)

    assert late[1:] == [0]  # it has tried
    assert not is_following(thoas, project)
    assert get_followers_count(project) == 0
    call_command("run_projections", once=True)
    assert verify("follows").wrong == 0


def _pid() -> int:
    return connections["default"].connection.info.backend_pid
