"""Recorded, applied and failed events are counted for Prometheus; waiting events are read from the outbox."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from prometheus_client import REGISTRY

from sequere.contrib.prometheus import metrics
from sequere.contrib.timeline import Timeline
from sequere.log.models import Event
from sequere.models import QueuedEvent, follow, follow_many
from sequere.outbox.drain import MAX_ATTEMPTS, drain, drain_all
from sequere.projections.projector import Projector
from sequere.redis.outages import Outage
from sequere_timeline import projector
from sequere_timeline.backends.database import entries
from tests.docs.pages import blocks, page, sections, table
from tests.factories import UserFactory
from tests.host.processes import run_python
from tests.statements import exactly
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction

committed = pytest.mark.django_db(transaction=True)
pytestmark = [pytest.mark.sequere_queued, pytest.mark.database]


class Doorkeeper(Projector):
    """Refuses some actors."""

    refused: set[str] = set()

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        for event in events:
            if event.actor.object_id in self.refused:
                raise PermissionError(f"not {event.actor}")


@pytest.fixture(autouse=True)
def counted(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the app for the length of a test. All projections wait for workers, and there are none."""
    settings.SEQUERE_PROJECTORS = {"door": f"{__name__}.Doorkeeper"}
    settings.SEQUERE_PROJECTION_MODES = dict.fromkeys(["follows", "timelines", "door"], "celery")
    monkeypatch.setattr(Doorkeeper, "refused", set())
    monkeypatch.setattr("sequere.workers._breaker.outage", Outage("", pauses_until=float("inf")))
    metrics.connect_metrics()
    yield
    for signal, receiver in metrics.RECEIVERS:
        signal.disconnect(dispatch_uid=f"{metrics.__name__}.{receiver.__name__}")


Sample = tuple[str, tuple[str, ...]]


def samples() -> dict[Sample, float]:
    """All samples of ours, by name and label values."""
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for metric in REGISTRY.collect()
        if metric.name.startswith("sequere_")
        for sample in metric.samples
        if not sample.name.endswith("_created")
    }


#: Samples that depend on the speed of the machine, or on how often something was measured.
MEASURED = ("_bucket", "_seconds", "_seconds_sum", "_seconds_count")


def gained(before: dict[Sample, float], *, measured: bool = False) -> dict[Sample, float]:
    """The samples that changed, and by how much."""
    more = {sample: value - before.get(sample, 0) for sample, value in samples().items()}
    return {sample: value for sample, value in more.items() if value and (measured or not sample[0].endswith(MEASURED))}


@committed
def test_recorded_events_are_counted_at_the_commit(thoas: User, newbie: User, project: Project) -> None:
    before = samples()

    follow_many([(thoas, project), (newbie, project)])
    with transaction.atomic():
        follow(thoas, newbie)
        transaction.set_rollback(True)

    assert gained(before)["sequere_events_recorded_total", ("followed",)] == 2


@committed
def test_applied_events_are_counted_by_queue_and_type(thoas: User, newbie: User, project: Project) -> None:
    follow_many([(thoas, project), (newbie, project)])
    Timeline(project).save(JoinAction(actor=project))
    before = samples()

    drain_all(using="default")

    assert gained(before) == {
        ("sequere_events_applied_total", ("built-in", "followed")): 2,
        ("sequere_events_applied_total", ("built-in", "action_saved")): 1,
        ("sequere_events_applied_total", ("door", "followed")): 2,
        ("sequere_events_applied_total", ("door", "action_saved")): 1,
        ("sequere_fan_out_followers_count", ()): 1,
        ("sequere_fan_out_followers_sum", ()): 2,
        ("sequere_followers_reached_total", ()): 2,
        ("sequere_outbox_pending", ("built-in",)): -3,
        ("sequere_outbox_pending", ("door",)): -3,
    }


@committed
def test_each_batch_is_measured(thoas: User, newbie: User, project: Project) -> None:
    follow_many([(thoas, project), (newbie, project)])
    before = samples()

    drain("door", using="default")

    measured = gained(before, measured=True)
    assert measured["sequere_drain_seconds_count", ("door",)] == measured["sequere_lag_seconds_count", ("door",)] == 1
    assert 0 < measured["sequere_drain_seconds_sum", ("door",)] < measured["sequere_lag_seconds_sum", ("door",)]


@committed
def test_failures_and_parked_events_are_counted(thoas: User, project: Project) -> None:
    Doorkeeper.refused = {str(thoas.pk)}
    follow(thoas, project)
    before = samples()

    for _ in range(MAX_ATTEMPTS):
        drain("door", using="default")
        QueuedEvent.objects.filter(retry_at__isnull=False).update(retry_at=timezone.now())

    counted = gained(before)
    assert counted["sequere_events_failed_total", ("door", "followed")] == 5
    assert counted["sequere_events_parked_total", ("door", "followed")] == 1
    assert ("sequere_events_applied_total", ("door", "followed")) not in counted
    now = samples()
    assert now["sequere_outbox_parked", ("door",)] == 1
    assert now["sequere_outbox_pending", ("door",)] == 0
    assert 0 < now["sequere_outbox_oldest_seconds", ("door",)] < 60


@committed
def test_a_fan_out_is_as_large_as_all_its_steps(monkeypatch: pytest.MonkeyPatch, thoas: User) -> None:
    monkeypatch.setitem(projector.SECONDS_AT_ONCE, "celery", 0)
    monkeypatch.setattr(entries, "FOLLOWERS_PER_STATEMENT", 2)
    follow_many((fan, thoas) for fan in UserFactory.create_batch(5))
    Timeline(thoas).save(JoinAction(actor=thoas))
    before = samples()

    drain_all(using="default")

    counted = gained(before, measured=True)
    assert counted["sequere_fan_out_followers_count", ()] == 1
    assert counted["sequere_fan_out_followers_sum", ()] == 5
    assert counted["sequere_followers_reached_total", ()] == 5
    assert counted["sequere_fan_out_step_seconds_count", ()] == 3


@pytest.mark.django_db
def test_a_scrape_reports_waiting_events_although_nothing_drains(thoas: User, project: Project) -> None:
    follow(thoas, project)

    with exactly(2):
        now = samples()

    assert now["sequere_up", ()] == 1
    assert {queue: now["sequere_outbox_pending", (queue,)] for queue in ("built-in", "timelines:fan-out", "door")} == {
        "built-in": 1,
        "timelines:fan-out": 0,
        "door": 1,
    }
    assert 0 < now["sequere_outbox_oldest_seconds", ("built-in",)] < 60
    assert now["sequere_outbox_oldest_seconds", ("timelines:fan-out",)] == 0


SCRAPE = """
import django; django.setup()
from django.test import Client
print(Client().get("/metrics").content.decode())
"""


def test_a_host_installs_the_app_and_has_metrics() -> None:
    done = run_python("-m", "django", "test", "tests.host.unittest_metrics", settings="tests.host.settings_metrics")

    assert done.returncode == 0, done.stderr
    assert "Ran 1 test" in done.stderr


def test_processes_count_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    for _ in range(2):
        done = run_python("-m", "django", "test", "tests.host.unittest_metrics", settings="tests.host.settings_metrics")
        assert done.returncode == 0, done.stderr

    scraped = run_python("-c", SCRAPE, settings="tests.host.settings_metrics").stdout

    assert 'sequere_events_recorded_total{type="followed"} 2.0' in scraped
    assert 'sequere_events_applied_total{queue="built-in",type="followed"} 2.0' in scraped
    assert "sequere_up" in scraped


def test_a_scrape_works_without_the_database() -> None:
    without = "from django.conf import settings\nsettings.DATABASES['default'] |= {'NAME': '/none', 'HOST': '/none'}\n"

    scraped = run_python("-c", without + SCRAPE, settings="tests.host.settings_metrics")

    assert "sequere_up 0.0" in scraped.stdout, scraped.stderr
    assert "sequere_followers_reached_total 0.0" in scraped.stdout


def test_sequere_e012_without_the_client() -> None:
    done = run_python(
        "-c",
        "import sys; sys.modules['prometheus_client'] = None\n"
        "import django; django.setup()\n"
        "from django.core.management import call_command\n"
        "call_command('check')",
        settings="tests.host.settings_metrics",
    )

    assert "(sequere.E012)" in done.stderr
    assert "pip install 'django-sequere[prometheus]'" in done.stderr


def names() -> set[str]:
    metrics = [metric for metric in REGISTRY.collect() if metric.name.startswith("sequere_")]
    return {f"{metric.name}_total" if metric.type == "counter" else metric.name for metric in metrics}


@pytest.mark.django_db
def test_every_metric_is_documented() -> None:
    rows = table(sections(page("watching.md"), 2)["Metrics"])

    assert {row[0].strip("`") for row in rows} == names()


@pytest.mark.django_db
def test_the_alert_rules_name_existing_metrics() -> None:
    rules = "".join(block.text for block in blocks(page("watching.md")) if block.language == "yaml")

    named = {name.removesuffix("_bucket") for name in re.findall(r"sequere_\w+", rules)}

    assert named
    assert named <= names()


@committed
def test_a_scrape_in_a_thread_leaves_no_connection_behind() -> None:
    left = []

    def scrape() -> None:
        left.append(samples()["sequere_up", ()])
        left.append(connection.connection)

    thread = Thread(target=scrape)
    thread.start()
    thread.join()

    assert left == [1, None]
