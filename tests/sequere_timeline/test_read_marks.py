"""mark_as_read(), read_at and unread counts."""

from datetime import UTC, datetime, timedelta

import pytest

from sequere.contrib.timeline import Timeline
from sequere.exceptions import InvalidTimestamp
from sequere.log.models import Event
from sequere.models import follow, resume, suspend
from tests.factories import UserFactory
from tests.sequere_timeline.dates import october
from tests.statements import at_most, exactly
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db


@pytest.fixture
def newbie(newbie, thoas):
    follow(newbie, thoas)
    return newbie


def save(actor, date) -> None:
    Timeline(actor).save(JoinAction(actor=actor, date=date))


def test_marking_as_read_is_an_event(thoas, newbie):
    save(thoas, october(1))

    event = Timeline(newbie).mark_as_read(october(2))

    assert (event.type, event.actor_object_id, event.occurred_at) == ("timeline_read", str(newbie.pk), october(2))
    assert Event.objects.filter(type="timeline_read").count() == 1
    assert Timeline(newbie).read_at == october(2)
    assert Timeline(newbie).get_unread_count() == 0


def test_without_a_timestamp_everything_up_to_now_is_read(thoas, newbie):
    save(thoas, None)
    before = datetime.now(UTC)

    Timeline(newbie).mark_as_read()

    assert before <= Timeline(newbie).read_at <= datetime.now(UTC)
    assert Timeline(newbie).get_unread_count() == 0

    save(thoas, datetime.now(UTC) + timedelta(hours=1))
    assert Timeline(newbie).get_unread_count() == 1


@pytest.mark.parametrize("timestamp", [october(1).timestamp(), int(october(1).timestamp())])
def test_a_timestamp_may_be_seconds_since_1970(thoas, newbie, timestamp):
    save(thoas, october(1))
    save(thoas, october(1, second=1))

    Timeline(newbie).mark_as_read(timestamp)

    assert Timeline(newbie).read_at == october(1)
    assert Timeline(newbie).get_unread_count() == 1


@pytest.mark.parametrize("timestamp", ["2013-10-01", True, float("nan"), 10**20])
def test_an_invalid_timestamp_is_refused(newbie, timestamp):
    with pytest.raises(InvalidTimestamp):
        Timeline(newbie).mark_as_read(timestamp)

    assert Timeline(newbie).read_at is None


@pytest.mark.inline
def test_costs(thoas, newbie):
    save(thoas, october(1))

    with at_most(8):
        Timeline(newbie).mark_as_read(october(1))
    with exactly(1):
        assert Timeline(newbie).read_at == october(1)
    with exactly(1):
        assert Timeline(newbie).get_unread_count() == 0


def test_a_direct_entry_of_somebody_who_is_suspended_is_neither_shown_nor_counted(thoas, newbie):
    for actor in UserFactory.create_batch(2):
        Timeline(newbie).save(JoinAction(actor=actor, date=october(1)))
    timeline = Timeline(newbie)

    suspend(actor)
    assert [action.actor == actor for action in timeline.get_private()] == [False]
    assert [timeline.get_unread_count(), timeline.get_unread_count(limit=5), timeline.get_private_count()] == [1, 1, 1]

    resume(actor)
    assert [timeline.get_unread_count(), timeline.get_unread_count(limit=5), timeline.get_private_count()] == [2, 2, 2]
