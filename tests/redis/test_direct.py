"""A relation that was just recorded is applied without locks, unless something later may have been written."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.core.management import call_command

from example_project.servers.valkey import own_valkey
from sequere.backends.redis.scripts import WRITE_DIRECTLY, WRITE_SIDES
from sequere.contrib.timeline import Timeline
from sequere.log.models import Event
from sequere.models import (
    KeptEvents,
    QueuedEvent,
    Resource,
    follow,
    follow_many,
    get_followers_count,
    get_friends_count,
    is_following,
    resume,
    suspend,
    unfollow,
    unfollow_many,
)
from sequere.outbox import direct, kept, shards
from sequere.outbox.shards import settle
from sequere.redis.connection import Connection
from sequere.redis.fencing import is_refusal
from sequere.registry import registry
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from sequere_timeline.backends.redis.scripts import DROP_FEED
from tests.factories import UserFactory
from tests.redis.counting import round_trips
from tests.redis.late import calls, late, only_postgresql
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction

pytestmark = [pytest.mark.django_db(transaction=True), only_postgresql]

#: Whether the late writer has lost its connection to the database; otherwise it drains what it may not write.
cut = pytest.mark.parametrize("is_cut", [True, False], ids=["cut off", "slow"])


@pytest.fixture(autouse=True)
def no_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their events are drained."""
    monkeypatch.setattr(kept, "EVENTS_PER_CHECKPOINT", 10**9)


@pytest.fixture(autouse=True)
def known_server(in_redis: None) -> None:
    """Otherwise the first event is drained, so that the server becomes known."""
    follow(*UserFactory.create_batch(2))


def hash_of(client: Any, instance: Any) -> dict[str, str]:
    uid = Resource.objects.get(**registry.key_of(instance)._asdict()).uid
    return dict(client.hgetall(f"sequere:uid::{uid}"))


def is_as_the_log_says() -> bool:
    call_command("run_projections", once=True)
    assert not QueuedEvent.objects.exists()
    return verify("follows", on_difference=print).wrong == verify("timelines", on_difference=print).wrong == 0


def test_it_leaves_its_event_on_both_ends(client: Any, thoas: User, project: Project) -> None:
    event = follow(thoas, project)

    assert event
    left = {"direct": str(event.pk)}
    assert hash_of(client, thoas) == {"identifier": "user", "object_id": str(thoas.pk)} | left
    assert hash_of(client, project) == {"identifier": "project", "object_id": str(project.pk)} | left
    assert client.hget("sequere:global:log:follows", "event") == str(event.pk)
    assert (is_following(thoas, project), get_followers_count(project)) == (True, 1)
    assert KeptEvents.objects.filter(token=None, ranges=[[event.pk, event.pk]]).count() == 2
    assert is_as_the_log_says()


@cut
@pytest.mark.parametrize(
    "change",
    [unfollow, lambda *pair: unfollow_many([pair])],
    ids=["without locks", "with locks"],
)
def test_a_late_one_does_not_undo_what_came_later(
    thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch, change: Callable[..., Any], is_cut: bool
) -> None:
    follow(newbie, thoas)

    with late(monkeypatch, lambda: follow(thoas, newbie), calls(WRITE_DIRECTLY), is_cut=is_cut) as answers:
        change(thoas, newbie)

    assert answers[0][0] == 0  # refused
    assert (is_following(thoas, newbie), get_friends_count(thoas), get_friends_count(newbie)) == (False, 0, 0)
    assert is_as_the_log_says()


def test_a_late_one_is_written_though_others_follow_the_same(
    thoas: User, newbie: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They write about other follows, and leave it what is about to be applied."""
    monkeypatch.setattr(shards, "IN_FLIGHT", timedelta(hours=1))
    with late(monkeypatch, lambda: follow(thoas, project), calls(WRITE_DIRECTLY)) as answers:
        follow(newbie, project)

    assert answers[0][0] == 1
    assert get_followers_count(project) == 2
    assert is_as_the_log_says()


def test_both_may_become_friends_at_once(thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch) -> None:
    follow(thoas, newbie)

    with late(monkeypatch, lambda: unfollow(thoas, newbie), calls(WRITE_DIRECTLY), is_cut=False):
        follow(newbie, thoas)
        assert get_friends_count(thoas) == get_friends_count(newbie) == 1

    assert get_friends_count(thoas) == get_friends_count(newbie) == 0
    assert is_as_the_log_says()


def test_a_late_drainer_does_not_undo_it(
    thoas: User, newbie: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has lost its locks, and what it has read is over."""
    pairs = [(thoas, project), (newbie, project)]

    with late(monkeypatch, lambda: follow_many(pairs), calls(WRITE_SIDES)) as answers:
        unfollow(thoas, project)
        assert not is_following(thoas, project)

    assert any(map(is_refusal, answers))
    assert not is_following(thoas, project)
    assert is_as_the_log_says()
    assert get_followers_count(project) == 1


def test_a_suspended_end_takes_the_longer_road(thoas: User, newbie: User, project: Project) -> None:
    suspend(thoas)
    with round_trips(2):
        follow(thoas, newbie)

    assert not is_following(thoas, newbie)
    resume(thoas)
    assert is_following(thoas, newbie)
    assert is_as_the_log_says()


@cut
def test_a_late_one_is_not_live_while_an_end_is_suspended(
    thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch, is_cut: bool
) -> None:
    with late(monkeypatch, lambda: follow(thoas, newbie), calls(WRITE_DIRECTLY), is_cut=is_cut) as answers:
        suspend(thoas)

    assert answers[0][0] == 0
    assert not is_following(thoas, newbie)
    assert is_as_the_log_says()


@pytest.mark.parametrize("verb", [follow, unfollow])
@pytest.mark.parametrize("is_there", [False, True], ids=["before the load", "after the load"])
def test_it_does_not_interfere_with_a_load(
    client: Any, thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch, verb: Callable[..., Any], is_there: bool
) -> None:
    if verb is unfollow:
        follow(thoas, newbie)

    with late(monkeypatch, lambda: verb(thoas, newbie), calls(WRITE_DIRECTLY), is_cut=False):
        client.flushall()
        if is_there:
            rebuild("follows")
            rebuild("timelines")
    rebuild("follows")
    rebuild("timelines")

    assert is_following(thoas, newbie) is (verb is follow)
    assert is_as_the_log_says()


def test_on_an_emptied_server_nothing_is_written(client: Any, thoas: User, newbie: User) -> None:
    client.flushall()
    event = follow(thoas, newbie)

    assert event
    assert "direct" not in hash_of(client, thoas)


def test_the_model_of_another_log_is_left_alone(client: Any, thoas: User, newbie: User) -> None:
    client.hset("sequere:global:log:follows", "id", "0" * 32)
    before = set(client.keys())

    assert follow(thoas, newbie)

    assert set(client.keys()) == before
    assert QueuedEvent.objects.count() == 1


def test_what_was_written_to_an_older_server_is_applied_again(
    settings: Any, thoas: User, newbie: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server has come back, and somebody has found out, before the event is taken out of the queue."""
    with own_valkey() as mortal, redis.Redis.from_url(mortal.url) as operator:
        settings.SEQUERE_BACKEND_OPTIONS = settings.SEQUERE_TIMELINE_BACKEND_OPTIONS = {"url": mortal.url}
        rebuild("follows")
        rebuild("timelines")
        follow(newbie, project)
        operator.save()

        def crash() -> None:
            mortal.crash()
            mortal.start()
            assert get_followers_count(thoas) == 0

        def settle_later(*arguments: Any) -> bool | None:
            crash()
            return settle(*arguments)

        monkeypatch.setattr(direct, "settle", settle_later)
        follow(thoas, newbie)

        assert is_following(thoas, newbie)
        assert is_as_the_log_says()


def test_older_events_in_the_shard_are_drained(
    settings: Any, thoas: User, newbie: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.SEQUERE_PROJECTION_MODES = {"follows": "celery", "timelines": "celery"}
    follow(newbie, project)
    settings.SEQUERE_PROJECTION_MODES = {}
    assert not is_following(newbie, project)
    monkeypatch.setattr(shards, "IN_FLIGHT", timedelta(0))

    follow(thoas, project)

    assert (is_following(thoas, project), is_following(newbie, project)) == (True, True)
    assert not QueuedEvent.objects.exists()


def test_what_a_follow_brings_is_in_the_timeline(thoas: User, newbie: User) -> None:
    Timeline(thoas).save(JoinAction(actor=thoas))
    assert Timeline(newbie).get_private_count() == 0

    with round_trips(1):
        follow(newbie, thoas)
    assert Timeline(newbie).get_private_count() == 1

    with round_trips(3):  # who reaches the followers as they were has to be refused, which takes locks
        unfollow(newbie, thoas)
    assert Timeline(newbie).get_private_count() == 0
    assert is_as_the_log_says()


def test_the_follow_is_written_before_the_timeline_is_dropped(
    settings: Any, thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a fan-out in between would not reach a reader who has filled it already."""
    with own_valkey() as other:
        settings.SEQUERE_TIMELINE_BACKEND_OPTIONS = {"url": other.url}
        rebuild("timelines")
        Timeline(thoas).save(JoinAction(actor=thoas))
        sent: list[Any] = []
        send = Connection._send

        def listen(self: Connection, commands: Any) -> Any:
            sent.extend(command[1] for command in commands if command[1] in {WRITE_DIRECTLY, DROP_FEED})
            return send(self, commands)

        monkeypatch.setattr(Connection, "_send", listen)
        follow(newbie, thoas)

        assert [*dict.fromkeys(sent)] == [WRITE_DIRECTLY, DROP_FEED]
        assert Timeline(newbie).get_private_count() == 1


@pytest.mark.parametrize("field", ["seen", "direct"])
@pytest.mark.parametrize("value", ["many", "", "-1", "nan", "inf", str(10**17)])
def test_what_nobody_has_left_there_is_in_nobodys_way(
    client: Any, thoas: User, newbie: User, project: Project, field: str, value: str
) -> None:
    follow(thoas, project)
    uids = Resource.objects.filter(identifier__in=["user", "project"]).values_list("uid", flat=True)
    for uid in uids:
        client.hset(f"sequere:uid::{uid}", field, value)

    follow(thoas, newbie)
    follow_many([(newbie, thoas), (newbie, project)])
    unfollow(thoas, project)

    assert get_friends_count(thoas) == 1
    assert is_as_the_log_says()


def test_a_model_without_its_note_is_left_to_a_drain(client: Any, thoas: User, newbie: User) -> None:
    client.delete("sequere:global:log:follows")

    event: Event | None = follow(thoas, newbie)

    assert event
    assert QueuedEvent.objects.filter(event_id=event.pk).exists() or is_following(thoas, newbie)
