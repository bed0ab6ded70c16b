"""A relation that was just recorded is applied without locks, unless something later may have been written."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.core.management import call_command
from django.db import connections, transaction

from example_project.servers.valkey import own_valkey
from sequere.backends.redis.scripts import LOAD_SIDES, READ_FOLLOWER_NAMES, WRITE_DIRECTLY, WRITE_SIDES
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
from sequere.redis.servers import KnownServer
from sequere.registry import registry
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from sequere_timeline.backends.redis.scripts import DROP_FEED, RETRACT_ACTION, SAVE_ACTION
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


def test_one_that_sleeps_through_a_rebuild_is_refused(
    client: Any, thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was loaded does not say what its writers had seen."""
    with late(monkeypatch, lambda: follow(thoas, newbie), calls(WRITE_DIRECTLY)) as answers:
        call_command("run_projections", once=True)
        unfollow(thoas, newbie)
        client.flushall()
        rebuild("follows")
        rebuild("timelines")

    assert answers[0][0] == 0
    assert not is_following(thoas, newbie)
    assert is_as_the_log_says()


def test_a_late_repair_does_not_undo_it(
    client: Any, thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(thoas, newbie)
    (uid,) = Resource.objects.filter(object_id=str(newbie.pk), identifier="user").values_list("uid", flat=True)
    client.delete(f"sequere:uid:{uid}:followers")

    with late(monkeypatch, lambda: rebuild("follows"), calls(LOAD_SIDES)) as answers:
        unfollow(thoas, newbie)

    assert [str(uid).encode()] in answers  # refused
    rebuild("follows")
    assert (is_following(thoas, newbie), get_followers_count(newbie)) == (False, 0)
    assert is_as_the_log_says()


def test_nothing_is_applied_directly_while_a_lost_model_is_loaded(
    client: Any, thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even if another process says meanwhile that the model is there."""
    follow(newbie, thoas)
    client.flushall()

    with late(monkeypatch, lambda: rebuild("follows"), calls(LOAD_SIDES), is_cut=False):
        client.set("sequere:global:built:follows", 1)
        follow(thoas, newbie)
        assert "direct" not in hash_of(client, thoas)
    rebuild("timelines")

    follow(UserFactory(), thoas)
    assert "direct" in hash_of(client, thoas)
    assert is_as_the_log_says()


def test_nobody_sees_what_a_transaction_has_taken_back(
    client: Any, thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(newbie, thoas)
    uids = dict(Resource.objects.filter(identifier="user").values_list("object_id", "uid"))
    seen: list[Any] = []
    send = Connection._send

    def look(self: Connection, commands: Any) -> Any:
        answers = send(self, commands)
        seen.append(client.zscore(f"sequere:uid:{uids[str(thoas.pk)]}:followings", uids[str(newbie.pk)]))
        return answers

    monkeypatch.setattr(Connection, "_send", look)
    with transaction.atomic():
        follow(thoas, newbie)
        unfollow(thoas, newbie)

    assert {*seen} == {None}
    assert is_as_the_log_says()


@pytest.mark.parametrize("names", [["follows"], ["follows", "timelines"]], ids=["one", "all"])
def test_what_somebody_else_has_locked_is_left_to_him(
    thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    """The row of the server is locked by whoever looks whether it is another one: no follow waits for him, and none
    says that it was written to the right one."""
    rebuild("timelines")
    answers: list[bool | None] = []

    def listen(*arguments: Any) -> bool | None:
        answers.append(settle(*arguments))
        return answers[-1]

    monkeypatch.setattr(direct, "settle", listen)
    with transaction.atomic(), ThreadPoolExecutor(1) as other:
        assert len(KnownServer.objects.select_for_update().filter(projection__in=names)) == len(names)

        def follow_there() -> Event | None:
            try:
                return follow(thoas, newbie)
            finally:
                connections.close_all()

        assert other.submit(follow_there).result(10)
    assert answers == [None]
    assert is_following(thoas, newbie)
    assert is_as_the_log_says()


@pytest.mark.parametrize("elsewhere", [False, True], ids=["", "on another server"])
def test_a_fan_out_has_written_before_it_asks_for_the_followers(
    settings: Any, thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch, elsewhere: bool
) -> None:
    """Whose follow is applied without locks after it has asked finds out in the public feed."""
    follow(newbie, thoas)
    with own_valkey() if elsewhere else nullcontext() as other:
        if other:
            settings.SEQUERE_TIMELINE_BACKEND_OPTIONS = {"url": other.url}
        rebuild("timelines")
        sent: list[Any] = []
        send = Connection._send

        def listen(self: Connection, commands: Any) -> Any:
            sent.extend(command[1] for command in commands)
            return send(self, commands)

        monkeypatch.setattr(Connection, "_send", listen)
        action = JoinAction(actor=thoas)
        Timeline(thoas).save(action)
        assert sent.index(SAVE_ACTION) < sent.index(READ_FOLLOWER_NAMES)
        sent.clear()
        Timeline(thoas).delete(action)
        assert sent.index(RETRACT_ACTION) < sent.index(READ_FOLLOWER_NAMES)


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
