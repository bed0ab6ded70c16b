"""What a caller reads when PostgreSQL makes it wait, or hands out a number twice."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import DatabaseError, OperationalError, connection, transaction

from sequere.contrib.timeline import Timeline
from sequere.exceptions import ResourcesLocked, SequenceBehind
from sequere.log.models import Event
from sequere.log.recording import Intent, record
from sequere.log.streams import stream_of
from sequere.models import follow, follow_many, unfollow
from sequere.registry import registry
from tests.factories import ProjectFactory
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.inline,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL locks rows, and has sequences"),
]


def joke(thoas: User) -> Intent:
    return Intent(type="joked", stream=stream_of("joke", registry.key_of(thoas)), actor=thoas)


WRITERS: list[Callable[[User, Project], Any]] = [
    follow,
    lambda thoas, project: follow_many([(thoas, project)]),
    lambda thoas, project: record([joke(thoas)]),
    lambda thoas, project: Timeline(thoas).save(JoinAction(actor=thoas)),
]


@pytest.fixture
def idle(thoas: User, newbie: User) -> Iterator[None]:
    """A session that has locked thoas, and is idle in its transaction."""
    follow(newbie, thoas)
    other = connection.copy()
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute("SELECT 1 FROM sequere_resource WHERE object_id = %s FOR NO KEY UPDATE", [str(thoas.pk)])
    yield
    other.close()


@pytest.mark.parametrize("timeout", ["lock_timeout", "statement_timeout"])
@pytest.mark.parametrize("write", WRITERS)
def test_a_writer_that_waits_too_long_says_for_what(
    idle: None, thoas: User, project: Project, write: Callable[[User, Project], Any], timeout: str
) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL {timeout} = '30ms'")
        with pytest.raises(ResourcesLocked) as caught:
            write(thoas, project)
        transaction.set_rollback(True)

    assert f"user:{thoas.pk}" in str(caught.value)
    assert isinstance(caught.value, OperationalError)
    assert isinstance(caught.value.__cause__, DatabaseError)


def test_of_many_resources_some_are_named(idle: None, thoas: User) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '30ms'")
        with pytest.raises(ResourcesLocked) as caught:
            follow_many((thoas, project) for project in ProjectFactory.create_batch(6))
        transaction.set_rollback(True)

    named = str(caught.value)
    assert (named.count("user:") + named.count("project:"), named.count("…")) == (5, 1)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("table", ["sequere_event", "sequere_resource"])
def test_a_sequence_that_is_behind_is_named_and_moved_by_migrate(
    thoas: User, newbie: User, project: Project, write: Callable[[User, Project], Any], table: str
) -> None:
    for verb in (follow, unfollow, follow):
        verb(newbie, project)
    column = "id" if table == "sequere_event" else "uid"
    with connection.cursor() as cursor:
        sequence = f"pg_get_serial_sequence('{table}', '{column}')"
        cursor.execute(f"SELECT setval({sequence}, MIN({column}), false) FROM {table}")
    checked = {message.id: message for message in run_checks(databases=["default"])}

    with pytest.raises(SequenceBehind) as caught:
        write(thoas, project)

    assert f"The sequence of {table} " in str(caught.value)
    assert table in checked["sequere.E021"].msg
    call_command("migrate", "sequere", verbosity=0, skip_checks=True)
    write(thoas, project)
    assert Event.objects.count() == 4
    assert "sequere.E021" not in {message.id for message in run_checks(databases=["default"])}
