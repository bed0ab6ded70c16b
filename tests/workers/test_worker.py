"""In mode celery a call records the event and returns; a worker, a process of its own, projects it."""

import pytest

from sequere.contrib.timeline import Timeline
from sequere.models import QueuedEvent, follow, is_following, wait_for_projections
from tests.races.outcome import differences
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction
from tests.workers.conftest import Worker

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_worker_applies_what_was_recorded(worker: Worker, thoas: User, project: Project) -> None:
    follow(thoas, project)
    Timeline(project).save(JoinAction(actor=project))

    wait_for_projections(timeout=60)

    assert is_following(thoas, project)
    assert Timeline(thoas).get_private_count() == 1
    assert not QueuedEvent.objects.exists()
    assert differences() == []
