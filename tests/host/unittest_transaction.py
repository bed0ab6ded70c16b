"""A host's own tests, with nothing added for Sequere: each kind empties the tables in its own way."""

from typing import Any
from urllib.request import urlopen

from django.db import connection, transaction
from django.test import LiveServerTestCase, TestCase, TransactionTestCase

from sequere.log.immutability import different_triggers
from sequere.models import Event, follow, get_followers, get_followers_count, is_following
from sequere.signals import followed
from tests.factories import ProjectFactory, UserFactory


class Story:
    """The story of the documentation, told twice: the second time shows what the first one left behind."""

    def tell(self) -> None:
        thoas, project = UserFactory(username="thoas"), ProjectFactory(name="La classe americaine")

        follow(thoas, project)

        assert [instance for instance, _ in get_followers(project)] == [thoas]
        assert get_followers_count(project) == 1
        assert Event.objects.count() == 1
        assert different_triggers(connection) == []

    def test_once(self) -> None:
        self.tell()

    def test_twice(self) -> None:
        self.tell()


class HostTestCase(Story, TestCase):
    def test_a_receiver_of_followed(self) -> None:
        received: list[Event] = []

        def receive(event: Event, **_: Any) -> None:
            received.append(event)

        followed.connect(receive)
        self.addCleanup(followed.disconnect, receive)

        with self.captureOnCommitCallbacks(execute=True):
            event = follow(UserFactory(), ProjectFactory())

        assert received == [event]


class HostTransactionTestCase(Story, TransactionTestCase):
    def test_a_rollback_leaves_nothing(self) -> None:
        thoas, project = UserFactory(), ProjectFactory()

        with self.assertRaises(LookupError), transaction.atomic():  # noqa: PT027  # nothing of pytest here
            follow(thoas, project)
            raise LookupError

        assert (is_following(thoas, project), Event.objects.count()) == (False, 0)


class HostAvailableAppsTestCase(Story, TransactionTestCase):
    available_apps = ["django.contrib.contenttypes", "django.contrib.auth", "sequere", "sequere.backends.database"]
    available_apps += ["tests.testapp", "sequere_timeline", "sequere_timeline.backends.database"]


class HostLiveServerTestCase(Story, LiveServerTestCase):
    def test_the_server_answers(self) -> None:
        self.tell()

        with urlopen(f"{self.live_server_url}/admin/login/") as response:
            assert response.status == 200
