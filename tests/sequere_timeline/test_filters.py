"""`action=` and `target=` narrow lists and counts, private and public, and combine."""

import pytest

from sequere.contrib.timeline import Timeline
from sequere.exceptions import NoIdentifier, NotRegistered, UnknownIdentifier, UnsavedInstance
from sequere.models import follow
from sequere_timeline.exceptions import InvalidFilter
from tests.factories import FavouriteProjectFactory, ProjectFactory, UserFactory
from tests.sequere_timeline.dates import october
from tests.statements import exactly
from tests.testapp.models import FavouriteProject, Package, Project, Stranger, User
from tests.testapp.sequere_registry import JoinAction, LikeAction

pytestmark = pytest.mark.django_db


@pytest.fixture
def story():
    """The actions of thoas, under names for the tests; newbie reads them all."""
    thoas, newbie = UserFactory(username="thoas"), UserFactory(username="newbie")
    film, other_film = ProjectFactory(name="La classe americaine"), ProjectFactory(name="Le grand detournement")
    follow(newbie, thoas)
    actions = {
        "joins": JoinAction(actor=thoas, date=october(1)),
        "likes film": LikeAction(actor=thoas, target=film, date=october(2)),
        "likes newbie": LikeAction(actor=thoas, target=newbie, date=october(3)),
        "joins film": JoinAction(actor=thoas, target=film, date=october(4)),
        "likes other film": LikeAction(actor=thoas, target=other_film, date=october(5)),
    }
    for action in actions.values():
        Timeline(thoas).save(action)
    return Story(thoas, newbie, film, other_film, {action.uid: name for name, action in actions.items()})


class Story:
    def __init__(self, thoas, newbie, film, other_film, names):
        self.thoas, self.newbie, self.film, self.other_film = thoas, newbie, film, other_film
        self._names = names

    def found(self, **filters) -> list[str]:
        """The names of the actions found, the same in private, in public and in a follower's timeline."""
        timelines = Timeline(self.thoas), Timeline(self.newbie)
        lists = [
            timelines[0].get_private(**filters),
            timelines[0].get_public(**filters),
            timelines[1].get_private(**filters),
        ]
        counts = [
            timelines[0].get_private_count(**filters),
            timelines[0].get_public_count(**filters),
            timelines[1].get_private_count(**filters),
            timelines[1].get_unread_count(**filters),
        ]
        (found,) = {tuple(self._names[action.uid] for action in actions) for actions in lists}
        assert counts == [len(found)] * 4
        return list(found)


def test_an_action_filters_by_its_verb(story):
    """An instance is allowed too."""
    assert story.found(action=LikeAction(actor=story.newbie)) == ["likes other film", "likes newbie", "likes film"]


def test_a_kind_of_target(story):
    """The kind of the timeline's owner does not matter."""
    for target in (Project, "project"):
        assert story.found(target=target) == ["likes other film", "joins film", "likes film"]
    for target in (User, "user"):
        assert story.found(target=target) == ["likes newbie"]
    assert story.found(target=Package) == []
    with pytest.raises(NoIdentifier, match="FavouriteProject"):
        story.found(target=FavouriteProject)


def test_a_proxy_of_the_target(story):
    assert story.found(target=FavouriteProject.objects.get(pk=story.film.pk)) == ["joins film", "likes film"]
    assert story.found(target=FavouriteProjectFactory()) == []


@pytest.mark.database
def test_a_count_costs_one_query_however_it_is_filtered(story):
    for filters in ({}, {"action": "like"}, {"target": Project}, {"action": LikeAction, "target": story.film}):
        for count in (
            Timeline(story.newbie).get_private_count,
            Timeline(story.thoas).get_public_count,
            Timeline(story.newbie).get_unread_count,
        ):
            with exactly(1):
                count(**filters)


def test_an_invalid_filter_is_refused():
    timeline = Timeline(UserFactory())

    with pytest.raises(InvalidFilter, match="an action class or a verb"):
        timeline.get_private(action=42)
    with pytest.raises(InvalidFilter, match="an action class or a verb"):
        timeline.get_public_count(action=Project)
    with pytest.raises(UnknownIdentifier):
        timeline.get_private(target="projet")
    with pytest.raises(NotRegistered):
        timeline.get_unread_count(target=Stranger)
    with pytest.raises(UnsavedInstance):
        timeline.get_public(target=Project(name="unsaved"))
