"""The cost of a follow that brings actions into a private timeline, and of an unfollow that removes them."""

import pytest

from sequere.contrib.timeline import Timeline
from sequere.models import follow, unfollow
from tests.factories import UserFactory
from tests.sequere_timeline.dates import october
from tests.statements import at_most
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db


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


@pytest.mark.inline
@pytest.mark.parametrize("cap", [None, 3], ids=["no cap", "cap"])
@pytest.mark.parametrize("mutual", [False, True], ids=["one way", "mutual"])
@pytest.mark.parametrize("number", [0, 2, 20], ids=["no actions", "few actions", "many actions"])
def test_a_follow_and_an_unfollow_cost_at_most_12_statements(thoas, newbie, configure, cap, mutual, number):
    configure(cap=cap)
    follow(UserFactory(), UserFactory())  # the first one gives their graph its number
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
@pytest.mark.parametrize("removes", [True, False])
@pytest.mark.parametrize("imports", [True, False])
def test_the_settings_do_not_make_a_follow_more_expensive(thoas, newbie, configure, imports, removes):
    configure(imports=imports, removes=removes)
    save(thoas, 1)
    follow(thoas, newbie)

    with at_most(12):
        follow(newbie, thoas)
    with at_most(12):
        unfollow(newbie, thoas)
