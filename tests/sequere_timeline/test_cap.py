"""SEQUERE_TIMELINE_MAX_LENGTH: how long a private timeline may become, and where it begins once it has been cut."""

import pytest
from django.core.management import call_command

from sequere.contrib.timeline import Timeline
from sequere.models import follow, follow_many, unfollow
from sequere_timeline import conf
from sequere_timeline.backends.database import entries
from sequere_timeline.backends.database.models import Entry
from tests.factories import UserFactory
from tests.sequere_timeline.dates import october
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db


@pytest.fixture
def cap(settings):
    settings.SEQUERE_TIMELINE_MAX_LENGTH = 3
    return 3


@pytest.fixture
def other():
    return UserFactory(username="other")


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


@pytest.mark.database
def test_cut_entries_are_deleted(cap, thoas, monkeypatch):
    monkeypatch.setattr(entries, "FOLLOWERS_PER_STATEMENT", 2)
    follow_many((newbie, thoas) for newbie in UserFactory.create_batch(5))

    save(thoas, *range(1, 11))
    follow(UserFactory(), thoas)

    assert Entry.objects.count() == (1 + 5 + 1) * cap


@pytest.mark.database
def test_a_fan_out_lets_a_timeline_grow_a_sixteenth_longer_before_it_is_cut(settings, thoas, newbie):
    settings.SEQUERE_TIMELINE_MAX_LENGTH = cap = 2 * conf.HYSTERESIS
    follow(newbie, thoas)

    lengths = []
    for minute in range(cap + 6):
        Timeline(thoas).save(JoinAction(actor=thoas, date=october(1, minute=minute)))
        lengths.append(Timeline(newbie).get_private_count())

    assert lengths == [*range(1, cap + 3), cap, cap + 1, cap + 2, cap]
    newest = [action.date.minute for action in Timeline(newbie).get_private()]
    assert newest == [*reversed(range(6, cap + 6))]


@pytest.mark.database  # in Redis, a timeline is refilled after a follow
def test_an_import_adds_nothing_below_the_oldest_kept_entry(cap, thoas, other, newbie):
    """Otherwise a timeline shortened by deletions would show older entries with gaps where it was cut."""
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


@pytest.mark.database  # in Redis, a timeline is refilled after a follow
def test_an_unfollow_shortens_a_timeline_and_the_next_import_fills_it_from_the_floor(cap, thoas, other, newbie):
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


@pytest.mark.database  # in Redis, a timeline is cut at its first read
def test_a_timeline_grows_again_under_a_raised_cap_and_is_whole_after_a_rebuild_without_one(
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
