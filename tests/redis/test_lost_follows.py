"""The follows are lost and the timelines are not: fan-outs read the log instead."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from example_project.servers.valkey import own_valkey
from sequere.backends.redis import followers
from sequere.contrib.timeline import Timeline
from sequere.exceptions import ReadModelLost
from sequere.models import follow, follow_many, get_followers_count, unfollow
from sequere.outbox.drain import drain, drain_all
from sequere.outbox.queues import fan_out_queue_of
from sequere.projections.registry import BUILT_IN
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from sequere_timeline import projector
from sequere_timeline.backends.redis import writer
from tests.factories import UserFactory
from tests.races.outcome import differences
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction

pytestmark = [pytest.mark.django_db, pytest.mark.sequere_queued]


@pytest.fixture(autouse=True)
def later_and_two_at_a_time(in_redis: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SEQUERE_PROJECTION_MODES = {"follows": "on_commit", "timelines": "on_commit"}
    monkeypatch.setitem(projector.SECONDS_AT_ONCE, "on_commit", 0)
    monkeypatch.setattr(followers, "FOLLOWER_NAMES_PER_PAGE", 2)
    monkeypatch.setattr(writer, "RELATIONS_PER_STEP", 2)


@pytest.fixture
def operator(settings: Any) -> Iterator["redis.Redis"]:
    """The operator of a server with only the follows."""
    with own_valkey() as server, redis.Redis.from_url(server.url) as operator:
        settings.SEQUERE_BACKEND_OPTIONS = {"url": server.url}
        yield operator


@pytest.fixture
def fans(thoas: User) -> list[User]:
    """Seven followers of thoas who have read their timelines."""
    fans = UserFactory.create_batch(7)
    follow_many((fan, thoas) for fan in fans)
    drain_all(using="default")
    look(fans)
    return fans


def look(readers: list[User]) -> list[int]:
    return [Timeline(reader).get_private_count() for reader in readers]


def publish(actor: User) -> JoinAction:
    action = JoinAction(actor=actor)
    Timeline(actor).save(action)
    return action


def lose_follows(client: "redis.Redis") -> None:
    client.delete(*(key for key in client.scan_iter("sequere:*") if not key.startswith("sequere:timeline:")))


def test_an_action_published_meanwhile_reaches_the_followers(
    client: "redis.Redis", thoas: User, fans: list[User]
) -> None:
    publish(thoas)
    drain_all(using="default")
    lose_follows(client)

    publish(thoas)
    drain_all(using="default")

    assert look(fans) == [2] * 7
    rebuild("follows")
    assert differences() == []


def test_an_action_deleted_meanwhile_leaves_the_timelines(client: "redis.Redis", thoas: User, fans: list[User]) -> None:
    action = publish(thoas)
    drain_all(using="default")
    lose_follows(client)

    Timeline(thoas).delete(action)
    drain_all(using="default")

    assert look(fans) == [0] * 7
    rebuild("follows")
    assert differences() == []


def test_a_timeline_rebuilt_before_the_follows_gets_new_actions(
    client: "redis.Redis", thoas: User, fans: list[User]
) -> None:
    publish(thoas)
    drain_all(using="default")
    client.flushall()
    rebuild("timelines")
    look(fans)

    publish(thoas)
    drain_all(using="default")
    rebuild("follows")

    assert look(fans) == [2] * 7
    assert differences() == []


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_fan_out_continues_when_the_follows_are_lost_and_when_they_are_back(
    client: "redis.Redis", thoas: User, fans: list[User], steps: int
) -> None:
    newbie = UserFactory()
    publish(thoas)
    drain(BUILT_IN, using="default")

    lose_follows(client)
    unfollow(fans[2], thoas)
    follow(newbie, thoas)
    for _ in range(steps):
        drain(fan_out_queue_of("timelines"), using="default", seconds=0)
    rebuild("follows")
    drain_all(using="default")

    assert look([*fans, newbie]) == [1, 1, 0, 1, 1, 1, 1, 1]
    assert differences() == []


def test_an_action_reaches_timelines_on_another_server(operator: "redis.Redis", thoas: User, fans: list[User]) -> None:
    operator.flushall()

    action = publish(thoas)
    publish(thoas)
    Timeline(thoas).delete(action)
    drain_all(using="default")

    assert look(fans) == [1] * 7
    assert verify("timelines").wrong == 0
    with pytest.raises(ReadModelLost):
        get_followers_count(thoas)


@pytest.mark.parametrize("are_back", [False, True])
def test_a_fan_out_continues_although_the_server_of_the_follows_is_emptied(
    operator: "redis.Redis", thoas: User, fans: list[User], are_back: bool
) -> None:
    publish(thoas)
    drain(BUILT_IN, using="default")
    reached = look(fans)

    operator.flushall()
    drain(fan_out_queue_of("timelines"), using="default", seconds=0)
    if are_back:
        rebuild("follows")
    drain_all(using="default")

    assert sum(reached) == 2
    assert look(fans) == [1] * 7
    assert verify("timelines").wrong == 0
