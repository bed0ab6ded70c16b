"""What a follow brings into a private timeline, and what an unfollow takes from it."""

import pytest

from sequere.contrib.timeline import Timeline
from sequere.models import follow, follow_many, unfollow, unfollow_many
from tests.factories import UserFactory
from tests.sequere_timeline.dates import october
from tests.statements import at_most
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db


@pytest.fixture
def thoas():
    return UserFactory(username="thoas")


@pytest.fixture
def newbie():
    return UserFactory(username="newbie")


@pytest.fixture
def configure(settings):
    def configure(*, imports: bool = True, removes: bool = True, cap: int | None = None) -> None:
        settings.SEQUERE_TIMELINE_IMPORT_ACTIONS_ON_FOLLOW = imports
        settings.SEQUERE_TIMELINE_REMOVE_ACTIONS_ON_UNFOLLOW = removes
        settings.SEQUERE_TIMELINE_MAX_LENGTH = cap

    return configure


def save(actor, day: int) -> JoinAction:
    action = JoinAction(actor=actor, date=october(day))
    Timeline(actor).save(action)
    return action


def days(instance) -> list[int]:
    """The days of the actions in the private timeline, oldest first."""
    timeline = Timeline(instance)
    shown = [action.date.day for action in timeline.get_private(desc=False)]
    assert timeline.get_private_count() == len(shown)
    return shown


# By default


def test_a_follow_brings_the_earlier_actions_and_an_unfollow_takes_them_all(thoas, newbie):
    save(thoas, 1)
    follow(newbie, thoas)
    save(thoas, 2)
    assert days(newbie) == [1, 2]

    unfollow(newbie, thoas)

    assert days(newbie) == []
    assert days(thoas) == [1, 2]


def test_a_follow_of_someone_brings_what_others_saved_in_his_timeline_no_further(thoas, newbie):
    """Only what he has published: an action of somebody else in his timeline is for him."""
    other = UserFactory(username="other")
    Timeline(thoas).save(JoinAction(actor=other, date=october(1)))
    save(thoas, 2)

    follow(newbie, thoas)

    assert days(newbie) == [2]


def test_a_follow_brings_nothing_of_those_whom_the_followed_one_follows(thoas, newbie):
    other = UserFactory(username="other")
    follow(thoas, other)
    save(other, 1)

    follow(newbie, thoas)

    assert (days(thoas), days(newbie)) == ([1], [])


def test_a_second_follow_or_unfollow_changes_no_timeline(thoas, newbie):
    """T7: an import that was done twice counted twice."""
    save(thoas, 1)
    follow(newbie, thoas)
    assert follow(newbie, thoas) is None
    assert days(newbie) == [1]

    unfollow(newbie, thoas)
    assert unfollow(newbie, thoas) is None
    assert days(newbie) == []


def test_an_unfollow_touches_nobody_else(thoas, newbie):
    other = UserFactory(username="other")
    follow_many([(newbie, thoas), (newbie, other), (other, thoas)])
    save(thoas, 1)
    save(other, 2)

    unfollow(newbie, thoas)

    assert (days(newbie), days(other), days(thoas)) == ([2], [1, 2], [1])


def test_many_follows_and_unfollows_do_what_single_ones_do(thoas):
    newbies = UserFactory.create_batch(3)
    other = UserFactory(username="other")
    save(thoas, 1)
    save(other, 2)

    follow_many((newbie, one) for newbie in newbies for one in (thoas, other))
    assert [days(newbie) for newbie in newbies] == [[1, 2]] * 3

    unfollow_many((newbie, thoas) for newbie in newbies[:2])
    assert [days(newbie) for newbie in newbies] == [[2], [2], [1, 2]]


def test_own_actions_survive_every_unfollow(thoas, newbie):
    follow_many([(newbie, thoas), (thoas, newbie)])
    save(newbie, 1)
    save(thoas, 2)

    unfollow(newbie, thoas)
    unfollow(thoas, newbie)

    assert (days(newbie), days(thoas)) == ([1], [2])


# All four combinations of the two settings

#: imports, removes: the days that newbie sees after follow(1) - save 2 - unfollow - save 3, in a log that began
#: with save 1; and after a second follow, save 4, and the second unfollow.
COMBINATIONS = {
    (True, True): [[1], [1, 2], [], [], [1, 2, 3], [1, 2, 3, 4], []],
    (True, False): [[1], [1, 2], [1, 2], [1, 2], [1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4]],
    (False, True): [[], [2], [], [], [], [4], []],
    (False, False): [[], [2], [2], [2], [2], [2, 4], [2, 4]],
}


@pytest.mark.parametrize(("imports", "removes"), COMBINATIONS)
def test_follows_and_unfollows_under_each_combination_of_the_settings(thoas, newbie, configure, imports, removes):
    """T7: removal without import made counts negative."""
    configure(imports=imports, removes=removes)
    save(thoas, 1)
    steps = [
        lambda: follow(newbie, thoas),
        lambda: save(thoas, 2),
        lambda: unfollow(newbie, thoas),
        lambda: save(thoas, 3),
        lambda: follow(newbie, thoas),
        lambda: save(thoas, 4),
        lambda: unfollow(newbie, thoas),
    ]

    seen = []
    for step in steps:
        step()
        seen.append(days(newbie))

    assert seen == COMBINATIONS[imports, removes]


@pytest.mark.parametrize(("imports", "removes"), COMBINATIONS)
def test_what_counts_is_the_order_of_the_log_not_the_dates_that_are_given(thoas, newbie, configure, imports, removes):
    """A follow that is said to be old, an unfollow that is said to be, and actions dated before and after them."""
    configure(imports=imports, removes=removes)
    save(thoas, 20)
    follow(newbie, thoas, timestamp=october(1))
    save(thoas, 2)
    unfollow(newbie, thoas, timestamp=october(1))
    save(thoas, 10)

    assert (
        days(newbie)
        == {
            (True, True): [],
            (True, False): [2, 20],
            (False, True): [],
            (False, False): [2],
        }[imports, removes]
    )


@pytest.mark.parametrize(("imports", "removes"), COMBINATIONS)
def test_an_action_that_was_published_late_belongs_to_the_time_of_its_publication(
    thoas, newbie, configure, imports, removes
):
    """Saved with somebody else before the follow, in the timeline of its actor after the unfollow."""
    configure(imports=imports, removes=removes)
    action = JoinAction(actor=thoas, date=october(1))
    Timeline(UserFactory()).save(action)
    follow(newbie, thoas)
    unfollow(newbie, thoas)
    Timeline(thoas).save(action)
    assert days(newbie) == []

    follow(newbie, thoas)

    assert days(newbie) == ([1] if imports else [])


# Two reasons


@pytest.mark.parametrize("first", ["direct", "followed"])
def test_an_entry_with_two_reasons_stays_until_both_are_gone(thoas, newbie, first):
    """Saved there directly and followed; unfollow takes one reason, in both orders of their coming."""
    action = JoinAction(actor=thoas, date=october(1))
    come = [lambda: Timeline(newbie).save(action), lambda: (follow(newbie, thoas), Timeline(thoas).save(action))]
    for one in come if first == "direct" else come[::-1]:
        one()
    (entry,) = Timeline(newbie).get_private()
    assert entry.reasons == {"direct", "followed"}

    unfollow(newbie, thoas)

    (entry,) = Timeline(newbie).get_private()
    assert entry.reasons == {"direct"}

    Timeline(thoas).delete(action)

    assert days(newbie) == []


def test_a_follow_adds_its_reason_to_a_direct_entry(thoas, newbie):
    action = save(thoas, 1)
    Timeline(newbie).save(action)

    follow(newbie, thoas)

    assert [entry.reasons for entry in Timeline(newbie).get_private()] == [{"direct", "followed"}]


# What it costs


@pytest.mark.inline
@pytest.mark.parametrize("cap", [None, 3], ids=["no cap", "cap"])
@pytest.mark.parametrize("mutual", [False, True], ids=["one way", "mutual"])
@pytest.mark.parametrize("number", [0, 2, 20], ids=["no actions", "few actions", "many actions"])
def test_a_follow_and_an_unfollow_cost_at_most_12_statements(thoas, newbie, configure, cap, mutual, number):
    configure(cap=cap)
    for day in range(1, 1 + number):
        save(thoas, day)
        save(newbie, day)
    if mutual:
        follow(thoas, newbie)

    with at_most(12):
        follow(newbie, thoas)
    with at_most(12):
        unfollow(newbie, thoas)


@pytest.mark.inline
@pytest.mark.parametrize(("imports", "removes"), COMBINATIONS)
def test_the_settings_do_not_make_a_follow_dearer(thoas, newbie, configure, imports, removes):
    configure(imports=imports, removes=removes)
    save(thoas, 1)
    follow(thoas, newbie)

    with at_most(12):
        follow(newbie, thoas)
    with at_most(12):
        unfollow(newbie, thoas)
