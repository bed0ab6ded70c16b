"""Follows that are lost, while the timelines on another server are not: nothing is missing in them afterwards."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from example_project.servers.valkey import own_valkey
from sequere.backends.redis import followers
from sequere.contrib.timeline import Timeline
from sequere.events import FOLLOWED, Event
from sequere.exceptions import ReadModelLost
from sequere.models import follow_many, get_followers_count
from sequere.outbox import drain, drain_all
from sequere.queued import BUILT_IN, FAN_OUT
from sequere.replay import rebuild, verify
from sequere_timeline import projector
from sequere_timeline.backends.redis import writer
from tests.factories import UserFactory
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(in_redis: None, settings: Any, thoas: User, monkeypatch: pytest.MonkeyPatch) -> Iterator["redis.Redis"]:
    """At the server that the follows have for themselves. Five follow thoas, and a fan-out goes two by two."""
    monkeypatch.setattr(followers, "FOLLOWERS_AT_ONCE", 2)
    monkeypatch.setattr(writer, "RELATIONS_AT_ONCE", 2)
    monkeypatch.setitem(projector.SECONDS_AT_ONCE, "on_commit", 0)
    with own_valkey() as server, redis.Redis.from_url(server.url) as operator:
        settings.SEQUERE_BACKEND_OPTIONS = {"url": server.url}
        follow_many((newbie, thoas) for newbie in UserFactory.create_batch(5))
        drain_all(using="default")
        yield operator


def seen_by_fans() -> list[int]:
    """How many actions each follower has in his timeline."""
    ids = Event.objects.filter(type=FOLLOWED, version=1).values_list("actor_object_id", flat=True)
    return [Timeline(User.objects.get(pk=pk)).get_private_count() for pk in ids]


def test_an_action_reaches_the_followers_although_the_follows_are_lost(operator: "redis.Redis", thoas: User) -> None:
    """Or else the timelines, which are there, would lack it when the follows are restored."""
    assert seen_by_fans() == [0] * 5
    operator.flushall()

    Timeline(thoas).save(action := JoinAction(actor=thoas))
    Timeline(thoas).save(JoinAction(actor=thoas))
    Timeline(thoas).delete(action)

    assert seen_by_fans() == [1] * 5
    assert verify("timelines").wrong == 0
    with pytest.raises(ReadModelLost):
        get_followers_count(thoas)


@pytest.mark.sequere_queued
@pytest.mark.parametrize("are_back", [False, True])
def test_a_fan_out_goes_on_although_the_follows_are_lost_in_the_middle(
    operator: "redis.Redis", thoas: User, are_back: bool
) -> None:
    assert seen_by_fans() == [0] * 5
    Timeline(thoas).save(JoinAction(actor=thoas))
    drain(BUILT_IN, using="default")
    reached = seen_by_fans()

    operator.flushall()
    drain(FAN_OUT, using="default", seconds=0)
    if are_back:
        rebuild("follows")
    drain_all(using="default")

    assert sum(reached) == 2
    assert seen_by_fans() == [1] * 5
    assert verify("timelines").wrong == 0
