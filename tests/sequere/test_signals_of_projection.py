"""Listeners learn what was applied, what failed, and how far a fan-out is; they hold up nothing."""

import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import pytest
from django.db import connection, transaction
from django.dispatch import Signal
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sequere.contrib.timeline import Timeline
from sequere.log.models import Event
from sequere.models import QueuedEvent, follow, follow_many
from sequere.outbox.drain import MAX_ATTEMPTS, drain, drain_all
from sequere.projections.projector import Projector
from sequere.projections.registry import BUILT_IN
from sequere.redis.outages import Outage
from sequere.signals import events_projected, fan_out_advanced, projection_failed
from sequere_timeline import projector
from sequere_timeline.backends.database import entries
from tests.factories import UserFactory
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.sequere_queued, pytest.mark.database]


class Doorkeeper(Projector):
    """Refuses some actors."""

    refused: set[str] = set()

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        for event in events:
            if event.actor.object_id in self.refused:
                raise PermissionError(f"not {event.actor}")


@pytest.fixture(autouse=True)
def later(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """All projections wait for workers, and there are none."""
    settings.SEQUERE_PROJECTORS = {"door": f"{__name__}.Doorkeeper"}
    settings.SEQUERE_PROJECTION_MODES = dict.fromkeys(["follows", "timelines", "door"], "celery")
    monkeypatch.setattr(Doorkeeper, "refused", set())
    monkeypatch.setattr("sequere.workers._breaker.outage", Outage("", pauses_until=float("inf")))


@contextmanager
def heard(signal: Signal) -> Iterator[list[dict[str, Any]]]:
    """The calls of a signal in this block."""
    said: list[dict[str, Any]] = []

    def listen(**what: Any) -> None:
        said.append({name: value for name, value in what.items() if name not in {"signal", "sender", "using"}})

    signal.connect(listen)
    try:
        yield said
    finally:
        signal.disconnect(listen)


def test_a_drain_announces_the_events_it_applied(thoas: User, newbie: User, project: Project) -> None:
    first, second = follow(thoas, project), follow(newbie, project)

    with heard(events_projected) as said:
        drain(BUILT_IN, using="default")
        drain("door", using="default")

    assert [(one["queue"], one["events"]) for one in said] == [
        (BUILT_IN, (first, second)),
        ("door", (first, second)),
    ]
    assert all(0 < one["seconds"] < one["lag"] for one in said)


def test_a_drain_that_is_rolled_back_is_not_announced(thoas: User, project: Project) -> None:
    follow(thoas, project)

    with heard(events_projected) as said:
        with transaction.atomic():
            drain(BUILT_IN, using="default")
            transaction.set_rollback(True)
        before = list(said)
        drain(BUILT_IN, using="default")

    assert (before, len(said)) == ([], 1)


def test_a_failure_is_announced_with_its_error(thoas: User, newbie: User, project: Project) -> None:
    event, other = follow(thoas, project), follow(newbie, project)
    Doorkeeper.refused = {str(thoas.pk)}

    with heard(projection_failed) as failed, heard(events_projected) as applied:
        for _ in range(MAX_ATTEMPTS):
            drain("door", using="default")
            QueuedEvent.objects.filter(retry_at__isnull=False).update(retry_at=timezone.now())

    assert [(one["queue"], one["event"], one["attempts"], one["is_parked"]) for one in failed] == [
        ("door", event, 1, False),
        ("door", event, 2, False),
        ("door", event, 3, False),
        ("door", event, 4, False),
        ("door", event, 5, True),
    ]
    assert {repr(one["error"]) for one in failed} == {f"PermissionError('not user:{thoas.pk}')"}
    assert [one["events"] for one in applied] == [(other,)]


@pytest.fixture
def fans(thoas: User) -> list[User]:
    """Five followers of thoas."""
    fans = UserFactory.create_batch(5)
    follow_many((fan, thoas) for fan in fans)
    drain_all(using="default")
    return fans


@pytest.fixture
def two_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(projector.SECONDS_AT_ONCE, "celery", 0)
    monkeypatch.setattr(entries, "FOLLOWERS_PER_STATEMENT", 2)


def steps(said: list[dict[str, Any]]) -> list[tuple[int, int, int, bool]]:
    return [(one["event_id"], one["followers"], one["reached"], one["is_finished"]) for one in said]


def test_each_step_of_a_fan_out_is_announced(two_at_a_time: None, thoas: User, fans: list[User]) -> None:
    Timeline(thoas).save(JoinAction(actor=thoas))
    event, before = Event.objects.latest("id"), monotonic()

    with heard(fan_out_advanced) as said:
        drain_all(using="default")

    assert sum(one["seconds"] for one in said) < monotonic() - before
    assert steps(said) == [(event.pk, 2, 2, False), (event.pk, 2, 4, False), (event.pk, 1, 5, True)]
    assert all(one["seconds"] > 0 for one in said)


def test_each_step_of_a_deletion_is_announced(two_at_a_time: None, thoas: User, fans: list[User]) -> None:
    action = JoinAction(actor=thoas)
    Timeline(thoas).save(action)
    drain_all(using="default")
    Timeline(thoas).delete(action)
    event = Event.objects.latest("id")

    with heard(fan_out_advanced) as said:
        drain_all(using="default")

    assert steps(said) == [(event.pk, 2, 2, False), (event.pk, 2, 4, False), (event.pk, 1, 5, True)]


def test_a_fan_out_inside_a_transaction_is_announced_after_it(settings: Any, thoas: User, fans: list[User]) -> None:
    settings.SEQUERE_PROJECTION_MODES = {}

    with heard(fan_out_advanced) as said, transaction.atomic():
        Timeline(thoas).save(JoinAction(actor=thoas))
        before = list(said)

    assert before == []
    assert steps(said) == [(Event.objects.latest("id").pk, 5, 5, True)]


@pytest.mark.parametrize("signal", [events_projected, projection_failed, fan_out_advanced])
def test_a_listener_that_raises_harms_nothing(
    signal: Signal, two_at_a_time: None, thoas: User, fans: list[User], caplog: pytest.LogCaptureFixture
) -> None:
    Doorkeeper.refused = {str(thoas.pk)}
    Timeline(thoas).save(JoinAction(actor=thoas))

    def poison(**_: Any) -> None:
        raise RuntimeError("poison")

    signal.connect(poison)
    try:
        with heard(signal) as said:
            drain_all(using="default")
    finally:
        signal.disconnect(poison)

    assert [Timeline(fan).get_private_count() for fan in fans] == [1] * 5
    assert [(queued.queue, queued.attempts) for queued in QueuedEvent.objects.all()] == [("door", 1)]
    assert len(said) > 0
    assert "poison" in caplog.text


def test_listeners_cost_no_statement(thoas: User, newbie: User, project: Project) -> None:
    def drained(follower: User) -> int:
        Doorkeeper.refused = {str(follower.pk)}
        follow(follower, project)
        with CaptureQueriesContext(connection) as captured:
            drain_all(using="default")
        return len(captured)

    drained(UserFactory())  # creates the shards
    alone = drained(thoas)
    with heard(events_projected), heard(projection_failed), heard(fan_out_advanced):
        with_listeners = drained(newbie)

    assert with_listeners == alone


def test_without_listeners_nothing_waits_for_the_commit(thoas: User, project: Project) -> None:
    follow(thoas, project)

    with transaction.atomic():
        drain(BUILT_IN, using="default")
        put_off = list(connection.run_on_commit)

    assert put_off == []


def test_log_messages_name_the_events(
    two_at_a_time: None, thoas: User, fans: list[User], caplog: pytest.LogCaptureFixture
) -> None:
    Doorkeeper.refused = {str(thoas.pk)}
    Timeline(thoas).save(JoinAction(actor=thoas))
    event = Event.objects.latest("id")

    with caplog.at_level(logging.DEBUG, "sequere"):
        drain_all(using="default")

    told = [(record.levelname, record.queue, record.event_ids) for record in caplog.records]  # type: ignore[attr-defined]
    assert told == [
        ("DEBUG", "timelines:fan-out", [event.pk]),
        ("DEBUG", "built-in", [event.pk]),
        ("WARNING", "door", [event.pk]),
        ("DEBUG", "timelines:fan-out", [event.pk]),
        ("DEBUG", "timelines:fan-out", [event.pk]),
    ]
    assert re.fullmatch(rf"built-in has applied 1 events in \d+\.\d+ s: \[{event.pk}\]", caplog.messages[1])
    assert caplog.records[-1].reached == 5  # type: ignore[attr-defined]


def test_success_is_logged_only_at_debug(thoas: User, project: Project, caplog: pytest.LogCaptureFixture) -> None:
    follow(thoas, project)

    with caplog.at_level(logging.INFO, "sequere"):
        drain_all(using="default")

    assert caplog.messages == []
