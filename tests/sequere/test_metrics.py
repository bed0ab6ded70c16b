"""What is recorded, applied, and fails is counted for Prometheus, and what waits is asked of the outbox."""

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
    """Lets everybody in but some."""

    refused: set[str] = set()

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        for event in events:
            if event.actor.object_id in self.refused:
                raise PermissionError(f"not {event.actor}")


@pytest.fixture(autouse=True)
def counted(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The app is installed for the length of a test. All projections are for somebody else, whom nobody calls."""
    settings.SEQUERE_PROJECTORS = {"door": f"{__name__}.Doorkeeper"}
    settings.SEQUERE_PROJECTION_MODES = dict.fromkeys(["follows", "timelines", "door"], "celery")
    monkeypatch.setattr(Doorkeeper, "refused", set())
    monkeypatch.setattr("sequere.workers._silent_until", float("inf"))
    metrics.connect()
    yield
    for signal, receiver in metrics.RECEIVERS:
        signal.disconnect(dispatch_uid=f"{metrics.__name__}.{receiver.__name__}")


Sample = tuple[str, tuple[str, ...]]


def samples() -> dict[Sample, float]:
    """All samples of ours, by their name and the values of their labels."""
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for metric in REGISTRY.collect()
        if metric.name.startswith("sequere_")
        for sample in metric.samples
        if not sample.name.endswith("_created")
    }


#: What depends on the speed of the machine, and how often something was measured.
MEASURED = ("_bucket", "_seconds", "_seconds_sum", "_seconds_count")


def gained(before: dict[Sample, float], *, measured: bool = False) -> dict[Sample, float]:
    """What has changed, and by how much."""
    more = {sample: value - before.get(sample, 0) for sample, value in samples().items()}
    return {sample: value for sample, value in more.items() if value and (measured or not sample[0].endswith(MEASURED))}


@committed
def test_what_is_recorded_is_counted_when_it_is_committed(thoas: User, newbie: User, project: Project) -> None:
    before = samples()

    follow_many([(thoas, project), (newbie, project)])
    with transaction.atomic():
        follow(thoas, newbie)
        transaction.set_rollback(True)

    assert gained(before)["sequere_events_recorded_total", ("followed",)] == 2


@committed
def test_what_is_applied_is_counted_by_pipeline_and_type(thoas: User, newbie: User, project: Project) -> None:
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
def test_failures_are_counted_and_what_is_parked_in_the_end(thoas: User, project: Project) -> None:
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
    assert now["sequere_outbox_oldest_seconds", ("door",)] == 0


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
def test_a_scrape_tells_what_waits_although_nobody_drains(thoas: User, project: Project) -> None:
    follow(thoas, project)

    with exactly(2):
        now = samples()

    assert now["sequere_up", ()] == 1
    assert {pipeline: now["sequere_outbox_pending", (pipeline,)] for pipeline in ("built-in", "fan-out", "door")} == {
        "built-in": 1,
        "fan-out": 0,
        "door": 1,
    }
    assert 0 < now["sequere_outbox_oldest_seconds", ("built-in",)] < 60
    assert now["sequere_outbox_oldest_seconds", ("fan-out",)] == 0


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
    assert 'sequere_events_applied_total{pipeline="built-in",type="followed"} 2.0' in scraped
    assert "sequere_up" in scraped


def test_a_scrape_goes_on_without_the_database() -> None:
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
def test_the_rules_for_alerts_name_metrics_that_there_are() -> None:
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
