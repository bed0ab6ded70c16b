"""An event that Redis refuses stops only its own stream, and a server that cannot write stops nothing for good."""

import logging
from pathlib import Path

import pytest
import redis

from sequere.contrib.timeline import Timeline
from sequere.exceptions import BackendUnavailable
from sequere.models import QueuedEvent, follow, get_followers_count, is_following
from sequere.outbox.drain import drain_all
from tests.factories import UserFactory
from tests.races.outcome import differences
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction
from tests.workers.until import until

pytestmark = [pytest.mark.django_db, pytest.mark.sequere_queued]


def test_a_key_of_another_type_stops_only_its_own_event(client: "redis.Redis", thoas: User, newbie: User) -> None:
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


@pytest.mark.parametrize(
    ("setting", "value", "usual", "reason"),
    [("maxmemory", 1, 0, "maxmemory"), ("min-replicas-to-write", 1, 0, "NOREPLICAS")],
)
def test_a_server_that_refuses_writes_is_not_counted_against_an_event(
    client: "redis.Redis",
    thoas: User,
    newbie: User,
    caplog: pytest.LogCaptureFixture,
    setting: str,
    value: int,
    usual: int,
    reason: str,
) -> None:
    follow(thoas, newbie)
    drain_all(using="default")
    follow(newbie, thoas)
    client.config_set(setting, value)
    try:
        for _ in range(2):
            with pytest.raises(BackendUnavailable, match=reason):
                drain_all(using="default")
            assert is_following(thoas, newbie)  # reads still work
    finally:
        client.config_set(setting, usual)

    (queued,) = QueuedEvent.objects.all()
    assert queued.attempts == 0
    assert [(record.levelno, reason in record.message) for record in caplog.records] == [(logging.WARNING, True)]
    drain_all(using="default")
    assert get_followers_count(thoas) == 1


def test_a_disk_that_cannot_be_written_is_not_counted_against_an_event(
    client: "redis.Redis", thoas: User, newbie: User
) -> None:
    follow(thoas, newbie)
    in_the_way = Path(client.config_get("dir")["dir"], "dump.rdb")
    in_the_way.mkdir()
    client.config_set("save", "3600 1")
    try:
        client.bgsave()
        until(lambda: client.info("persistence")["rdb_last_bgsave_status"] == "err")

        with pytest.raises(BackendUnavailable, match="MISCONF"):
            drain_all(using="default")
    finally:
        client.config_set("save", "")
        in_the_way.rmdir()

    (queued,) = QueuedEvent.objects.all()
    assert queued.attempts == 0
    drain_all(using="default")
    assert is_following(thoas, newbie)
