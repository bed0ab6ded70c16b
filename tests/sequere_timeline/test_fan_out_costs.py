"""An action reaches the followers of its actor in sets: the number of statements does not grow with their number."""

from math import inf

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sequere.contrib.timeline import Timeline
from sequere.models import follow_many, get_followers
from sequere_timeline import projector
from sequere_timeline.backends.database import entries
from sequere_timeline.backends.database.actions import need_no_follow
from sequere_timeline.backends.database.models import Entry, SavedAction
from tests.conftest import MODE
from tests.factories import UserFactory
from tests.races.outcome import differences
from tests.sequere_timeline.dates import october
from tests.statements import CONTROL
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db


def followed_by(number: int, **timestamp):
    """A user with this many followers."""
    thoas = UserFactory()
    followers = User.objects.bulk_create(UserFactory.build_batch(number))
    follow_many((follower, thoas, *timestamp.values()) for follower in followers)
    return thoas, followers


def statements(act) -> int:
    with CaptureQueriesContext(connection) as captured:
        act()
    return sum(not query["sql"].startswith(CONTROL) for query in captured)


def is_one_call() -> bool:
    """Whether a function of the database saves a new action, and deletes what was saved once."""
    return connection.vendor == "postgresql" and MODE == "inline"


def save(actor) -> JoinAction:
    action = JoinAction(actor=actor)
    Timeline(actor).save(action)
    return action


@pytest.mark.database
def test_an_action_costs_the_same_for_3_and_for_300_followers():
    (one, few), (other, many) = followed_by(3), followed_by(300)

    costs = {statements(lambda: save(one)), statements(lambda: save(other))}

    assert len(costs) == 1
    assert Entry.objects.count() == 3 + 300 + 2
    assert Timeline(few[0]).get_private_count() == Timeline(many[-1]).get_private_count() == 1


@pytest.mark.database
def test_a_deletion_of_an_action_costs_the_same_for_3_and_for_300_followers():
    (one, _), (other, _) = followed_by(3), followed_by(300)
    actions = save(one), save(other)

    costs = {statements(lambda action=action: Timeline(action.actor).delete(action)) for action in actions}

    assert costs == {1} if is_one_call() else len(costs) == 1
    assert not Entry.objects.exists()


@pytest.fixture
def two_at_a_time(monkeypatch):
    """However slow the machine is: mode on_commit would continue a long fan-out in another transaction."""
    monkeypatch.setattr(entries, "FOLLOWERS_PER_STATEMENT", 2)
    monkeypatch.setitem(projector.SECONDS_AT_ONCE, "on_commit", inf)


@pytest.mark.database
def test_every_chunk_costs_2_statements_more(two_at_a_time):
    actors = [followed_by(number)[0] for number in (1, 3, 5, 11)]

    one, two, three, six = (statements(lambda actor=actor: save(actor)) for actor in actors)

    assert (two - one, three - one, six - one) == ((0, 0, 0) if is_one_call() else (2, 4, 10))


@pytest.mark.database
def test_every_chunk_of_a_deletion_costs_2_statements_more(two_at_a_time, newbie):
    actions = [save(followed_by(number)[0]) for number in (1, 3, 5, 11)]
    for action in actions:  # what was saved twice is deleted in steps
        Timeline(newbie).save(action)

    one, two, three, six = (statements(lambda one=action: Timeline(one.actor).delete(one)) for action in actions)

    assert (two - one, three - one, six - one) == (2, 4, 10)
    assert not Entry.objects.exists()


@pytest.mark.database
def test_the_own_and_direct_entries_of_an_action_are_found_without_reading_those_of_the_followers():
    """A celebrity's action has a million entries, and a change of it needs only these few."""
    save(followed_by(1500)[0])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")

    few = need_no_follow([SavedAction.objects.get().pk], "default")

    assert few.count() == 1
    assert "sequere_entry_extra" in few.explain()


@pytest.mark.parametrize("number", [0, 1, 2, 3, 6, 7])
@pytest.mark.parametrize("timestamp", [{}, {"timestamp": october(1)}], ids=["in turn", "at the same time"])
def test_every_follower_is_reached_once_whatever_the_chunks(monkeypatch, number, timestamp):
    monkeypatch.setattr(entries, "FOLLOWERS_PER_STATEMENT", 3)
    thoas, followers = followed_by(number, **timestamp)

    action = save(thoas)

    assert get_followers(thoas).count() == number
    assert [Timeline(one).get_private() for one in (thoas, *followers)] == [[action]] * (1 + number)
    assert differences() == []


@pytest.mark.database
def test_a_capped_fan_out_costs_the_same_for_3_and_for_300_followers_until_it_cuts(settings):
    settings.SEQUERE_TIMELINE_MAX_LENGTH = 2
    (one, _), (other, _) = followed_by(3), followed_by(300)

    costs = {statements(lambda actor=actor: save(actor)) for actor in (one, other)}

    assert len(costs) == 1


def test_a_capped_fan_out_in_chunks_cuts_every_timeline(monkeypatch, settings):
    monkeypatch.setattr(entries, "FOLLOWERS_PER_STATEMENT", 2)
    settings.SEQUERE_TIMELINE_MAX_LENGTH = 2
    thoas, followers = followed_by(5)

    actions = [save(thoas) for _ in range(4)]

    assert [Timeline(one).get_private() for one in followers] == [[actions[3], actions[2]]] * 5
    assert [Timeline(one).get_private_count() for one in (thoas, *followers)] == [2] * 6
