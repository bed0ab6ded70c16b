"""A killed worker says nothing; the health view does."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from sequere.models import follow, wait_for_projections
from tests.testapp.models import Project, User
from tests.workers.conftest import Worker

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_killed_worker_is_missed(
    start_worker: Callable[..., Worker], settings: Any, client: Client, thoas: User, newbie: User, project: Project
) -> None:
    settings.SEQUERE_HEALTH_MAX_LAG = 1e-6
    worker = start_worker()
    follow(thoas, project)
    wait_for_projections(timeout=60)
    statuses = [client.get("/sequere/health/").status_code]

    worker.kill()
    follow(newbie, project)
    statuses.append(client.get("/sequere/health/").status_code)

    worker.start()
    wait_for_projections(timeout=60)
    statuses.append(client.get("/sequere/health/").status_code)

    assert statuses == [200, 503, 200]
