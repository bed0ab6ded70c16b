"""Loading a page: its queries, and hidden or deleted instances."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sequere.base import ResourceKey
from sequere.contrib.timeline import Timeline
from sequere.models import follow_many
from tests.factories import ArticleFactory, DocumentFactory, PackageFactory, ProjectFactory, UserFactory
from tests.sequere_timeline.dates import october
from tests.statements import entries_read, exactly
from tests.testapp.models import Article, User
from tests.testapp.sequere_registry import JoinAction, LikeAction, UserSequere

pytestmark = pytest.mark.django_db


@pytest.mark.database
@pytest.mark.parametrize("number", [1, 10, 40])
def test_a_page_costs_one_query_and_one_per_model_class(thoas, number):
    """The number of actions does not matter."""
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
def test_the_first_action_costs_one_query_and_one_per_model_class(thoas):
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


# Hidden, deleted


def test_an_action_whose_actor_is_hidden_is_left_out_and_the_list_says_so():
    """The page is shorter than the count."""
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


def test_an_action_whose_target_is_hidden_shows_no_target(thoas):
    article = ArticleFactory()
    Timeline(thoas).save(LikeAction(actor=thoas, target=article))

    Article.everything.filter(pk=article.pk).update(is_hidden=True)
    (action,) = Timeline(thoas).get_private()

    assert (action.target, action.target_deleted) == (None, False)
    assert action.target_key == ResourceKey("article", str(article.pk))
    assert str(action) == "thoas like"


@pytest.mark.database
@pytest.mark.parametrize("what", ["get_private", "get_public"])
@pytest.mark.parametrize("desc", [True, False])
def test_a_page_after_a_place_is_read_from_an_index(thoas, what, desc):
    for n in range(3):
        Timeline(thoas).save(JoinAction(actor=thoas, date=october(1 + n)))
    timeline = getattr(Timeline(thoas), what)(desc=desc)

    if connection.vendor == "postgresql":
        index = {"get_private": "sequere_timeline_database_entry_pkey", "get_public": "sequere_action_public"}[what]
        # Each page looks for one more, and the second one begins behind the first.
        assert entries_read(index, lambda: timeline.page(1, timeline.page(1).next_cursor)) == 2 + 2
        return
    with CaptureQueriesContext(connection) as captured:
        timeline.page(1, timeline.page(1).next_cursor)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {captured[-2]['sql']}")
        plan = "\n".join(str(row[-1]) for row in cursor.fetchall())
    of_entries = "autoindex_sequere_timeline_database_entry_1"
    assert {"get_private": of_entries, "get_public": "sequere_action_public"}[what] in plan
    # It sorts what it has found once more, to join the keys.
    assert plan.count("TEMP B-TREE") <= 1
