"""What Redis refuses stops its own stream, and what it cannot take at the moment stops nothing for good."""

import pytest
import redis

from sequere.contrib.timeline import Timeline
from sequere.exceptions import BackendUnavailable
from sequere.models import QueuedEvent, follow, get_followers_count, is_following
from sequere.outbox import drain_all
from tests.factories import UserFactory
from tests.races.outcome import differences
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction

pytestmark = [pytest.mark.django_db, pytest.mark.sequere_queued]


def test_a_key_of_another_type_parks_its_own_event_only(client: "redis.Redis", thoas: User, newbie: User) -> None:
    friend = UserFactory()
    client.set(f"sequere:timeline:public:user:{newbie.pk}", "somebody else's")
    follow(newbie, thoas)
    Timeline(newbie).save(JoinAction(actor=newbie))
    Timeline(friend).save(JoinAction(actor=friend))

    drain_all(using="default")

    (failed,) = QueuedEvent.objects.all()
    assert (failed.event.actor.object_id, failed.attempts) == (str(newbie.pk), 1)
    assert "WRONGTYPE" in failed.error
    assert is_following(newbie, thoas)
    assert Timeline(friend).get_public_count() == 1

    client.delete(f"sequere:timeline:public:user:{newbie.pk}")
    QueuedEvent.objects.update(retry_at=None)
    drain_all(using="default")

    assert differences() == []


def test_a_server_that_takes_no_more_is_no_fault_of_an_event(client: "redis.Redis", thoas: User, newbie: User) -> None:
    follow(thoas, newbie)
    drain_all(using="default")
    follow(newbie, thoas)
    client.config_set("maxmemory", 1)
    try:
        with pytest.raises(BackendUnavailable, match=r"OOM|maxmemory"):
            drain_all(using="default")
    finally:
        client.config_set("maxmemory", 0)

    (queued,) = QueuedEvent.objects.all()
    assert queued.attempts == 0
    drain_all(using="default")
    assert get_followers_count(thoas) == 1
