"""The cost of follows and deletions without timelines."""

from django.apps import apps
from django.test import TestCase

from sequere.models import Event, follow, follow_many, unfollow
from tests.factories import ProjectFactory, UserFactory
from tests.races.outcome import differences
from tests.statements import at_most, exactly
from tests.testapp.models import Project


class StatementsTestCase(TestCase):
    def test_a_follow_and_an_unfollow_cost_at_most_nine_statements(self) -> None:
        assert not apps.is_installed("sequere_timeline")
        thoas, newbie = UserFactory(username="thoas"), UserFactory(username="newbie")
        follow(UserFactory(), UserFactory())  # the first one gives their graph its number

        for one, other in ((thoas, newbie), (newbie, thoas)):
            with at_most(9):
                follow(one, other)
            with exactly(1):
                follow(one, other)
        for one, other in ((thoas, newbie), (newbie, thoas)):
            with at_most(9):
                unfollow(one, other)
            with exactly(1):
                unfollow(one, other)

    def test_deleting_many_together_does_not_cost_a_statement_each(self) -> None:
        """Neither a queryset nor a cascade is N+1."""
        thoas = UserFactory(username="thoas")
        for number in (3, 90):
            films = ProjectFactory.create_batch(number)
            follow_many((one, other) for film in films for one, other in ((thoas, film), (film, thoas)))
            follow_many((film, films[0]) for film in films[1:])

            with at_most(35):
                Project.objects.all().delete()

        assert Event.objects.filter(type="deleted").count() == 93
        assert differences() == []
