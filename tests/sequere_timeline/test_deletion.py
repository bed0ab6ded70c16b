"""What an instance leaves behind in timelines when it is deleted, and what the next one with its key finds."""

import pytest

from sequere.base import ResourceKey
from sequere.contrib.timeline import Timeline
from sequere.models import follow
from tests.factories import ProjectFactory, UserFactory
from tests.races.outcome import differences
from tests.sequere_timeline.dates import october
from tests.testapp.models import FavouriteProject, Project, User
from tests.testapp.sequere_registry import JoinAction, LikeAction

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[True, False], ids=["removal on", "removal off"])
def removal(request, settings):
    settings.SEQUERE_TIMELINE_REMOVE_ACTIONS_ON_UNFOLLOW = request.param
    return request.param


@pytest.fixture
def thoas():
    return UserFactory(pk=500, username="thoas")


@pytest.fixture
def newbie():
    return UserFactory(username="newbie")


@pytest.fixture
def project():
    return ProjectFactory(pk=500, name="La classe americaine")


def again(instance):
    """Another instance with the same key."""
    return type(instance).objects.create(pk=500, **{"username": "thoas"} if isinstance(instance, User) else {})


def save(actor, target=None, *, into=None) -> LikeAction:
    action = LikeAction(actor=actor, target=target, date=october(1))
    Timeline(into or actor).save(action)
    return action


def test_the_actions_of_a_deleted_actor_vanish_everywhere(removal, thoas, newbie, project):
    """T10: in the original they were dropped from pages, and still counted."""
    follow(newbie, thoas)
    save(thoas)
    save(thoas, into=project)
    own = save(newbie)

    thoas.delete()

    for instance, expected in ((newbie, [own]), (project, []), (ResourceKey("user", "500"), [])):
        timeline = Timeline(instance)
        assert timeline.get_private() == expected
        assert (timeline.get_private_count(), timeline.get_private().hidden) == (len(expected), 0)
        assert timeline.get_public_count() == len(expected)
    assert differences() == []


def test_they_vanish_in_a_queryset_delete_too(removal, thoas, newbie):
    follow(newbie, thoas)
    save(thoas)

    User.objects.filter(username="thoas").delete()

    assert Timeline(newbie).get_private_count() == 0


def test_the_timelines_of_a_deleted_owner_go(removal, thoas, newbie):
    follow(thoas, newbie)
    save(newbie)
    save(newbie, into=thoas)
    Timeline(thoas).mark_as_read(october(1))

    thoas.delete()

    assert Timeline(ResourceKey("user", "500")).get_private() == []
    assert Timeline(ResourceKey("user", "500")).read_at is None
    assert differences() == []
    assert Timeline(newbie).get_public_count() == 1


def test_actions_upon_a_deleted_target_stay(removal, thoas, newbie, project):
    follow(newbie, thoas)
    save(thoas, project)

    project.delete()

    for timeline in (Timeline(thoas).get_private(), Timeline(thoas).get_public(), Timeline(newbie).get_private()):
        (action,) = timeline
        assert (action.target, action.target_deleted) == (None, True)
        assert action.target_key == ResourceKey("project", "500")
        assert timeline.count() == 1


def test_a_deleted_target_is_found_by_its_kind_still(thoas, project):
    save(thoas, project)

    project.delete()

    assert Timeline(thoas).get_private_count(target=Project) == 1


def test_an_action_can_be_deleted_after_its_target(thoas, newbie, project):
    follow(newbie, thoas)
    action = save(thoas, project)
    project.delete()

    Timeline(thoas).delete(action)

    assert [Timeline(one).get_private() for one in (thoas, newbie)] == [[], []]


def test_an_action_whose_target_is_gone_can_be_saved_in_another_timeline(thoas, newbie, project):
    action = save(thoas, project)
    project.delete()

    Timeline(newbie).save(action)

    assert [(one.target, one.target_deleted) for one in Timeline(newbie).get_private()] == [(None, True)]


def test_a_new_actor_with_the_same_key_has_done_nothing(removal, thoas, newbie):
    follow(newbie, thoas)
    save(thoas)
    thoas.delete()

    new = again(thoas)
    assert (Timeline(new).get_private(), Timeline(new).get_public()) == ([], [])
    assert Timeline(newbie).get_private() == []

    fresh = save(new)
    assert Timeline(newbie).get_private() == []  # who followed the other one does not follow him
    assert Timeline(new).get_public() == [fresh]

    follow(newbie, new)
    assert Timeline(newbie).get_private() == [fresh]


def test_a_new_owner_with_the_same_key_reads_nothing_and_has_read_nothing(removal, thoas, newbie):
    follow(thoas, newbie)
    save(newbie)
    direct = save(newbie, into=thoas)
    Timeline(thoas).mark_as_read(october(20))
    thoas.delete()

    new = again(thoas)
    timeline = Timeline(new)
    assert (timeline.get_private(), timeline.read_at, timeline.get_unread_count()) == ([], None, 0)

    follow(new, newbie)
    assert (timeline.get_private_count(), timeline.get_unread_count()) == (1, 1)

    assert timeline.save(direct) is not None
    assert (timeline.get_private_count(), timeline.get_unread_count()) == (2, 2)
    assert timeline.mark_as_read(october(1)) is not None
    assert timeline.read_at == october(1)


@pytest.mark.parametrize("imports", [True, False], ids=["import on", "import off"])
def test_a_new_owner_does_not_read_what_the_old_one_had_kept(thoas, newbie, settings, imports):
    """With removal on unfollow off, what one has seen stays; the next owner has not seen it."""
    settings.SEQUERE_TIMELINE_REMOVE_ACTIONS_ON_UNFOLLOW = False
    settings.SEQUERE_TIMELINE_IMPORT_ACTIONS_ON_FOLLOW = imports
    follow(thoas, newbie)
    old = save(newbie)
    thoas.delete()

    new = again(thoas)
    between = save(newbie)
    follow(new, newbie)
    later = save(newbie)

    assert Timeline(new).get_private() == ([later, between, old] if imports else [later])


def test_a_new_target_with_the_same_key_is_not_the_target_of_old_actions(removal, thoas, newbie, project):
    follow(newbie, thoas)
    save(thoas, project)
    project.delete()

    again(project)

    for timeline in (Timeline(thoas), Timeline(newbie)):
        assert [(action.target, action.target_deleted) for action in timeline.get_private()] == [(None, True)]


def test_a_filter_by_a_new_target_finds_what_was_done_to_it_alone(thoas, newbie, project):
    follow(newbie, thoas)
    save(thoas, project)
    project.delete()
    new = again(project)

    assert Timeline(newbie).get_private(target=new) == []
    assert Timeline(thoas).get_public_count(target=new) == 0
    assert Timeline(newbie).get_unread_count(target=new) == 0

    action = save(thoas, new)
    assert Timeline(newbie).get_private(target=new) == [action]
    assert Timeline(thoas).get_public_count(target=new) == 1


def test_the_same_key_may_be_used_many_times(removal, newbie):
    for likes in range(3):
        thoas = User.objects.create(pk=500, username="thoas")
        follow(newbie, thoas)
        follow(thoas, newbie)
        own, like = save(thoas), save(newbie, thoas)
        assert Timeline(thoas).get_public() == [own]
        assert [action.target for action in Timeline(newbie).get_private()] == [thoas, None] + [None] * likes
        assert Timeline(newbie).get_private()[0] == like
        thoas.delete()

    assert [(action.actor, action.target) for action in Timeline(newbie).get_private()] == [(newbie, None)] * 3


def test_a_proxy_deletes_what_its_model_has_done(newbie, project):
    follow(newbie, project)
    save(project)

    FavouriteProject.objects.get(pk=500).delete()

    assert Timeline(newbie).get_private() == []


def test_an_actor_and_target_deleted_together(thoas, newbie):
    follow(newbie, thoas)
    other = UserFactory(username="other")
    for pair in ((thoas, other), (other, thoas), (newbie, thoas), (newbie, other)):
        save(*pair)

    User.objects.filter(username__in=["thoas", "other"]).delete()

    assert [(action.actor, action.target) for action in Timeline(newbie).get_private()] == [(newbie, None)] * 2


def test_an_action_whose_actor_was_deleted_is_not_there_to_be_deleted(thoas, newbie):
    action = JoinAction(actor=thoas)
    Timeline(newbie).save(action)
    Timeline(thoas).save(action)
    thoas.delete()

    assert Timeline(newbie).delete(action) is None
