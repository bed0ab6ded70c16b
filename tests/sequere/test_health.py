"""The health view: 200, or 503 when a projection falls behind the log, in any mode."""

import logging
from collections.abc import Iterable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sequere.log.models import Event
from sequere.models import QueuedEvent, follow, unfollow
from sequere.monitoring.backlog import COUNTED
from sequere.outbox.drain import MAX_ATTEMPTS, drain, drain_all
from sequere.outbox.parked import retry
from sequere.projections.projector import Projector
from sequere.projections.registry import BUILT_IN
from tests.host.processes import run_python
from tests.statements import exactly
from tests.testapp.models import Project, User

pytestmark = [pytest.mark.sequere_queued, pytest.mark.database]

HEALTH, READY = "/sequere/health/", "/sequere/ready/"
FINE = {"mode": "celery", "pending": 0, "lag": 0.0, "failing": 0, "parked": 0, "problems": []}


class Doorkeeper(Projector):
    """Refuses some actors."""

    refused: set[str] = set()

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        for event in events:
            if event.actor.object_id in self.refused:
                raise PermissionError(f"not {event.actor}")


@pytest.fixture(autouse=True)
def for_celery(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All projections wait for workers, and there are none."""
    settings.SEQUERE_PROJECTORS = {"door": f"{__name__}.Doorkeeper"}
    settings.SEQUERE_PROJECTION_MODES = dict.fromkeys(["follows", "timelines", "door"], "celery")
    monkeypatch.setattr(Doorkeeper, "refused", set())


@pytest.fixture
def impatient(settings: Any) -> None:
    """Every waiting event has waited too long."""
    settings.SEQUERE_HEALTH_MAX_LAG = 1e-6


def fail(thoas: User, project: Project, attempts: int) -> None:
    """Let the door refuse an event of thoas some times."""
    Doorkeeper.refused = {str(thoas.pk)}
    follow(thoas, project)
    for _ in range(attempts):
        QueuedEvent.objects.filter(retry_at__isnull=False).update(retry_at=timezone.now())
        drain_all(using="default")


def park(thoas: User, project: Project) -> None:
    """Let the door refuse an event of thoas until it is parked."""
    fail(thoas, project, MAX_ATTEMPTS)


def look(client: Client) -> tuple[int, dict[str, Any]]:
    response = client.get(HEALTH)
    return response.status_code, response.json()


def test_the_url_has_a_name() -> None:
    assert (reverse("sequere:health"), reverse("sequere:ready")) == (HEALTH, READY)


@pytest.mark.django_db
def test_an_empty_outbox_is_healthy(client: Client) -> None:
    status, found = look(client)

    assert status == 200
    assert found == {
        "healthy": True,
        "problems": [],
        "projections": {"follows": FINE, "timelines": FINE, "door": FINE},
    }


@pytest.mark.django_db
def test_a_dead_worker_is_noticed_by_the_events_it_leaves(
    client: Client, impatient: None, thoas: User, project: Project
) -> None:
    follow(thoas, project)

    status, found = look(client)

    assert (status, found["healthy"], found["problems"]) == (503, False, ["late"])
    for projection in found["projections"].values():
        assert 0 < projection.pop("lag") < 60
        assert projection == {"mode": "celery", "pending": 1, "failing": 0, "parked": 0, "problems": ["late"]}

    drain_all(using="default")

    assert look(client)[0] == 200


@pytest.mark.django_db
def test_only_the_late_projection_is_unhealthy(client: Client, impatient: None, thoas: User, project: Project) -> None:
    follow(thoas, project)
    drain(BUILT_IN, using="default")

    status, found = look(client)

    assert (status, found["problems"]) == (503, ["late"])
    assert {name: one["problems"] for name, one in found["projections"].items()} == {
        "follows": [],
        "timelines": [],
        "door": ["late"],
    }


@pytest.mark.django_db
def test_an_event_just_recorded_is_not_late(client: Client, thoas: User, project: Project) -> None:
    follow(thoas, project)

    status, found = look(client)

    assert (status, found["projections"]["follows"]["pending"]) == (200, 1)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("attempts", "problems", "counts"),
    [
        (1, [], {"pending": 1, "failing": 0, "parked": 0}),
        (2, ["failing"], {"pending": 1, "failing": 1, "parked": 0}),
        (MAX_ATTEMPTS, ["parked"], {"pending": 0, "failing": 0, "parked": 1}),
    ],
)
def test_an_event_that_fails_again_is_unhealthy_and_counts_as_lag(
    client: Client, thoas: User, project: Project, attempts: int, problems: list[str], counts: dict[str, int]
) -> None:
    fail(thoas, project, attempts)

    status, found = look(client)

    door = found["projections"]["door"]
    assert (status, found["problems"]) == (503 if problems else 200, problems)
    assert {name: door[name] for name in counts} == counts
    assert 0 < door["lag"] < 60


@pytest.mark.django_db
@pytest.mark.parametrize("attempts", [1, MAX_ATTEMPTS])
def test_a_site_that_can_answer_is_ready_whatever_fails(
    client: Client, impatient: None, thoas: User, project: Project, attempts: int
) -> None:
    fail(thoas, project, attempts)

    response = client.get(READY)

    assert (response.status_code, response.json()) == (200, {"ready": True})
    assert look(client)[0] == 503


@pytest.mark.django_db
def test_tolerated_events_and_those_behind_them_are_healthy(
    client: Client, settings: Any, impatient: None, thoas: User, project: Project
) -> None:
    settings.SEQUERE_HEALTH_MAX_PARKED = 1
    park(thoas, project)
    unfollow(thoas, project)
    drain(BUILT_IN, using="default")

    status, found = look(client)

    assert status == 200
    assert found["projections"]["door"] == FINE | {
        "pending": 1,
        "parked": 1,
        "lag": found["projections"]["door"]["lag"],
    }


@pytest.mark.django_db
def test_an_event_behind_one_that_waits_for_its_next_attempt_is_late(
    client: Client, impatient: None, thoas: User, project: Project
) -> None:
    fail(thoas, project, 1)
    drain(BUILT_IN, using="default")

    assert look(client)[1]["problems"] == ["late"]


@pytest.mark.django_db
def test_a_retry_that_succeeds_makes_it_healthy_again(client: Client, thoas: User, project: Project) -> None:
    park(thoas, project)

    status, found = look(client)
    Doorkeeper.refused = set()
    retry(QueuedEvent.objects.all())

    assert (status, found["problems"]) == (503, ["parked"])
    assert look(client)[0] == 200


@pytest.mark.django_db
def test_an_answer_reveals_no_errors(client: Client, thoas: User, project: Project) -> None:
    park(thoas, project)

    assert "not user" not in client.get(HEALTH).content.decode()


@pytest.mark.django_db
def test_a_request_costs_two_queries_however_much_waits(client: Client, thoas: User, project: Project) -> None:
    park(thoas, project)
    follow(project, thoas)

    with exactly(2):
        client.get(HEALTH)


@pytest.mark.django_db
def test_millions_are_not_counted(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""WITH RECURSIVE numbers (number) AS (
                SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number <= {COUNTED}
            ) INSERT INTO sequere_queuedevent (queue, event_id, shard, stream, attempts, error, traceback)
            SELECT 'door', number, 0, '00000000000000000000000000000000', 0, '', '' FROM numbers"""
        )

    _, found = look(client)

    assert QueuedEvent.objects.count() == COUNTED + 1
    assert found["projections"]["door"]["pending"] == COUNTED


@pytest.mark.django_db
def test_it_is_never_cached_and_answers_head(client: Client, impatient: None, thoas: User, project: Project) -> None:
    follow(thoas, project)

    response = client.head(HEALTH)

    assert (response.status_code, response.content) == (503, b"")
    assert "no-store" in response.headers["Cache-Control"]
    assert client.post(HEALTH).status_code == 405


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "head"])
def test_an_unhealthy_answer_is_not_logged_as_an_error(
    client: Client, impatient: None, thoas: User, project: Project, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    """Django logs a 503 as an error, and mails it to the admins."""
    follow(thoas, project)

    with caplog.at_level(logging.DEBUG):
        caplog.clear()
        status = getattr(client, method)(HEALTH).status_code

    assert status == 503
    assert caplog.record_tuples == [("sequere", logging.DEBUG, "Not healthy: ['late']")]


@pytest.mark.parametrize("atomic", ["False", "True"])
def test_a_database_outage_is_reported_without_an_error(atomic: str) -> None:
    done = run_python(
        "-c",
        "from django.conf import settings\n"
        "database = settings.DATABASES['default']\n"
        f"database |= {{'NAME': '/nowhere/at/all', 'HOST': '/nowhere', 'ATOMIC_REQUESTS': {atomic}}}\n"
        "import django; django.setup()\n"
        "from django.test import Client\n"
        f"for view in ({HEALTH!r}, {READY!r}):\n"
        "    response = Client().get(view)\n"
        "    print(response.status_code, response.json())",
        settings="tests.host.settings",
    )

    assert done.stdout.splitlines() == [
        "503 {'healthy': False, 'problems': ['database'], 'projections': {}}",
        "503 {'ready': False}",
    ], done.stderr
