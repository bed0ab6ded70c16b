"""Suspensions: their signals, what they cost, and steps that are interrupted."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import router, transaction

from sequere import ResourceKey, signals
from sequere.admin.operations import Task
from sequere.contrib.timeline import Timeline
from sequere.exceptions import NotRegistered
from sequere.log.suspensions import store_suspensions
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
from sequere.monitoring.health import examine
from sequere.outbox import shards, skip
from sequere.outbox.drain import drain, drain_all
from sequere.outbox.pausing import Pauses
from sequere.projections import Projector
from sequere.projections.resources import WrongSuspensions
from sequere.registry import registry
from sequere.relations import pauses, recorded
from sequere.relations.key import FOLLOWS
from sequere.replay import rebuild, verify
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
def test_rows_that_say_something_else_are_found_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    for source in WrongSuspensions.sources:
        monkeypatch.setattr(source, "size", 2)
    users = UserFactory.create_batch(6)
    for one in users[:4]:
        suspend(one)
    resume(users[3])
    follow(*users[4:])
    for some, are_suspended in ((users[:3], False), (users[3:], True)):
        store_suspensions([registry.key_of(one) for one in some], "default", are_suspended=are_suspended)
    found: list[str] = []

    verify("follows", on_difference=lambda difference: found.append(difference.what))
    rebuild("follows")

    assert sum("is suspended" in what for what in found) == 6
    assert [is_suspended(one) for one in users] == [True] * 3 + [False] * 3
    assert differences() == []


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
    steps, take = 0, Pauses.fan_out

    def die(*arguments: Any, **options: Any) -> Any:
        nonlocal steps
        chunk = take(*arguments, **options)
        if steps == dies_after:
            raise KeyboardInterrupt
        steps += 1
        return chunk

    with monkeypatch.context() as patched:
        patched.setattr(Pauses, "fan_out", die)
        with pytest.raises(KeyboardInterrupt), transaction.atomic():
            drain("built-in:pauses", using=using)
    resume(fans[0])
    follow(thoas, fans[1])
    drain_all(using=using)

    assert (get_followers_count(thoas), get_followers_count(fans[1])) == (0, 0)
    assert differences() == []
    resume(thoas)
    drain_all(using=using)
    assert (get_followers_count(thoas), get_followers_count(fans[1])) == (5, 1)
    assert differences() == []


class Search(Projector):
    """An index of the host. It takes part in pauses, whatever it comes after."""

    has_pauses = True
    told: list[int] = []
    is_down = False

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        """Only relations that pause are of interest."""

    def apply_relations(self, events: Sequence[Event], *, using: str) -> None:
        if self.is_down:
            raise ConnectionRefusedError("the index is down")
        self.told.extend(event.pk for event in events)

    def reset(self, subjects: Sequence[ResourceKey], *, using: str) -> None:
        self.told.clear()


@pytest.fixture
def searched(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has the index at work, in a mode, and small steps."""

    def searched(**modes: str) -> None:
        settings.SEQUERE_PROJECTORS = {"search": f"{__name__}.Search"}
        settings.SEQUERE_PROJECTION_MODES = modes

    monkeypatch.setattr(pauses, "RELATIONS_PER_PAUSE", 2)
    monkeypatch.setattr(Search, "told", [])
    return searched


def followed_by(thoas: User, number: int) -> list[int]:
    """The ids of the events with which new users follow thoas."""
    events = [follow(fan, thoas) for fan in UserFactory.create_batch(number)]
    return [event.pk for event in events if event]


def waiting() -> dict[str, list[Any]]:
    return {queue: [cursor, reached] for queue, cursor, reached in _waiting()}


def _waiting() -> Any:
    return QueuedEvent.objects.order_by("queue").values_list("queue", "cursor", "reached")


@pytest.mark.inline
def test_a_projection_of_the_host_that_is_rebuilt_takes_no_steps_away(
    thoas: User, searched: Callable[..., None]
) -> None:
    searched()
    begun = followed_by(thoas, 5)
    suspend(thoas)
    left = waiting()
    assert [*left] == ["built-in:pauses", "search:pauses"]
    assert Search.told == begun[:2]

    rebuild("search")

    assert waiting() == left
    drain_all(using="default")
    assert (get_followers_count(thoas), Search.told) == (0, begun[2:])


@pytest.mark.inline
def test_what_an_operator_decides_about_a_projection_of_the_host_is_about_its_own_steps(
    thoas: User, searched: Callable[..., None]
) -> None:
    searched()
    followed_by(thoas, 3)
    suspend(thoas)
    QueuedEvent.objects.update(attempts=5)

    assert skip(Task("search", "default").failed) == 1

    assert [*waiting()] == ["built-in:pauses"]


@pytest.mark.inline
@pytest.mark.parametrize("number", [0, 3])
def test_inline_the_next_suspension_takes_the_steps_that_a_dead_process_has_left(
    thoas: User, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any, number: int
) -> None:
    monkeypatch.setattr(pauses, "RELATIONS_PER_PAUSE", 2)
    followed_by(thoas, 5)
    suspend(thoas)  # its callbacks are never called
    other = UserFactory()
    followed_by(other, number)
    assert [examine().projections[name].pending for name in ("follows", "timelines")] == [1, 1]

    monkeypatch.setattr(shards, "OVERDUE", timedelta(0))
    with django_capture_on_commit_callbacks(execute=True):
        suspend(other)

    assert not QueuedEvent.objects.exists()
    assert differences() == []


@pytest.mark.inline
@pytest.mark.sequere_queued
def test_a_projection_of_the_host_that_fails_later_keeps_nobody_from_a_suspension(
    thoas: User, searched: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    searched(search="on_commit")
    begun = followed_by(thoas, 3)
    drain_all(using="default")
    monkeypatch.setattr(Search, "is_down", True)

    assert suspend(thoas)

    assert get_followers_count(thoas) == 1
    drain_all(using="default")
    assert (get_followers_count(thoas), [*waiting()]) == (0, ["search:pauses"])
    monkeypatch.setattr(Search, "is_down", False)
    QueuedEvent.objects.update(retry_at=None)
    drain_all(using="default")
    assert Search.told == begun


@pytest.mark.inline
@pytest.mark.sequere_queued
def test_only_the_verb_takes_the_first_step_at_once(thoas: User, settings: Any, monkeypatch: Any) -> None:
    """A drain that applies the event to follows again takes none: it has locked the resource alone."""
    settings.SEQUERE_PROJECTION_MODES = {"timelines": "on_commit"}
    monkeypatch.setattr(pauses, "RELATIONS_PER_PAUSE", 2)
    followed_by(thoas, 5)
    drain_all(using="default")
    suspend(thoas)
    assert get_followers_count(thoas) == 3

    drain("built-in", using="default")

    assert (get_followers_count(thoas), waiting()) == (3, {"built-in:pauses": [None, 0]})
    drain_all(using="default")
    assert (get_followers_count(thoas), differences()) == (0, [])


def test_the_numbers_of_the_log_leave_out_what_pauses(thoas: User, newbie: User) -> None:
    key = registry.key_of(thoas)
    for fan in (newbie, *UserFactory.create_batch(2)):
        follow(fan, thoas)

    suspend(newbie)

    assert recorded.numbers([key], "target_", "default")[FOLLOWS][key] == {"user": 2}
