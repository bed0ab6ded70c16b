"""The counts of a worker's children are kept in a directory, where the scraped process finds them."""

import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector

from sequere.models import follow
from tests.testapp.models import Project, User
from tests.workers.conftest import Worker
from tests.workers.until import until

pytestmark = pytest.mark.django_db(transaction=True)


def test_events_applied_by_a_worker_are_counted(
    start_worker: Callable[..., Worker], tmp_path: Path, thoas: User, newbie: User, project: Project
) -> None:
    registry, directory = CollectorRegistry(), tmp_path / "metrics"
    directory.mkdir()
    MultiProcessCollector(registry, str(directory))
    start_worker(DJANGO_SETTINGS_MODULE="tests.host.settings_metrics", PROMETHEUS_MULTIPROC_DIR=str(directory))

    def applied() -> float | None:
        labels = {"queue": "built-in", "type": "followed"}
        with suppress(struct.error):  # the worker may be creating the file
            return registry.get_sample_value("sequere_events_applied_total", labels)
        return None

    follow(thoas, project)
    follow(newbie, project)

    until(lambda: applied() == 2)
    assert registry.get_sample_value("sequere_events_failed_total") is None
