"""SEQUERE_TIMELINE_MAX_LENGTH: how long a private timeline may become, and where it begins once it was cut."""

import pytest
from django.core.management import call_command

from sequere.contrib.timeline import Timeline
from sequere.models import follow, follow_many, unfollow
from sequere_timeline.backends.database import entries
from sequere_timeline.backends.database.models import Entry
from tests.factories import ProjectFactory, UserFactory
from tests.sequere_timeline.dates import october
from tests.testapp.models import Project
from tests.testapp.sequere_registry import JoinAction, LikeAction

pytestmark = pytest.mark.django_db


@pytest.fixture
def cap(settings):
    settings.SEQUERE_TIMELINE_MAX_LENGTH = 3
    return 3


@pytest.fixture
def thoas():
    return UserFactory(username="thoas")


@pytest.fixture
def other():
    return UserFactory(username="other")


@pytest.fixture
def newbie():
    return UserFactory(username="newbie")


def save(actor, *days: int) -> list[JoinAction]:
    actions = [JoinAction(actor=actor, date=october(day)) for day in days]
    for action in actions:
        Timeline(actor).save(action)
    return actions


def days(instance) -> list[int]:
    timeline = Timeline(instance)
    shown = [action.date.day for action in timeline.get_private(desc=False)]
    assert timeline.get_private_count() == len(shown)
    return shown


def test_there_is_no_cap_by_default(thoas, newbie):
    follow(newbie, thoas)
    save(thoas, *range(1, 31))

    assert days(newbie) == days(thoas) == list(range(1, 31))


def test_a_timeline_keeps_the_newest_entries(cap, thoas, newbie):
    """T17: the original never trimmed."""
    follow(newbie, thoas)

    save(thoas, *range(1, 11))

    assert days(newbie) == days(thoas) == [8, 9, 10]


@pytest.mark.database
def test_what_is_cut_is_deleted(cap, thoas, monkeypatch):
    monkeypatch.setattr(entries, "FOLLOWERS_PER_STATEMENT", 2)
    follow_many((newbie, thoas) for newbie in UserFactory.create_batch(5))

    save(thoas, *range(1, 11))
    follow(UserFactory(), thoas)

    assert Entry.objects.count() == (1 + 5 + 1) * cap


def test_a_public_timeline_has_no_cap(cap, thoas):
    save(thoas, *range(1, 11))

    assert Timeline(thoas).get_public_count() == len(Timeline(thoas).get_public()) == 10


def test_what_is_older_than_all_that_is_kept_does_not_come_in(cap, thoas, newbie):
    follow(newbie, thoas)
    save(thoas, 11, 12, 13, 14)

    save(thoas, 10)
    save(newbie, 9)

    assert days(newbie) == days(thoas) == [12, 13, 14]


@pytest.mark.database
def test_a_fan_out_lets_a_timeline_grow_a_sixteenth_longer_before_it_is_cut(settings, thoas, newbie):
    settings.SEQUERE_TIMELINE_MAX_LENGTH = cap = 2 * entries.HYSTERESIS
    follow(newbie, thoas)

    lengths = []
    for minute in range(cap + 6):
        Timeline(thoas).save(JoinAction(actor=thoas, date=october(1, minute=minute)))
        lengths.append(Timeline(newbie).get_private_count())

    assert lengths == [*range(1, cap + 3), cap, cap + 1, cap + 2, cap]
    newest = [action.date.minute for action in Timeline(newbie).get_private()]
    assert newest == [*reversed(range(6, cap + 6))]


def test_a_backfill_of_any_length_stays_bounded(cap, thoas, newbie):
    """T17: the original imported everything, with the cap or without."""
    save(thoas, *range(1, 31))

    follow(newbie, thoas)

    assert days(newbie) == [28, 29, 30]


def test_an_import_goes_between_what_is_there(cap, thoas, other, newbie):
    save(thoas, 1, 10, 20)
    save(other, 5, 15, 25)

    follow_many([(newbie, thoas), (newbie, other)])

    assert days(newbie) == [15, 20, 25]


def test_an_import_adds_nothing_below_the_oldest_kept_entry(cap, thoas, other, newbie):
    """Otherwise a timeline that a deletion has shortened would show what it has, with gaps where it was cut."""
    follow(newbie, thoas)
    actions = save(thoas, *range(1, 11))
    for action in actions[-2:]:
        Timeline(thoas).delete(action)
    assert days(newbie) == [8]
    save(other, 2, 3, 4, 5, 9)

    follow(newbie, other)
    assert days(newbie) == [8, 9]

    save(thoas, 11, 12)
    assert days(newbie) == [9, 11, 12]


def test_an_unfollow_shortens_and_the_next_import_fills_up_from_the_floor(cap, thoas, other, newbie):
    follow_many([(newbie, thoas), (newbie, other)])
    save(other, 6, 7)
    save(thoas, 8, 9)
    assert days(newbie) == [7, 8, 9]

    unfollow(newbie, thoas)
    assert days(newbie) == [7]

    follow(newbie, thoas)
    assert days(newbie) == [7, 8, 9]


@pytest.mark.database
def test_ties_at_the_floor_are_decided_by_the_order_of_the_log(cap, thoas, other, newbie):
    follow(newbie, thoas)
    early = save(other, 1, 1)
    kept = save(thoas, 1, 1, 1, 1)[1:]
    late = save(other, 1)

    follow(newbie, other)

    assert Timeline(newbie).get_private(desc=False) == [*kept[1:], *late]
    assert not {*early} & {*Timeline(newbie).get_private()}


def test_filters_and_slices_see_what_is_kept(cap, thoas, newbie):
    project = ProjectFactory()
    follow(newbie, thoas)
    for day in range(1, 9):
        action = JoinAction(thoas, date=october(day)) if day % 2 else LikeAction(thoas, project, date=october(day))
        Timeline(thoas).save(action)

    timeline = Timeline(newbie)
    assert [action.date.day for action in timeline.get_private(action=LikeAction, target=Project)] == [8, 6]
    assert timeline.get_private_count(action=JoinAction) == 1
    assert [action.date.day for action in timeline.get_private()[1:]] == [7, 6]
    assert timeline.get_private(target=project)[-1].date == october(6)
    assert timeline.get_unread_count() == 3
    assert timeline.get_unread_count(target=project) == 2


def test_a_saved_action_that_was_cut_can_still_be_deleted(cap, thoas, newbie):
    follow(newbie, thoas)
    first, *_ = save(thoas, 1, 2, 3, 4)

    assert Timeline(thoas).delete(first) is not None

    assert days(newbie) == days(thoas) == [2, 3, 4]


def test_a_timeline_grows_again_where_the_cap_is_raised_and_is_whole_after_a_rebuild_without_one(
    cap, thoas, newbie, settings
):
    follow(newbie, thoas)
    save(thoas, *range(1, 8))

    settings.SEQUERE_TIMELINE_MAX_LENGTH = 5
    save(thoas, 8)
    assert days(newbie) == [5, 6, 7, 8]

    settings.SEQUERE_TIMELINE_MAX_LENGTH = None
    call_command("rebuild_projections", verbosity=0)
    assert days(newbie) == list(range(1, 9))


def test_a_lower_cap_cuts_a_timeline_when_it_next_changes(cap, thoas, newbie, settings):
    follow(newbie, thoas)
    save(thoas, 1, 2, 3)

    settings.SEQUERE_TIMELINE_MAX_LENGTH = 1
    save(thoas, 4)

    assert days(newbie) == days(thoas) == [4]


def test_a_capped_timeline_is_no_difference_to_the_log(cap, thoas, other, newbie, capsys):
    follow_many([(newbie, thoas), (newbie, other), (thoas, other)])
    actions = save(thoas, *range(1, 11)) + save(other, *range(5, 15))
    Timeline(thoas).delete(actions[9])
    Timeline(other).delete(actions[-1])
    unfollow(newbie, other)
    before = [days(one) for one in (thoas, other, newbie)]

    call_command("verify_projections")
    call_command("rebuild_projections")

    assert "differences" not in capsys.readouterr().out
    assert [days(one) for one in (thoas, other, newbie)] == before
