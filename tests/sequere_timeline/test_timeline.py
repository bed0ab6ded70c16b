"""Saving and deleting actions in timelines."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import modify_settings
from django.test.utils import CaptureQueriesContext

from sequere.base import ResourceKey
from sequere.contrib.timeline import Timeline
from sequere.exceptions import InvalidTimestamp, NotRegistered, UnsavedInstance
from sequere.log.models import Event
from sequere.models import follow
from sequere.registry import registry
from sequere_timeline.exceptions import ActionChanged, NotInTimeline, TimelinesNotInstalled, UnsavedAction
from tests.factories import (
    BasketFactory,
    DocumentFactory,
    PackageFactory,
    ProfileFactory,
    ProjectFactory,
    StarFactory,
    StrangerFactory,
    UserFactory,
)
from tests.races.outcome import differences
from tests.sequere_timeline.dates import october
from tests.testapp.models import Circle
from tests.testapp.sequere_registry import JoinAction, LikeAction

pytestmark = pytest.mark.django_db


# Saving


def test_saving_returns_the_event_and_gives_the_action_its_uid(thoas):
    action = JoinAction(actor=thoas)
    assert action.uid is None

    event = Timeline(thoas).save(action)

    assert (event.type, event.verb, str(event.stream)) == ("action_saved", "join", action.uid)
    assert Event.objects.get() == event


def test_actor_and_target_may_be_keys(thoas, newbie):
    """Also of something that nobody has loaded, or that is gone."""
    film = ProjectFactory()
    keys = registry.key_of(thoas), registry.key_of(film)
    action = LikeAction(actor=keys[0], target=keys[1])
    follow(newbie, thoas)

    assert Timeline(keys[0]).save(action)
    assert Timeline(thoas).save(action) is None
    assert Timeline(newbie).save(action)
    assert (action.actor_key, action.target_key) == keys
    (shown,) = Timeline(newbie).get_private()
    assert (shown, shown.actor, shown.target, str(action)) == (action, thoas, film, f"{keys[0]} like {keys[1]}")
    film.delete()
    assert (action.actor_key, action.target_key) == keys
    assert Timeline(keys[0]).delete(action)
    assert Timeline(thoas).delete(action) is None
    assert differences() == []


def test_an_action_upon_what_was_loaded_for_a_key_keeps_the_key(thoas):
    """Whatever the class of the instance."""
    circle = Circle.objects.create(name="round")
    action = LikeAction(actor=thoas, target=ResourceKey("shape", str(circle.pk)))
    Timeline(thoas).save(action)

    (shown,) = Timeline(thoas).get_public(target=ResourceKey("shape", str(circle.pk)))

    assert (type(shown.target), shown.target_key) == (Circle, action.target_key)
    assert Timeline(thoas).save(shown) is None
    assert list(Timeline(thoas).get_public(target=circle)) == []
    assert Timeline(thoas).delete(shown)


def test_the_events_of_an_action_are_its_stream(thoas, newbie):
    action = JoinAction(actor=thoas)

    events = [
        Timeline(newbie).save(action),
        Timeline(thoas).save(action),
        Timeline(thoas).delete(action),
        Timeline(thoas).save(action),
    ]

    assert {event.stream for event in events} == {UUID(action.uid)}
    assert [(event.type, event.version) for event in events] == [
        ("action_saved", 1),
        ("action_saved", 2),
        ("action_deleted", 3),
        ("action_saved", 4),
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda action: setattr(action, "date", october(26)),
        lambda action: action.kwargs.update(note="other"),
        lambda action: setattr(action, "target", UserFactory(username="other")),
    ],
    ids=["date", "kwargs", "target"],
)
def test_a_saved_action_cannot_be_changed(thoas, newbie, change):
    action = LikeAction(actor=thoas, target=newbie, date=october(25), note="first")
    Timeline(thoas).save(action)
    change(action)

    with pytest.raises(ActionChanged, match="create a new one"):
        Timeline(newbie).save(action)

    (saved,) = Timeline(thoas).get_public()
    assert (saved.date, saved.kwargs, saved.target) == (october(25), {"note": "first"}, newbie)
    assert Timeline(newbie).get_private() == []


@pytest.mark.parametrize("role", ["actor", "target", "owner"])
def test_actor_target_and_owner_must_be_registered_and_saved(thoas, role):
    def save(instance):
        parts = {"actor": thoas, "target": None, "owner": thoas, role: instance}
        Timeline(parts["owner"]).save(LikeAction(actor=parts["actor"], target=parts["target"]))

    with pytest.raises(NotRegistered, match=r"sequere\.register\(Stranger\)"):
        save(StrangerFactory())
    with pytest.raises(UnsavedInstance):
        save(UserFactory.build())

    assert not Event.objects.exists()


def test_nothing_is_saved_if_timelines_are_not_installed(thoas):
    """The event would be recorded and appear in no timeline."""
    with (
        modify_settings(INSTALLED_APPS={"remove": ["sequere_timeline"]}),
        pytest.raises(TimelinesNotInstalled, match="add 'sequere_timeline'"),
    ):
        Timeline(thoas).save(JoinAction(actor=thoas))

    assert not Event.objects.exists()


@pytest.mark.parametrize(
    "create",
    [
        lambda: StarFactory(pk=2**63 - 1),
        DocumentFactory,
        lambda: PackageFactory(pk="libc6:amd64"),
        lambda: PackageFactory(pk="L’été, 100 % \U0001f3ac '\"\\"),
        ProfileFactory,
        BasketFactory,
    ],
    ids=["big int", "UUID", "text with a colon", "any text", "one-to-one", "falsy"],
)
def test_any_primary_key_can_act_be_a_target_and_read(thoas, create):
    """As actor, target and owner, followed and follower."""
    one, other = create(), ProjectFactory()
    follow(one, thoas)
    follow(thoas, one)

    own, upon, direct = (
        JoinAction(actor=one, date=october(1)),
        LikeAction(actor=thoas, target=one, date=october(2)),
        JoinAction(actor=other, date=october(3)),
    )
    for owner, action in ((one, own), (thoas, upon), (one, direct)):
        Timeline(owner).save(action)

    assert [(action.actor, action.target) for action in Timeline(one).get_private()] == [
        (other, None),
        (thoas, one),
        (one, None),
    ]
    assert Timeline(thoas).get_private() == [upon, own]
    assert Timeline(one).get_private(target=one) == Timeline(thoas).get_public(target=type(one)) == [upon]
    Timeline(one).mark_as_read(october(2))
    assert (Timeline(one).read_at, Timeline(one).get_unread_count()) == (october(2), 1)
    one.delete()
    assert [(action.actor, action.target_deleted) for action in Timeline(thoas).get_private()] == [(thoas, True)]
    assert differences() == []


def test_a_timeline_shows_whose_it_is(thoas):
    assert repr(Timeline(thoas)) == "<Timeline: thoas>"


# Dates and order


@pytest.mark.parametrize("given", ["utc", "chicago", "seconds"])
def test_a_date_comes_back_as_the_same_moment_to_the_microsecond(thoas, given):
    """In any time zone, with the fraction of a second."""
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


def test_a_loaded_action_can_be_deleted(thoas):
    Timeline(thoas).save(JoinAction(actor=thoas))

    Timeline(thoas).delete(Timeline(thoas).get_private()[0])

    assert Timeline(thoas).get_private() == []


def test_a_follower_cannot_delete_an_action_they_read(thoas, newbie):
    follow(newbie, thoas)
    action = JoinAction(actor=thoas)
    Timeline(thoas).save(action)

    with pytest.raises(NotInTimeline, match="is not in the timeline of user:"):
        Timeline(newbie).delete(action)

    assert Timeline(newbie).get_private() == [action]


def test_an_action_that_was_never_saved_cannot_be_deleted(thoas):
    with pytest.raises(UnsavedAction, match="thoas join"):
        Timeline(thoas).delete(JoinAction(actor=thoas))


def test_deleting_a_uid_unknown_to_the_log_changes_nothing(thoas):
    action = JoinAction(actor=thoas)
    action.uid = str(uuid4())

    assert Timeline(thoas).delete(action) is None


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

    words = {word for query in captured for word in query["sql"].split()}
    assert words.isdisjoint({"INSERT", "UPDATE", "DELETE", "(INSERT", "(UPDATE", "(DELETE"})


def test_an_action_cannot_be_deleted_under_a_forged_actor():
    thoas, newbie = UserFactory.create_batch(2)
    action = JoinAction(actor=thoas)
    Timeline(thoas).save(action)
    forged = JoinAction(actor=newbie)
    forged.uid = action.uid

    with pytest.raises(ActionChanged):
        Timeline(newbie).delete(forged)

    assert Timeline(thoas).get_public_count() == 1
