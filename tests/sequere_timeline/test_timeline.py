"""Saving actions in timelines, and deleting them."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sequere.contrib.timeline import Timeline
from sequere.events import Event
from sequere.exceptions import InvalidTimestamp, NotRegistered, UnsavedInstance
from sequere.models import follow, unfollow
from sequere_timeline.exceptions import ActionChanged, NotInTimeline, UnsavedAction
from tests.factories import ProjectFactory, StrangerFactory, UserFactory
from tests.races.outcome import differences
from tests.sequere_timeline.dates import october
from tests.testapp.sequere_registry import JoinAction, LikeAction

pytestmark = pytest.mark.django_db


@pytest.fixture
def thoas():
    return UserFactory(username="thoas")


@pytest.fixture
def newbie():
    return UserFactory(username="newbie")


@pytest.fixture
def project():
    return ProjectFactory(name="La classe americaine")


def reasons(instance) -> list[tuple[str, set[str]]]:
    """What is in the private timeline, and why."""
    return [(str(action), set(action.reasons)) for action in Timeline(instance).get_private()]


# Saving


def test_a_saved_action_comes_back_as_what_it_is(thoas, project):
    action = LikeAction(actor=thoas, target=project, date=october(25))

    Timeline(thoas).save(action)

    (private,), (public,) = Timeline(thoas).get_private(), Timeline(thoas).get_public()
    for saved in (private, public):
        assert type(saved) is LikeAction
        assert (saved.actor, saved.verb, saved.target, saved.date) == (thoas, "like", project, october(25))
        assert saved == action


def test_saving_returns_the_event_and_gives_the_action_its_uid(thoas):
    action = JoinAction(actor=thoas)
    assert action.uid is None

    event = Timeline(thoas).save(action)

    assert (event.type, event.verb, str(event.stream)) == ("action_saved", "join", action.uid)
    assert Event.objects.get() == event


def test_saving_again_changes_nothing(thoas, newbie):
    """T7: saving twice counted 2 where 1 was listed."""
    follow(newbie, thoas)
    action = JoinAction(actor=thoas)
    Timeline(thoas).save(action)

    again = Timeline(thoas).save(action)

    assert again is None
    for timeline in (Timeline(thoas), Timeline(newbie)):
        assert (timeline.get_private_count(), len(timeline.get_private())) == (1, 1)
    assert (Timeline(thoas).get_public_count(), len(Timeline(thoas).get_public())) == (1, 1)
    assert Event.objects.filter(type="action_saved").count() == 1


def test_the_private_timeline_of_a_follower_has_the_action_the_public_one_has_not(thoas, newbie):
    follow(newbie, thoas)

    Timeline(thoas).save(JoinAction(actor=thoas))

    assert reasons(newbie) == [("thoas join", {"followed"})]
    assert reasons(thoas) == [("thoas join", {"own"})]
    assert (Timeline(newbie).get_public_count(), Timeline(thoas).get_public_count()) == (0, 1)


def test_an_action_of_somebody_else_enters_this_private_timeline_only(thoas, newbie, project):
    """No public timeline has it, and no follower, neither of its actor nor of the timeline's owner."""
    reader, fan = UserFactory(username="reader"), UserFactory(username="fan")
    follow(reader, newbie)
    follow(fan, thoas)

    Timeline(newbie).save(LikeAction(actor=thoas, target=project))

    assert reasons(newbie) == [("thoas like La classe americaine", {"direct"})]
    assert [Timeline(one).get_private_count() for one in (thoas, reader, fan)] == [0, 0, 0]
    assert [Timeline(one).get_public_count() for one in (thoas, newbie)] == [0, 0]


def test_one_action_may_be_saved_in_several_timelines(thoas, newbie):
    action = JoinAction(actor=thoas)
    others = [newbie, UserFactory(username="reader")]

    events = [Timeline(one).save(action) for one in (*others, thoas)]

    assert len({event.stream for event in events}) == 1
    assert [event.version for event in events] == [1, 2, 3]
    assert [reasons(one) for one in others] == [[("thoas join", {"direct"})]] * 2
    assert reasons(thoas) == [("thoas join", {"own"})]
    assert Timeline(thoas).get_public() == [action]


def test_an_entry_may_have_two_reasons(thoas, newbie):
    action = JoinAction(actor=thoas)
    follow(newbie, thoas)

    Timeline(newbie).save(action)
    Timeline(thoas).save(action)

    assert reasons(newbie) == [("thoas join", {"direct", "followed"})]
    assert (Timeline(newbie).get_private_count(), Timeline(newbie).get_public_count()) == (1, 0)


def test_a_loaded_action_may_be_saved_in_another_timeline(thoas, newbie, project):
    Timeline(thoas).save(LikeAction(actor=thoas, target=project, note="à voir"))
    loaded = Timeline(thoas).get_public()[0]

    Timeline(newbie).save(loaded)

    assert Timeline(newbie).get_private() == [loaded]
    assert Timeline(newbie).get_private()[0].kwargs == {"note": "à voir"}


@pytest.mark.parametrize(
    "change",
    [
        lambda action: setattr(action, "date", october(26)),
        lambda action: action.kwargs.update(note="other"),
        lambda action: setattr(action, "target", UserFactory(username="other")),
    ],
    ids=["date", "kwargs", "target"],
)
def test_what_happened_does_not_change(thoas, newbie, change):
    action = LikeAction(actor=thoas, target=newbie, date=october(25), note="first")
    Timeline(thoas).save(action)
    change(action)

    with pytest.raises(ActionChanged, match="make a new action"):
        Timeline(newbie).save(action)

    (saved,) = Timeline(thoas).get_public()
    assert (saved.date, saved.kwargs, saved.target) == (october(25), {"note": "first"}, newbie)
    assert Timeline(newbie).get_private() == []


@pytest.mark.parametrize("role", ["actor", "target", "owner"])
def test_everyone_in_it_must_be_registered_and_saved(thoas, role):
    def save(instance):
        parts = {"actor": thoas, "target": None, "owner": thoas, role: instance}
        Timeline(parts["owner"]).save(LikeAction(actor=parts["actor"], target=parts["target"]))

    with pytest.raises(NotRegistered, match=r"sequere\.register\(Stranger\)"):
        save(StrangerFactory())
    with pytest.raises(UnsavedInstance):
        save(UserFactory.build())

    assert not Event.objects.exists()


def test_a_timeline_shows_whose_it_is(thoas):
    assert repr(Timeline(thoas)) == "<Timeline: thoas>"


# Dates and order


def test_timelines_are_newest_first_by_the_date_of_the_action_not_by_the_time_of_saving(thoas, newbie):
    follow(newbie, thoas)
    for day in (12, 10, 11):
        Timeline(thoas).save(JoinAction(actor=thoas, date=october(day)))

    for list_of in (Timeline(thoas).get_private, Timeline(thoas).get_public, Timeline(newbie).get_private):
        assert [action.date.day for action in list_of()] == [12, 11, 10]
        assert [action.date.day for action in list_of(desc=False)] == [10, 11, 12]


@pytest.mark.database
def test_actions_of_one_moment_are_in_the_order_of_the_log(thoas, newbie):
    follow(newbie, thoas)
    actions = [JoinAction(actor=thoas, date=october(10)) for _ in range(5)]
    for action in actions:
        Timeline(thoas).save(action)

    assert Timeline(newbie).get_private() == actions[::-1]
    assert Timeline(newbie).get_private(desc=False) == actions
    assert Timeline(thoas).get_public() == actions[::-1]


@pytest.mark.parametrize("given", ["utc", "chicago", "seconds"])
def test_a_date_comes_back_as_the_moment_it_was_to_the_microsecond(thoas, given):
    """T2: the original read aware UTC times as local ones, and lost what is less than a second."""
    moment = datetime(2013, 10, 25, 4, 41, 31, 612067, tzinfo=UTC)
    date = {
        "utc": moment,
        "chicago": moment.astimezone(timezone(timedelta(hours=-5))),
        "seconds": moment.timestamp(),
    }[given]

    Timeline(thoas).save(JoinAction(actor=thoas, date=date))

    assert [action.date for action in Timeline(thoas).get_private()] == [moment]


def test_a_date_is_now_by_default_and_must_be_a_point_in_time(thoas):
    before = datetime.now(UTC)

    action = JoinAction(actor=thoas)

    assert before <= action.date <= datetime.now(UTC)
    with pytest.raises(InvalidTimestamp):
        JoinAction(actor=thoas, date="yesterday")


# Deleting


def test_a_deleted_action_is_nowhere_any_more(thoas, newbie, project):
    """T8: the original left the action and the copies of all followers behind."""
    follow(newbie, thoas)
    action = LikeAction(actor=thoas, target=project)
    Timeline(thoas).save(action)
    Timeline(project).save(action)

    event = Timeline(thoas).delete(action)

    assert (event.type, str(event.stream)) == ("action_deleted", action.uid)
    for instance in (thoas, newbie, project):
        assert (Timeline(instance).get_private_count(), Timeline(instance).get_private()) == (0, [])
    assert Timeline(thoas).get_public() == []
    assert differences() == []


def test_a_deleted_action_disappears_also_from_former_followers(thoas, newbie, settings):
    """With removal on unfollow off, a former follower keeps what he has, but not what no longer exists."""
    settings.SEQUERE_TIMELINE_REMOVE_ACTIONS_ON_UNFOLLOW = False
    gone, kept = JoinAction(actor=thoas), JoinAction(actor=thoas)
    follow(newbie, thoas)
    Timeline(thoas).save(gone)
    Timeline(thoas).save(kept)
    unfollow(newbie, thoas)
    assert Timeline(newbie).get_private() == [kept, gone]

    Timeline(thoas).delete(gone)

    assert Timeline(newbie).get_private() == [kept]


def test_deleting_again_changes_nothing(thoas, newbie):
    """T7: deleting twice made the count -1."""
    follow(newbie, thoas)
    action = JoinAction(actor=thoas)
    Timeline(thoas).save(action)
    Timeline(thoas).delete(action)

    again = Timeline(thoas).delete(action)

    assert again is None
    assert [Timeline(one).get_private_count() for one in (thoas, newbie)] == [0, 0]
    assert Event.objects.filter(type="action_deleted").count() == 1


def test_an_action_may_be_deleted_from_the_timeline_that_it_was_saved_in(thoas, newbie):
    action = JoinAction(actor=thoas)
    Timeline(newbie).save(action)
    Timeline(thoas).save(action)

    Timeline(newbie).delete(action)

    assert [Timeline(one).get_private() for one in (thoas, newbie)] == [[], []]
    assert Timeline(thoas).get_public() == []


def test_an_action_may_be_deleted_by_its_actor_wherever_it_was_saved(thoas, newbie):
    action = JoinAction(actor=thoas)
    Timeline(newbie).save(action)

    Timeline(thoas).delete(action)

    assert Timeline(newbie).get_private() == []


def test_a_loaded_action_can_be_deleted(thoas):
    Timeline(thoas).save(JoinAction(actor=thoas))

    Timeline(thoas).delete(Timeline(thoas).get_private()[0])

    assert Timeline(thoas).get_private() == []


def test_a_follower_cannot_delete_what_he_reads(thoas, newbie):
    follow(newbie, thoas)
    action = JoinAction(actor=thoas)
    Timeline(thoas).save(action)

    with pytest.raises(NotInTimeline, match="is not in the timeline of user:"):
        Timeline(newbie).delete(action)

    assert Timeline(newbie).get_private() == [action]


def test_an_action_that_was_never_saved_cannot_be_deleted(thoas):
    with pytest.raises(UnsavedAction, match="thoas join"):
        Timeline(thoas).delete(JoinAction(actor=thoas))


def test_deleting_an_uid_that_the_log_does_not_know_changes_nothing(thoas):
    """T11: the original raised a KeyError for an uid that it did not know."""
    action = JoinAction(actor=thoas)
    action.uid = str(uuid4())

    assert Timeline(thoas).delete(action) is None


def test_a_deleted_action_can_be_saved_again(thoas, newbie):
    follow(newbie, thoas)
    action = JoinAction(actor=thoas)
    Timeline(thoas).save(action)
    Timeline(newbie).save(action)
    Timeline(thoas).delete(action)

    event = Timeline(thoas).save(action)

    assert (event.version, event.stream) == (4, UUID(action.uid))
    assert reasons(newbie) == [("thoas join", {"followed"})]
    assert Timeline(thoas).get_public() == [action]


# Actions as values


def test_actions_are_equal_when_they_are_the_same_action(thoas):
    one, other = JoinAction(actor=thoas), JoinAction(actor=thoas)
    assert one != other

    Timeline(thoas).save(one)
    Timeline(thoas).save(other)

    assert one != other
    assert {one, other} == set(Timeline(thoas).get_private())
    assert one != "an action"


# Reading


def test_reading_writes_nothing(thoas):
    timeline = Timeline(thoas)

    with CaptureQueriesContext(connection) as captured:
        timeline.get_private_count()
        timeline.get_unread_count()
        list(timeline.get_private())
        list(timeline.get_public())
        assert timeline.read_at is None

    assert {query["sql"].split()[0] for query in captured} <= {"SELECT"}
