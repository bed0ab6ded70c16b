"""mark_as_read(), read_at and what is unread."""

from datetime import UTC, datetime, timedelta

import pytest

from sequere.contrib.timeline import Timeline
from sequere.events import Event
from sequere.exceptions import InvalidTimestamp
from sequere.models import follow
from tests.factories import ProjectFactory, UserFactory
from tests.sequere_timeline.dates import october
from tests.statements import at_most, exactly
from tests.testapp.models import Project
from tests.testapp.sequere_registry import JoinAction, LikeAction

pytestmark = pytest.mark.django_db


@pytest.fixture
def thoas():
    return UserFactory(username="thoas")


@pytest.fixture
def newbie(thoas):
    newbie = UserFactory(username="newbie")
    follow(newbie, thoas)
    return newbie


def save(actor, date) -> None:
    Timeline(actor).save(JoinAction(actor=actor, date=date))


def test_a_timeline_that_was_never_marked_has_no_read_at_and_all_of_others_is_unread(thoas, newbie):
    save(thoas, october(1))

    assert Timeline(newbie).read_at is None
    assert Timeline(newbie).get_unread_count() == 1


def test_imported_entries_are_unread_too(thoas):
    save(thoas, october(1))
    late = UserFactory()

    follow(late, thoas)

    assert Timeline(late).get_unread_count() == 1


def test_marking_as_read_is_an_event(thoas, newbie):
    save(thoas, october(1))

    event = Timeline(newbie).mark_as_read(october(2))

    assert (event.type, event.actor_object_id, event.occurred_at) == ("timeline_read", str(newbie.pk), october(2))
    assert Event.objects.filter(type="timeline_read").count() == 1
    assert Timeline(newbie).read_at == october(2)
    assert Timeline(newbie).get_unread_count() == 0


def test_without_a_timestamp_everything_until_now_is_read(thoas, newbie):
    save(thoas, None)
    before = datetime.now(UTC)

    Timeline(newbie).mark_as_read()

    assert before <= Timeline(newbie).read_at <= datetime.now(UTC)
    assert Timeline(newbie).get_unread_count() == 0

    save(thoas, datetime.now(UTC) + timedelta(hours=1))
    assert Timeline(newbie).get_unread_count() == 1


def test_what_is_dated_in_the_moment_of_the_mark_is_read(thoas, newbie):
    """T4: an action of the second in which the timeline was marked stayed unread."""
    save(thoas, october(1, microsecond=1))
    save(thoas, october(1, microsecond=2))
    save(thoas, october(1, microsecond=2))
    save(thoas, october(1, microsecond=3))

    Timeline(newbie).mark_as_read(october(1, microsecond=2))

    assert Timeline(newbie).get_unread_count() == 1


def test_ones_own_actions_are_never_unread(thoas, newbie):
    """T4: they counted."""
    save(newbie, october(1))
    save(thoas, october(2))
    Timeline(newbie).save(JoinAction(actor=thoas, date=october(3)))

    assert Timeline(newbie).get_unread_count() == 2

    Timeline(newbie).mark_as_read(october(2))
    save(newbie, october(4))

    assert Timeline(newbie).get_unread_count() == 1


def test_an_action_that_is_dated_in_the_future_is_unread_at_once(thoas, newbie):
    """T4: in the original it was not, until its time."""
    Timeline(newbie).mark_as_read()

    save(thoas, datetime.now(UTC) + timedelta(days=1))

    assert Timeline(newbie).get_unread_count() == 1


def test_a_mark_never_moves_backwards(thoas, newbie):
    """T3: it could."""
    save(thoas, october(3))
    Timeline(newbie).mark_as_read(october(5))

    assert Timeline(newbie).mark_as_read(october(4)) is None
    assert Timeline(newbie).mark_as_read(october(5)) is None

    assert Timeline(newbie).read_at == october(5)
    assert Timeline(newbie).get_unread_count() == 0
    assert Event.objects.filter(type="timeline_read").count() == 1


def test_a_mark_moves_forwards_by_a_microsecond(newbie):
    Timeline(newbie).mark_as_read(october(5))

    event = Timeline(newbie).mark_as_read(october(5, microsecond=1))

    assert event.version == 2
    assert Timeline(newbie).read_at == october(5, microsecond=1)


@pytest.mark.parametrize("timestamp", [october(1).timestamp(), int(october(1).timestamp())])
def test_a_timestamp_may_be_seconds_since_1970(thoas, newbie, timestamp):
    """T3: a number raised AttributeError."""
    save(thoas, october(1))
    save(thoas, october(1, second=1))

    Timeline(newbie).mark_as_read(timestamp)

    assert Timeline(newbie).read_at == october(1)
    assert Timeline(newbie).get_unread_count() == 1


def test_zero_is_a_point_in_time_too(newbie):
    Timeline(newbie).mark_as_read(0)

    assert Timeline(newbie).read_at == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("timestamp", ["2013-10-01", True, float("nan"), 10**20])
def test_what_is_no_point_in_time_is_refused(newbie, timestamp):
    with pytest.raises(InvalidTimestamp):
        Timeline(newbie).mark_as_read(timestamp)

    assert Timeline(newbie).read_at is None


def test_unread_counts_take_filters(thoas, newbie):
    project = ProjectFactory()
    for day, target in ((1, project), (2, newbie), (3, project), (4, ProjectFactory())):
        Timeline(thoas).save(LikeAction(actor=thoas, target=target, date=october(day)))
    save(thoas, october(5))
    timeline = Timeline(newbie)

    timeline.mark_as_read(october(1))

    assert timeline.get_unread_count() == 4
    assert timeline.get_unread_count(action=LikeAction) == 3
    assert timeline.get_unread_count(target=Project) == 2
    assert timeline.get_unread_count(action="like", target=project) == 1
    assert timeline.get_unread_count(action="join", target=project) == 0


def test_marks_belong_to_one_owner(thoas, newbie):
    project = ProjectFactory(pk=newbie.pk)
    follow(project, thoas)
    save(thoas, october(1))

    Timeline(newbie).mark_as_read(october(1))

    assert (Timeline(project).read_at, Timeline(project).get_unread_count()) == (None, 1)


@pytest.mark.inline
def test_what_it_costs(thoas, newbie):
    save(thoas, october(1))

    with at_most(8):
        Timeline(newbie).mark_as_read(october(1))
    with exactly(1):
        assert Timeline(newbie).read_at == october(1)
    with exactly(1):
        assert Timeline(newbie).get_unread_count() == 0
