"""However an instance is deleted, its actions leave all timelines."""

import pytest

from sequere.contrib.timeline import Timeline
from sequere.models import follow
from tests.factories import ProjectFactory, UserFactory
from tests.sequere_timeline.dates import october
from tests.testapp.models import FavouriteProject, User
from tests.testapp.sequere_registry import LikeAction

pytestmark = pytest.mark.django_db

#: No sequence comes this far and gives the key to another instance.
KEY = 10**6


@pytest.fixture(params=[True, False], ids=["removal on", "removal off"])
def removal(request, settings):
    settings.SEQUERE_TIMELINE_REMOVE_ACTIONS_ON_UNFOLLOW = request.param
    return request.param


@pytest.fixture
def thoas():
    return UserFactory(pk=KEY, username="thoas")


@pytest.fixture
def project():
    return ProjectFactory(pk=KEY, name="La classe americaine")


def save(actor, target=None) -> None:
    Timeline(actor).save(LikeAction(actor=actor, target=target, date=october(1)))


def test_its_actions_vanish_in_a_queryset_delete_too(removal, thoas, newbie):
    follow(newbie, thoas)
    save(thoas)

    User.objects.filter(username="thoas").delete()

    assert Timeline(newbie).get_private_count() == 0


def test_deleting_a_proxy_deletes_the_actions_of_its_model(newbie, project):
    follow(newbie, project)
    save(project)

    FavouriteProject.objects.get(pk=KEY).delete()

    assert Timeline(newbie).get_private() == []


def test_an_actor_and_target_deleted_together(thoas, newbie):
    follow(newbie, thoas)
    other = UserFactory(username="other")
    for pair in ((thoas, other), (other, thoas), (newbie, thoas), (newbie, other)):
        save(*pair)

    User.objects.filter(username__in=["thoas", "other"]).delete()

    assert [(action.actor, action.target) for action in Timeline(newbie).get_private()] == [(newbie, None)] * 2


def test_an_action_saved_elsewhere_stays_in_the_timeline_of_an_instance_with_a_reused_key(thoas, newbie):
    thoas.delete()
    next_one = UserFactory(pk=KEY, username="the next one")
    action = LikeAction(actor=newbie, date=october(1))
    Timeline(next_one).save(action)

    Timeline(newbie).save(action)

    assert Timeline(next_one).get_private() == [action]
