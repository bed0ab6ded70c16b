"""A rebuild left to the Celery workers."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import transaction

from sequere.contrib.timeline import Timeline
from sequere.exceptions import BackendUnavailable
from sequere.models import Rebuild, Slice, follow_many
from sequere.replay import handover
from sequere.replay.handover import hand_over, sweep_rebuilds
from sequere.replay.rebuilding import start
from tests.factories import UserFactory
from tests.races.concurrently import concurrently
from tests.races.outcome import differences
from tests.read_models import empty_read_models
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction
from tests.workers.conftest import Worker, send_to
from tests.workers.until import is_waited_for, until

pytestmark = pytest.mark.django_db(transaction=True)


def have_ended() -> bool:
    """Whether the rebuilds have ended; reads the database, which the workers write."""
    return Rebuild.objects.exists() and not Rebuild.objects.filter(ended_at=None).exists()


def test_workers_share_a_rebuild(start_worker: Callable[..., Worker]) -> None:
    thoas, *newbies = User.objects.bulk_create(UserFactory.build_batch(60))
    start_worker()
    start_worker()
    follow_many((newbie, thoas) for newbie in newbies)
    Timeline(thoas).save(JoinAction(actor=thoas))
    call_command("run_projections", once=True, stdout=StringIO())
    empty_read_models()

    said = StringIO()
    call_command("rebuild_projections", celery=True, workers=2, stdout=said)

    assert "Celery workers run it" in said.getvalue()
    until(have_ended)
    assert differences() == []
    assert thoas.get_followers_count() == 59


def test_a_rebuild_whose_worker_was_killed_is_found_by_the_sweep(
    start_worker: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """kill -9 in the middle of a turn, whose task no broker remembers."""
    thoas, *newbies = User.objects.bulk_create(UserFactory.build_batch(60))
    follow_many((newbie, thoas) for newbie in newbies)
    Timeline(thoas).save(JoinAction(actor=thoas))
    call_command("run_projections", once=True, stdout=StringIO())
    empty_read_models()
    rebuilds = [start(name) for name in ("follows", "timelines")]
    worker = start_worker()

    with transaction.atomic():
        Slice.objects.filter(rebuild=rebuilds[1]).select_for_update().latest("stage", "pk")
        concurrently(lambda: hand_over([rebuild.pk for rebuild in rebuilds]))
        until(is_waited_for)
        worker.kill()
    (left,) = Rebuild.objects.filter(ended_at=None)
    start_worker()
    monkeypatch.setattr(handover, "OVERDUE", timedelta(0))
    sweep_rebuilds("default")

    assert left == rebuilds[1]
    until(have_ended)
    assert differences() == []
    assert thoas.get_followers_count() == 59


def test_a_broker_that_is_down_is_named(for_celery: None, monkeypatch: pytest.MonkeyPatch) -> None:
    send_to("redis://127.0.0.1:1/0", monkeypatch)
    rebuild = start("follows")

    with pytest.raises(BackendUnavailable, match="The broker of Celery cannot be used"):
        hand_over([rebuild.pk])
