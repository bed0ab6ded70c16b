"""A broker that is down stops nobody, and its lost hints are made up for."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from example_project.servers.process import ServerUnavailable
from example_project.servers.valkey import Valkey, own_valkey
from sequere import workers
from sequere.models import QueuedEvent, follow, is_following, wait_for_projections
from sequere.outbox.drain import drain_all
from tests.conftest import CI
from tests.factories import UserFactory
from tests.testapp.models import Project, User
from tests.workers.conftest import a_worker, send_to, url_of
from tests.workers.test_worker import find_what_waits

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def own_broker(for_celery: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Valkey]:
    """A broker that may be stopped."""
    try:
        with own_valkey() as server:
            send_to(url_of(server), monkeypatch)
            yield server
    except ServerUnavailable as error:
        if CI:
            raise
        pytest.skip(str(error))


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.WARNING, "sequere")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "sequere"]


def test_a_follow_succeeds_during_an_outage_of_the_broker_which_is_asked_once(
    own_broker: Valkey, thoas: User, project: Project, said: Callable[[], list[str]]
) -> None:
    own_broker.stop()
    others = UserFactory.create_batch(5)

    follow(thoas, project)
    for other in others:
        follow(other, thoas)

    (warning,) = said()
    assert warning.startswith("The broker of Celery cannot be reached:")
    assert QueuedEvent.objects.count() == 6


def test_the_broker_is_asked_again_after_a_while(
    own_broker: Valkey,
    thoas: User,
    project: Project,
    newbie: User,
    monkeypatch: pytest.MonkeyPatch,
    said: Callable[[], list[str]],
    tmp_path: Path,
) -> None:
    own_broker.stop()
    follow(thoas, project)
    own_broker.start()

    with a_worker(url_of(own_broker), tmp_path / "worker.log"):
        monkeypatch.setattr(workers._breaker, "outage", None)  # as if the time were up
        follow(thoas, newbie)
        find_what_waits(monkeypatch)
        wait_for_projections(timeout=60)

    assert len(said()) == 1
    assert is_following(thoas, project)
    assert is_following(thoas, newbie)


def test_a_restarted_broker_loses_no_hint(
    own_broker: Valkey, settings: Any, thoas: User, newbie: User, project: Project, said: Callable[[], list[str]]
) -> None:
    """The pooled connection is older than the server."""
    follow(thoas, project)
    drain_all(using="default")  # an event waiting in the same shard would need no hint
    own_broker.stop()
    own_broker.start()

    follow(thoas, newbie)

    with redis.Redis.from_url(own_broker.url) as client:
        assert client.llen(settings.SEQUERE_CELERY_QUEUES["default"]) == 1
    assert said() == []
