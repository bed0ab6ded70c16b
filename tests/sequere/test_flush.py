"""Emptying the tables: manage.py flush, and tests of a host that flush after each test."""

import re
from io import StringIO
from typing import Any
from urllib.request import urlopen

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import LiveServerTestCase, TransactionTestCase
from pytest_django.live_server_helper import LiveServer

from sequere.log.immutability import different_triggers
from sequere.models import Event, follow, get_followers_count, is_following, unfollow
from tests.factories import ProjectFactory, UserFactory
from tests.host.processes import run_python
from tests.testapp.models import Project, User


@pytest.fixture(scope="module", autouse=True)
def flushed() -> None:
    """By Django, whose flush these tests are about."""


def flush(monkeypatch: pytest.MonkeyPatch, answer: str) -> tuple[str, str]:
    """Run `manage.py flush` with this answer; return its question and its output."""
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return answer

    monkeypatch.setattr("builtins.input", ask)
    out = StringIO()
    call_command("flush", stdout=out)
    (question,) = asked
    return question, out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_flush_asks_first_and_says_that_no_rebuild_helps(
    monkeypatch: pytest.MonkeyPatch, thoas: User, project: Project
) -> None:
    follow(thoas, project)
    unfollow(thoas, project)

    question, _ = flush(monkeypatch, "yes")

    assert 'all data in the "default" database, the event log with its 2\nevents included' in question
    assert "no rebuild can restore it" in question


@pytest.mark.django_db(transaction=True)
def test_flush_empties_the_log_when_the_answer_is_yes(
    monkeypatch: pytest.MonkeyPatch, thoas: User, project: Project
) -> None:
    follow(thoas, project)

    flush(monkeypatch, "yes")

    assert (Event.objects.count(), User.objects.count(), is_following(thoas, project)) == (0, 0, False)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("answer", ["no", "", "YES", "y"])
def test_flush_changes_nothing_unless_the_answer_is_yes(
    monkeypatch: pytest.MonkeyPatch, thoas: User, project: Project, answer: str
) -> None:
    follow(thoas, project)

    _, said = flush(monkeypatch, answer)

    assert said == "Flush cancelled.\n"
    assert (Event.objects.count(), is_following(thoas, project)) == (1, True)


@pytest.mark.django_db(transaction=True)
def test_flush_without_input_asks_nothing(thoas: User, project: Project) -> None:
    follow(thoas, project)

    call_command("flush", "--no-input")

    assert (Event.objects.count(), get_followers_count(project)) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_the_log_is_protected_again_after_a_flush(thoas: User, project: Project) -> None:
    call_command("flush", "--no-input")

    assert different_triggers(connection) == []


@pytest.mark.django_db(transaction=True)
def test_a_flush_that_fails_leaves_the_log_protected(
    monkeypatch: pytest.MonkeyPatch, thoas: User, project: Project
) -> None:
    follow(thoas, project)

    def refuse(*_: Any) -> None:
        raise LookupError("the database is gone")

    monkeypatch.setattr(connection.ops, "execute_sql_flush", refuse)
    with pytest.raises(Exception, match="couldn't be flushed"):
        call_command("flush", "--no-input")

    assert (Event.objects.count(), different_triggers(connection)) == (1, [])


class Story:
    """Told twice: the second time shows what the first one left behind."""

    def tell(self) -> None:
        thoas, project = UserFactory(username="thoas"), ProjectFactory(name="La classe americaine")

        follow(thoas, project)

        assert (Event.objects.count(), get_followers_count(project)) == (1, 1)

    def test_once(self) -> None:
        self.tell()

    def test_twice(self) -> None:
        self.tell()


class TestHostTransactionTestCase(Story, TransactionTestCase):
    """A TransactionTestCase needs nothing added under pytest."""


class TestHostLiveServerTestCase(Story, LiveServerTestCase):
    """Neither does a LiveServerTestCase."""

    def test_the_server_answers(self) -> None:
        self.tell()

        with urlopen(f"{self.live_server_url}/admin/login/") as response:
            assert response.status == 200


@pytest.mark.parametrize("time", ["once", "twice"])
def test_a_live_server_needs_nothing_added(time: str, live_server: LiveServer, thoas: User, project: Project) -> None:
    follow(thoas, project)

    with urlopen(f"{live_server.url}/admin/login/") as response:
        status = response.status

    assert (status, Event.objects.count()) == (200, 1)


@pytest.mark.inline
def test_the_tests_of_a_host_pass_under_the_runner_of_django() -> None:
    run = run_python("-m", "django", "test", "tests.host.unittest_transaction", settings="tests.host.settings")

    assert run.returncode == 0, run.stderr
    assert re.search(r"Ran 11 tests", run.stderr)
