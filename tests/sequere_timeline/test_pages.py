"""Loading a page: how many queries it costs, and what becomes of what is hidden or gone."""

import pytest
from django.core.paginator import Paginator

from sequere.base import ResourceKey
from sequere.contrib.timeline import Timeline
from sequere.models import follow_many
from tests.factories import ArticleFactory, DocumentFactory, PackageFactory, ProjectFactory, UserFactory
from tests.sequere_timeline.dates import october
from tests.statements import exactly
from tests.testapp.models import Article, Project, User
from tests.testapp.sequere_registry import JoinAction, LikeAction, UserSequere

pytestmark = pytest.mark.django_db


@pytest.fixture
def thoas():
    return UserFactory(username="thoas")


@pytest.mark.database
@pytest.mark.parametrize("number", [1, 10, 40])
def test_a_page_is_one_query_and_one_per_model_class(thoas, number):
    """T12: ten actions were twenty queries."""
    newbie = UserFactory(username="newbie")
    follow_many((newbie, user) for user in [thoas, *UserFactory.create_batch(3)])
    makers = (ProjectFactory, DocumentFactory, PackageFactory)
    for n in range(number):
        for make in makers:
            Timeline(thoas).save(LikeAction(actor=thoas, target=make(), date=october(1, minute=n)))

    with exactly(1 + 4):
        private = list(Timeline(newbie).get_private())
    with exactly(1 + 4):
        public = list(Timeline(thoas).get_public())

    assert private == public
    assert len(private) == number * len(makers)
    with exactly(0):
        assert {action.actor for action in private} == {thoas}
        assert len({action.target for action in private}) == number * len(makers)


@pytest.mark.database
def test_the_first_action_is_one_query_and_one_per_model_class(thoas):
    for n in range(3):
        Timeline(thoas).save(LikeAction(actor=thoas, target=ProjectFactory(), date=october(1 + n)))

    with exactly(3):
        assert Timeline(thoas).get_private()[0].date == october(3)


@pytest.mark.database
def test_an_action_without_a_target_costs_no_query_for_it(thoas):
    Timeline(thoas).save(JoinAction(actor=thoas))

    with exactly(2):
        assert [action.target for action in Timeline(thoas).get_private()] == [None]


def test_instances_come_from_the_queryset_that_the_model_is_registered_with(thoas, monkeypatch):
    monkeypatch.setattr(UserSequere, "get_queryset", lambda self: User.objects.only("username"))
    Timeline(thoas).save(JoinAction(actor=thoas))

    (action,) = Timeline(thoas).get_private()

    assert "email" in action.actor.get_deferred_fields()


def test_a_page_of_a_paginator(thoas):
    for n in range(7):
        Timeline(thoas).save(JoinAction(actor=thoas, date=october(1 + n)))

    pages = Paginator(Timeline(thoas).get_private(), 3)

    assert (pages.count, pages.num_pages) == (7, 3)
    assert [[action.date.day for action in page] for page in pages] == [[7, 6, 5], [4, 3, 2], [1]]


def test_paging_walks_through_ties_without_skipping_or_repeating(thoas):
    actions = [JoinAction(actor=thoas, date=october(1 + n // 3)) for n in range(10)]
    for action in actions:
        Timeline(thoas).save(action)

    timeline = Timeline(thoas).get_private()
    paged = [action for start in range(0, 12, 2) for action in timeline[start : start + 2]]

    assert paged == list(timeline.iterator(chunk_size=3)) == list(timeline)
    assert [action.date.day for action in paged] == [4, 3, 3, 3, 2, 2, 2, 1, 1, 1]
    assert {*paged} == {*actions}


def test_a_page_out_of_range_is_empty(thoas):
    Timeline(thoas).save(JoinAction(actor=thoas))

    assert Timeline(thoas).get_private()[5:10] == []
    with pytest.raises(IndexError):
        Timeline(thoas).get_private()[1]


# Hidden, deleted


def test_an_action_whose_actor_is_hidden_is_left_out_and_the_list_says_so():
    """T10: a page of the original was shorter than its count without a word."""
    article, newbie = ArticleFactory(name="hidden later"), UserFactory(username="newbie")
    follow_many([(newbie, article)])
    Timeline(article).save(LikeAction(actor=article, target=newbie, date=october(1)))
    Timeline(newbie).save(JoinAction(actor=newbie, date=october(2)))

    Article.everything.filter(pk=article.pk).update(is_hidden=True)
    timeline = Timeline(newbie).get_private()

    assert [str(action) for action in timeline] == ["newbie join"]
    assert (timeline.count(), len(timeline), timeline.hidden) == (2, 1, 1)

    Article.everything.filter(pk=article.pk).update(is_hidden=False)
    assert len(Timeline(newbie).get_private()) == 2


def test_an_action_whose_target_is_hidden_shows_none_in_its_place(thoas):
    article = ArticleFactory()
    Timeline(thoas).save(LikeAction(actor=thoas, target=article))

    Article.everything.filter(pk=article.pk).update(is_hidden=True)
    (action,) = Timeline(thoas).get_private()

    assert (action.target, action.target_deleted) == (None, False)
    assert action.target_key == ResourceKey("article", str(article.pk))
    assert str(action) == "thoas like"


def test_an_action_whose_target_was_deleted_stays_and_says_so(thoas):
    """T10: the original dropped it from the page and went on counting it."""
    project = ProjectFactory(name="La classe americaine")
    key = ResourceKey("project", str(project.pk))
    Timeline(thoas).save(LikeAction(actor=thoas, target=project))

    Project.objects.all().delete()

    for timeline in (Timeline(thoas).get_private(), Timeline(thoas).get_public()):
        (action,) = timeline
        assert (action.target, action.target_deleted, action.target_key) == (None, True, key)
        assert (timeline.count(), timeline.hidden) == (1, 0)


def test_an_instance_that_left_without_telling_hides_nothing_else(thoas):
    """Deleted by raw SQL, that is: no signal, so the log does not know."""
    ghost, project = UserFactory(), ProjectFactory()
    newbie = UserFactory(username="newbie")
    follow_many([(newbie, ghost), (newbie, thoas)])
    Timeline(ghost).save(JoinAction(actor=ghost))
    Timeline(thoas).save(LikeAction(actor=thoas, target=project))

    User.objects.filter(pk=ghost.pk)._raw_delete("default")
    Project.objects.filter(pk=project.pk)._raw_delete("default")
    timeline = Timeline(newbie).get_private()

    assert [(action.actor, action.target) for action in timeline] == [(thoas, None)]
    assert timeline.hidden == 1
