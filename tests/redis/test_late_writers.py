"""A drainer that loses its database connection, and with it its locks, and goes on writing timelines."""

from contextlib import AbstractContextManager
from typing import Any

import pytest

from sequere.contrib.timeline import Timeline
from sequere.models import follow_many, unfollow
from sequere.outbox.drain import drain, drain_all
from sequere.outbox.queues import fan_out_queue_of
from sequere_timeline import projector
from sequere_timeline.backends.redis.scripts import DELIVER_ENTRY, STORE_GENERATION
from tests.factories import UserFactory
from tests.races.outcome import differences
from tests.redis.late import Reached, calls, late, only_postgresql
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction, LikeAction

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.sequere_queued,
    only_postgresql,
]


@pytest.fixture(autouse=True)
def later(in_redis: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the tests drain, one step at a time."""
    settings.SEQUERE_PROJECTION_MODES = {"follows": "celery", "timelines": "celery"}
    monkeypatch.setitem(projector.SECONDS_AT_ONCE, "celery", 0)


def drain_late(monkeypatch: pytest.MonkeyPatch, queue: str, is_reached: Reached) -> AbstractContextManager[Any]:
    return late(monkeypatch, lambda: drain(queue, using="default", seconds=0), is_reached)


@pytest.fixture
def fans(thoas: User, monkeypatch: pytest.MonkeyPatch) -> list[User]:
    """Three followers of thoas, in this order, of whom two are reached at once."""
    monkeypatch.setattr("sequere.backends.redis.followers.FOLLOWER_NAMES_PER_PAGE", 2)
    fans = UserFactory.create_batch(3)
    follow_many((fan, thoas) for fan in fans)
    drain_all(using="default")
    for fan in fans:
        Timeline(fan).get_private_count()
    return fans


def test_an_action_deleted_meanwhile_does_not_come_back(
    thoas: User, fans: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    action = JoinAction(actor=thoas)
    Timeline(thoas).save(action)

    # The first command it sends, whether or not it has read the log by then.
    with drain_late(monkeypatch, "built-in", lambda command: command[0] == "EVALSHA"):
        Timeline(thoas).delete(action)
        drain_all(using="default")
    drain_all(using="default")

    assert [list(Timeline(one).get_private()) for one in (thoas, *fans)] == [[]] * 4
    assert list(Timeline(thoas).get_public()) == []
    assert differences() == []


def test_a_follower_who_unfollows_meanwhile_is_not_reached(
    thoas: User, fans: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    Timeline(thoas).save(JoinAction(actor=thoas))
    drain("built-in", using="default", seconds=0)

    with drain_late(monkeypatch, fan_out_queue_of("timelines"), calls(DELIVER_ENTRY)):
        unfollow(fans[2], thoas)
        drain("built-in", using="default")
        before = Timeline(fans[2]).get_private_count()
    drain_all(using="default")

    assert (before, Timeline(fans[2]).get_private_count()) == (0, 0)
    assert differences() == []


def test_the_number_of_deletions_of_a_target_is_kept(thoas: User, monkeypatch: pytest.MonkeyPatch) -> None:
    film = UserFactory(username="La classe americaine")
    key = film.pk

    def like_and_delete() -> None:
        film = User.objects.filter(pk=key).first() or UserFactory(pk=key)
        Timeline(thoas).save(LikeAction(actor=thoas, target=film))
        film.delete()

    like_and_delete()
    with drain_late(monkeypatch, "built-in", calls(STORE_GENERATION)):
        like_and_delete()
        drain_all(using="default")
    drain_all(using="default")

    assert Timeline(thoas).get_public_count(target=UserFactory(pk=key)) == 0
    assert differences() == []
