"""What a worker's children do is counted in a directory, where a process that is scraped finds it."""

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


def test_what_a_worker_applies_is_counted(
    start_worker: Callable[..., Worker], tmp_path: Path, thoas: User, newbie: User, project: Project
) -> None:
    registry, directory = CollectorRegistry(), tmp_path / "metrics"
    directory.mkdir()
    MultiProcessCollector(registry, str(directory))
    start_worker(DJANGO_SETTINGS_MODULE="tests.host.settings_metrics", PROMETHEUS_MULTIPROC_DIR=str(directory))

    def applied() -> float | None:
        labels = {"pipeline": "built-in", "type": "followed"}
        with suppress(struct.error):  # of a file that the worker is just making
            return registry.get_sample_value("sequere_events_applied_total", labels)
        return None

    follow(thoas, project)
    follow(newbie, project)

    until(lambda: applied() == 2)
    assert registry.get_sample_value("sequere_events_failed_total") is None
