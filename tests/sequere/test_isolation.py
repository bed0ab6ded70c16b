"""A test sees at once what a commit would bring, and leaves nothing behind."""

from typing import Any

import pytest
from django.db import transaction
from django.test import TestCase, TransactionTestCase, override_settings

from sequere.models import Event, QueuedEvent, follow, get_followers_count
from sequere.projections.projector import Projector
from sequere.testing import IsolatedMixin, isolated
from tests.factories import ProjectFactory, UserFactory
from tests.testapp.models import Project, User

pytestmark = pytest.mark.database
on_commit = override_settings(SEQUERE_PROJECTION_MODES={"follows": "on_commit", "timelines": "on_commit"})


@on_commit
class TestWithDataOfTheClass(IsolatedMixin, TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        cls.project = ProjectFactory()
        follow(UserFactory(), cls.project)

    def test_it_is_applied_for_one_test(self) -> None:
        assert get_followers_count(self.project) == 1

    def test_and_for_the_next_one(self) -> None:
        follow(UserFactory(), self.project)

        assert get_followers_count(self.project) == 2


applied: list[str] = []


class Noting(Projector):
    """A read model beyond the reach of a rollback."""

    def on_followed(self, event: Event, *, using: str) -> None:
        applied.append(event.type)


@override_settings(
    SEQUERE_PROJECTORS={"noting": f"{__name__}.Noting"}, SEQUERE_PROJECTION_MODES={"noting": "on_commit"}
)
class TestWithDataOfTheClassAndThePlugin(TestCase):
    @classmethod
    def setUpTestData(cls) -> None:
        follow(UserFactory(), ProjectFactory())

    def test_it_is_applied_for_one_test(self) -> None:
        assert applied.pop() == "followed"

    def test_and_for_the_next_one(self) -> None:
        assert applied.pop() == "followed"


@on_commit
class TestThatCommits(IsolatedMixin, TransactionTestCase):
    def test_it_waits_for_its_own_commits(self) -> None:
        project = ProjectFactory()

        with transaction.atomic():
            follow(UserFactory(), project)
            before = get_followers_count(project)

        assert (before, get_followers_count(project)) == (0, 1)


def test_the_fixture_has_the_events_recorded_so_far(
    thoas: User, project: Project, recorded_events: list[Event]
) -> None:
    before = list(recorded_events)

    event = follow(thoas, project)

    assert (before, recorded_events) == ([], [event])


@pytest.mark.sequere_queued
def test_nothing_is_drained_for_a_test_that_looks_at_the_queue(settings: Any, thoas: User, project: Project) -> None:
    settings.SEQUERE_PROJECTION_MODES = {"follows": "on_commit", "timelines": "on_commit"}

    follow(thoas, project)

    assert (QueuedEvent.objects.count(), get_followers_count(project)) == (1, 0)


def test_a_test_without_a_database_is_left_alone() -> None:
    with isolated():
        pass
