"""A rebuild that was left to Celery and whose task is lost is found by the sweep."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from sequere.models import Rebuild, Slice
from sequere.replay.handover import hand_over, take_turn
from sequere.replay.rebuilding import start, work
from sequere.signals import rebuilds_left
from sequere.tasks import sweep
from tests.races.concurrently import concurrently

pytestmark = pytest.mark.django_db

Told = list[list[int]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """The hints for Celery; there is no broker."""
    told: Told = []

    def note(rebuild_ids: list[int], **_: Any) -> None:
        told.append(rebuild_ids)

    monkeypatch.setattr(rebuilds_left, "receivers", [])
    rebuilds_left.connect(note, weak=False)
    return told


@pytest.fixture
def left(told: Told) -> list[Rebuild]:
    """Two rebuilds that were left to Celery together."""
    rebuilds = [start(name) for name in ("follows", "timelines")]
    hand_over([rebuild.pk for rebuild in rebuilds])
    told.clear()
    return rebuilds


def ago(seconds: float) -> Any:
    return timezone.now() - timedelta(seconds=seconds)


def test_a_sweep_that_finds_nothing_costs_four_queries(told: Told, django_assert_num_queries: Any) -> None:
    start("follows")

    with django_assert_num_queries(4):  # three for the outbox
        sweep()

    assert told == []


def test_lost_rebuilds_are_announced_once_and_together(
    left: list[Rebuild], told: Told, django_assert_num_queries: Any
) -> None:
    Rebuild.objects.update(left_at=ago(11))

    with django_assert_num_queries(7 + 2):  # plus a savepoint
        sweep()
    sweep()

    assert told == [[rebuild.pk for rebuild in left]]


def test_rebuilds_left_separately_are_announced_separately(left: list[Rebuild], told: Told) -> None:
    follows, timelines = left
    Rebuild.objects.filter(pk=follows.pk).update(left_at=ago(12))
    Rebuild.objects.filter(pk=timelines.pk).update(left_at=ago(11))

    sweep()

    assert told == [[follows.pk], [timelines.pk]]


@pytest.mark.parametrize(("left_at", "told_at", "times"), [(30, 19, 1), (30, 10, 0), (3600, 1700, 0), (3600, 1900, 1)])
def test_without_a_worker_the_pauses_double(
    left: list[Rebuild], told: Told, left_at: float, told_at: float, times: int
) -> None:
    Rebuild.objects.update(left_at=ago(left_at), told_at=ago(told_at))

    sweep()

    assert len(told) == times


def test_a_batch_resets_the_pause(left: list[Rebuild], told: Told) -> None:
    Rebuild.objects.update(left_at=ago(7200), told_at=ago(100))
    Slice.objects.update(worked_at=ago(11))

    sweep()

    assert len(told) == 1


def leave_it_alone(left: list[Rebuild]) -> None:
    Rebuild.objects.update(left_at=None)


def work_at_it(left: list[Rebuild]) -> None:
    Slice.objects.filter(rebuild=left[0]).update(worked_at=ago(1))


def end_it(left: list[Rebuild]) -> None:
    for rebuild in left:
        work(rebuild.pk)


def take_a_turn(left: list[Rebuild]) -> None:
    take_turn([rebuild.pk for rebuild in left], seconds=0)


@pytest.mark.parametrize("change", [leave_it_alone, work_at_it, end_it, take_a_turn])
def test_a_rebuild_that_is_not_lost_is_left_alone(left: list[Rebuild], told: Told, change: Callable[..., None]) -> None:
    Rebuild.objects.update(left_at=ago(3600))

    change(left)
    told.clear()
    sweep()

    assert told == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="on SQLite nobody else works meanwhile")
def test_a_worker_with_a_long_batch_is_at_work(left: list[Rebuild], told: Told) -> None:
    Rebuild.objects.update(left_at=ago(3600))

    with transaction.atomic():
        list(Slice.objects.filter(rebuild=left[1])[:1].select_for_update())
        concurrently(sweep)
        during = [*told]
    sweep()

    assert during == []
    assert len(told) == 1


def test_a_projection_that_is_gone_is_ignored(left: list[Rebuild], told: Told) -> None:
    Rebuild.objects.update(left_at=ago(3600))
    Rebuild.objects.filter(pk=left[0].pk).update(projection="gone")

    sweep()

    assert told == [[left[1].pk]]
