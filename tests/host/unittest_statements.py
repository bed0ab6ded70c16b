"""What a follow costs where no timelines are installed."""

from django.apps import apps
from django.test import TestCase

from sequere.models import follow, unfollow
from tests.factories import UserFactory
from tests.statements import at_most, exactly


class StatementsTestCase(TestCase):
    def test_a_follow_and_an_unfollow_are_at_most_nine_statements(self) -> None:
        assert not apps.is_installed("sequere_timeline")
        thoas, newbie = UserFactory(username="thoas"), UserFactory(username="newbie")

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
