"""Suspensions: their signals, what they cost, and steps that are interrupted."""

from typing import Any

import pytest
from django.db import router, transaction

from sequere import ResourceKey, signals
from sequere.contrib.timeline import Timeline
from sequere.exceptions import NotRegistered
from sequere.models import (
    Event,
    QueuedEvent,
    follow,
    get_followers_count,
    get_followings_count,
    is_following,
    is_suspended,
    resume,
    suspend,
)
from sequere.outbox.drain import drain, drain_all
from sequere.projections.registry import projection
from sequere.registry import registry
from sequere.relations import pauses
from tests.factories import StrangerFactory, UserFactory
from tests.races.outcome import differences
from tests.sequere_timeline.dates import october
from tests.statements import at_most, exactly
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db


def test_a_suspension_and_its_end_send_a_signal(thoas: User, django_capture_on_commit_callbacks: Any) -> None:
    told: list[Any] = []

    def receive(instance: Any, event: Event, **_: Any) -> None:
        told.append((event.type, instance))

    for signal in (signals.suspended, signals.resumed):
        signal.connect(receive)
    with django_capture_on_commit_callbacks(execute=True):
        for verb in (suspend, suspend, resume, resume):
            verb(thoas)
    for signal in (signals.suspended, signals.resumed):
        signal.disconnect(receive)

    assert told == [("suspended", thoas), ("resumed", thoas)]


def test_the_methods_of_a_model(thoas: User) -> None:
    event = thoas.suspend(timestamp=october(1))

    assert event
    assert (event.occurred_at, str(event)) == (october(1), f"user:{thoas.pk} suspended")
    assert (thoas.is_suspended(), thoas.is_suspended(as_of=event), is_suspended(registry.key_of(thoas))) == (True,) * 3
    assert thoas.resume()
    assert not thoas.is_suspended()


def test_what_is_not_registered_is_not_suspended() -> None:
    with pytest.raises(NotRegistered):
        suspend(StrangerFactory())

    assert resume(ResourceKey("gone", "1")) is None
    assert not is_suspended(ResourceKey("gone", "1"))


@pytest.mark.inline
@pytest.mark.database
def test_what_a_suspension_costs(thoas: User) -> None:
    for fan in UserFactory.create_batch(3):
        follow(fan, thoas)
    Timeline(thoas).save(JoinAction(actor=thoas))

    for verb in (suspend, resume):
        with at_most(32):
            verb(thoas)
    with exactly(1):
        assert resume(thoas) is None


@pytest.mark.inline
def test_who_reads_pays_nothing_for_suspensions(thoas: User, newbie: User, project: Project) -> None:
    Timeline(thoas).save(JoinAction(actor=newbie, date=october(1)))
    Timeline(thoas).save(JoinAction(actor=project, date=october(2)))
    follow(thoas, newbie)
    timeline = Timeline(thoas)

    for shown in (2, 1):
        with exactly(4 + shown):  # one for each model of an actor
            assert len(timeline.get_private().page(5)) == timeline.get_private_count() == shown
            assert timeline.get_unread_count() == shown
            assert get_followings_count(thoas) == shown - 1
        suspend(newbie)


@pytest.mark.inline
@pytest.mark.django_db(transaction=True)
def test_inline_the_first_step_is_in_the_transaction_and_the_others_after_it(
    thoas: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pauses, "RELATIONS_PER_PAUSE", 2)
    fans = UserFactory.create_batch(5)
    for fan in fans:
        follow(fan, thoas)

    with transaction.atomic():
        suspend(thoas)
        inside = [is_following(fan, thoas) for fan in fans]

    assert inside == [False, False, True, True, True]
    assert [get_followings_count(fan) for fan in fans] == [0] * 5
    assert not QueuedEvent.objects.exists()


@pytest.mark.sequere_queued
@pytest.mark.parametrize("dies_after", [0, 1])
def test_steps_that_are_interrupted_go_on(thoas: User, monkeypatch: pytest.MonkeyPatch, dies_after: int) -> None:
    monkeypatch.setattr(pauses, "RELATIONS_PER_PAUSE", 2)
    using = router.db_for_write(Event)
    fans = UserFactory.create_batch(5)
    for fan in fans:
        follow(fan, thoas)
    drain_all(using=using)
    suspend(thoas)
    drain("built-in", using=using)
    projector, steps = projection("follows"), 0
    take = projector.fan_out

    def die(*arguments: Any, **options: Any) -> Any:
        nonlocal steps
        chunk = take(*arguments, **options)
        if steps == dies_after:
            raise KeyboardInterrupt
        steps += 1
        return chunk

    with monkeypatch.context() as patched:
        patched.setattr(projector, "fan_out", die)
        with pytest.raises(KeyboardInterrupt), transaction.atomic():
            drain("follows:fan-out", using=using)
    resume(fans[0])
    follow(thoas, fans[1])
    drain_all(using=using)

    assert (get_followers_count(thoas), get_followers_count(fans[1])) == (0, 0)
    assert differences() == []
    resume(thoas)
    drain_all(using=using)
    assert (get_followers_count(thoas), get_followers_count(fans[1])) == (5, 1)
    assert differences() == []
