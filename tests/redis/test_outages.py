"""A server that is down, was emptied, or has forgotten its scripts."""

import logging
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.core.management import call_command
from django.test import Client

from example_project.servers.valkey import Valkey, own_valkey
from sequere import tasks
from sequere.backends.redis.batches import RESOURCES
from sequere.contrib.timeline import Timeline
from sequere.exceptions import BackendUnavailable, ReadModelLost
from sequere.models import (
    QueuedEvent,
    follow,
    follow_many,
    get_followers,
    get_followers_count,
    is_following,
    unfollow,
)
from sequere.redis import connection as connection_module
from sequere.redis import outages
from sequere.redis.outages import Outage
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from tests.factories import UserFactory
from tests.redis.counting import CountingRedis, round_trips
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def own_server(settings: Any) -> Iterator[Valkey]:
    """A server that may be stopped."""
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
    # It has lost its data and says so.
    with pytest.raises(ReadModelLost):
        is_following(thoas, project)
    rebuild("follows")
    assert [one for one, _ in get_followers(project)] == [thoas, newbie]
    assert verify("follows").wrong == 0


def test_an_outage_and_its_end_are_logged_once_whatever_meets_them(
    own_server: Valkey, settings: Any, thoas: User, newbie: User, caplog: pytest.LogCaptureFixture
) -> None:
    """Follows and timelines share a server, so there is one outage."""
    settings.SEQUERE_TIMELINE_BACKEND_OPTIONS = settings.SEQUERE_BACKEND_OPTIONS
    own_server.stop()

    for _ in range(2):
        follow(thoas, newbie)
        unfollow(thoas, newbie)
        Timeline(thoas).save(JoinAction(actor=thoas))
        for read in (get_followers_count, lambda one: Timeline(one).get_private_count()):
            with pytest.raises(BackendUnavailable):
                read(thoas)
    own_server.start()
    for name in ("follows", "timelines"):
        rebuild(name)

    told = [record.getMessage().partition("socket ")[2][:9] for record in caplog.records if record.name == "sequere"]
    assert told == ["cannot be", "can be us"]


def test_a_server_that_does_not_answer_is_waited_for_once(
    own_server: Valkey, settings: Any, thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else waits meanwhile, neither to follow, to publish, nor to read."""
    times = iter([0.0, 60.0])
    monkeypatch.setattr(connection_module, "monotonic", lambda: next(times, 60.0))
    monkeypatch.setattr(outages, "monotonic", lambda: 119.0)
    options = {"url": own_server.url, "client_class": CountingRedis, "options": {"socket_timeout": 2, "retry": None}}
    settings.SEQUERE_BACKEND_OPTIONS = settings.SEQUERE_TIMELINE_BACKEND_OPTIONS = options
    with redis.Redis.from_url(own_server.url) as operator:
        process = operator.info("server")["process_id"]
    os.kill(process, signal.SIGSTOP)
    try:
        with round_trips(1):
            for _ in range(2):
                follow(thoas, newbie)
                unfollow(thoas, newbie)
                Timeline(thoas).save(JoinAction(actor=thoas))
                for read in (get_followers_count, lambda one: Timeline(one).get_private_count()):
                    with pytest.raises(BackendUnavailable, match="Timeout"):
                        read(thoas)
    finally:
        os.kill(process, signal.SIGCONT)

    monkeypatch.setattr(outages, "monotonic", lambda: 120.0)
    rebuild("follows")
    rebuild("timelines")
    assert get_followers_count(newbie) == 0
    assert Timeline(thoas).get_private_count() == 2
    assert not QueuedEvent.objects.exists()


def test_a_server_without_memory_is_logged_once_although_it_can_be_read(
    own_server: Valkey, thoas: User, project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    newbie = UserFactory()
    follow(newbie, project)
    with redis.Redis.from_url(own_server.url) as operator:
        operator.config_set("maxmemory", 1)
        for _ in range(2):
            follow(thoas, project)
            unfollow(thoas, project)
            assert get_followers_count(project) == 1
        told = [record.getMessage() for record in caplog.records if record.name == "sequere"]
        operator.config_set("maxmemory", 0)
    follow(thoas, project)

    assert len(told) == 1
    assert "cannot be used" in told[0]
    assert "can be used again" in caplog.records[-1].getMessage()
    assert get_followers_count(project) == 2


def test_during_an_outage_a_page_is_unavailable_and_a_follow_is_confirmed(
    own_server: Valkey, thoas: User, project: Project
) -> None:
    browser = Client()
    browser.force_login(thoas)
    form = {"identifier": "project", "object_id": project.pk}
    own_server.stop()

    answer = browser.post("/sequere/follow/", form, headers={"Accept": "application/json"})
    page = browser.get(f"/sequere/project/{project.pk}/followers/")

    counts = {"followers_count": None, "followings_count": None}
    assert answer.json() == {"changed": True, "is_following": True, "is_pending": False, **counts}
    assert (page.status_code, page.json()) == (503, {"error": "This cannot be read at the moment."})
    own_server.start()
    rebuild("follows")
    assert is_following(thoas, project)


def test_a_durable_server_needs_no_rebuild_after_an_outage(settings: Any, thoas: User, project: Project) -> None:
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


def test_a_task_during_an_outage_is_not_an_error_and_leaves_the_events(
    own_server: Valkey, settings: Any, thoas: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SEQUERE_PROJECTION_MODES = {"follows": "celery", "timelines": "celery"}
    monkeypatch.setattr("sequere.workers._breaker.outage", Outage("", pauses_until=float("inf")))
    own_server.stop()
    follow(thoas, project)
    (queued,) = QueuedEvent.objects.all()

    tasks.drain(queued.queue, queued.shard)

    (left,) = QueuedEvent.objects.all()
    assert (left.event_id, left.attempts) == (queued.event_id, 0)


def test_an_emptied_server_is_noticed_and_restored(client: Any, thoas: User, project: Project) -> None:
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


def test_an_empty_server_is_right_until_somebody_follows(client: Any, thoas: User) -> None:
    Timeline(thoas).save(JoinAction(actor=thoas))

    assert get_followers_count(thoas) == 0
    assert list(get_followers(thoas)) == []


def test_an_emptied_server_is_logged_once(
    client: Any, thoas: User, project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    follow(thoas, project)
    client.flushall()

    for _ in range(3):
        follow(UserFactory(), project)

    assert [record.levelname for record in caplog.records if "emptied" in record.message] == ["ERROR"]


def test_a_server_emptied_during_a_rebuild_is_noticed(
    client: Any, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow_many((UserFactory(), project) for _ in range(6))
    monkeypatch.setattr(RESOURCES, "size", 3)
    client.flushall()

    with pytest.raises(ReadModelLost):
        rebuild("follows", progress=lambda *_: client.flushall())
    with pytest.raises(ReadModelLost):
        get_followers_count(project)

    rebuild("follows")
    assert get_followers_count(project) == 6


def test_scripts_that_the_server_has_lost_are_loaded_again(client: Any, thoas: User, project: Project) -> None:
    follow(thoas, project)

    for change in (unfollow, follow):
        client.script_flush()
        change(thoas, project)
        client.script_flush()
        assert get_followers_count(project) == (change is follow)
        client.script_flush()
        assert [one for one, _ in get_followers(project)] == ([thoas] if change is follow else [])

    assert verify("follows").wrong == 0


def test_scripts_of_timelines_that_the_server_has_lost_are_loaded_again(client: Any, thoas: User, newbie: User) -> None:
    follow(newbie, thoas)
    action = JoinAction(actor=thoas)
    seen = []

    for change in (
        lambda: Timeline(thoas).save(action),
        lambda: Timeline(newbie).save(JoinAction(actor=newbie)),
        lambda: Timeline(newbie).mark_as_read(),
        lambda: Timeline(thoas).delete(action),
    ):
        client.script_flush()
        change()
        client.script_flush()
        entries = len(Timeline(newbie).get_private())
        client.script_flush()
        seen.append((entries, Timeline(newbie).get_private_count(), Timeline(newbie).get_unread_count()))

    assert seen == [(1, 1, 1), (2, 2, 1), (2, 2, 0), (1, 1, 0)]
    assert verify("timelines").wrong == 0
