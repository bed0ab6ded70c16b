"""In mode celery, a call records the event and returns; a worker process applies it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction
from django.test import override_settings

from sequere import outbox
from sequere.contrib.timeline import Timeline
from sequere.exceptions import ProjectionTimeout
from sequere.log.models import Event
from sequere.models import (
    QueuedEvent,
    await_for_projections,
    follow,
    follow_many,
    get_followers_count,
    is_following,
    unfollow,
    wait_for_projections,
)
from sequere.outbox import shards
from sequere.outbox.drain import drain, sweep_queues
from sequere.signals import events_queued
from sequere_timeline import projector
from tests.factories import UserFactory
from tests.races.concurrently import in_rounds
from tests.races.outcome import differences
from tests.rounds import rounds
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction
from tests.workers.app import app
from tests.workers.conftest import Worker
from tests.workers.until import is_waited_for, until

pytestmark = pytest.mark.django_db(transaction=True)

#: More followers than two steps of a fan-out reach.
CROWD = 5000


def publish(actor: Any) -> JoinAction:
    action = JoinAction(actor=actor)
    Timeline(actor).save(action)
    return action


def many_followers(actor: User, number: int) -> list[User]:
    followers = User.objects.bulk_create(UserFactory.build_batch(number))
    with override_settings(SEQUERE_PROJECTION_MODES={}):
        follow_many((follower, actor) for follower in followers)
    return followers


def find_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep that finds waiting events at once, overdue or not."""
    with monkeypatch.context() as patched:
        patched.setattr(shards, "OVERDUE", timedelta(0))
        sweep_queues("default")


@pytest.fixture
def nobody_works(for_celery: None, settings: Any) -> None:
    """No worker, not even that of the other tests."""
    settings.SEQUERE_CELERY_QUEUES = {"default": "nobody", "fan_out": "nobody"}


@pytest.fixture
def hints() -> Any:
    """The hints of this process, as (queue, shards)."""
    given: list[tuple[str, set[int]]] = []

    def note(queue: str, shards: set[int], **_: Any) -> None:
        given.append((queue, shards))

    events_queued.connect(note)
    yield given
    events_queued.disconnect(note)


def test_a_worker_applies_recorded_events(worker: Worker, thoas: User, project: Project) -> None:
    follow(thoas, project)
    publish(project)

    wait_for_projections(timeout=60)

    assert is_following(thoas, project)
    assert Timeline(thoas).get_private_count() == 1
    assert not QueuedEvent.objects.exists()
    assert differences() == []


def test_waiting_works_in_coroutines(worker: Worker, thoas: User, project: Project) -> None:
    follow(thoas, project)

    async_to_sync(await_for_projections)(timeout=60)

    assert is_following(thoas, project)


def test_a_hundred_follows_do_not_make_a_hundred_tasks(
    nobody_works: None, project: Project, hints: list[tuple[str, set[int]]]
) -> None:
    """One hint for each subject."""
    fans = User.objects.bulk_create(UserFactory.build_batch(100))

    for fan in fans:
        follow(fan, project)

    assert len(hints) == 1
    assert QueuedEvent.objects.count() == 100


def test_a_task_is_a_hint_in_json_and_a_few_reach_all_followers(
    for_celery: None, settings: Any, thoas: User, hints: list[tuple[str, set[int]]]
) -> None:
    """No pickled objects, and not a message for every follower, or every hundred."""
    queue = f"sequere-tests-{uuid4().hex}"
    settings.SEQUERE_CELERY_QUEUES = {"default": queue, "fan_out": queue}
    followers = many_followers(thoas, 3000)

    publish(thoas)
    outbox.drain_all(using="default")

    assert Timeline(followers[-1]).get_private_count() == 1
    with app.connection_for_read() as broker, broker.SimpleQueue(queue) as tasks:
        messages = [tasks.get(timeout=5) for _ in hints]
        for message in messages:
            message.ack()
    assert 1 <= len(messages) <= 2
    assert {message.content_type for message in messages} == {"application/json"}
    assert [message.payload[:2] for message in messages] == [
        [[queue, shard], {}] for queue, shards in hints for shard in shards
    ]


def test_a_timeout_says_how_many_events_wait(nobody_works: None, thoas: User, project: Project) -> None:
    follow(thoas, project)

    with pytest.raises(ProjectionTimeout, match="After 0 seconds, at least 1 events"):
        wait_for_projections(timeout=0)

    outbox.drain_all(using="default")
    wait_for_projections(timeout=0)


def test_a_lost_hint_is_found_by_the_sweep(
    worker: Worker, thoas: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(events_queued, "receivers", [])
        events_queued.sender_receivers_cache.clear()
        follow(thoas, project)
    sweep_queues("default")
    unheard = not is_following(thoas, project)

    find_what_waits(monkeypatch)
    wait_for_projections(timeout=60)

    assert unheard
    assert is_following(thoas, project)


@pytest.mark.parametrize("is_deletion", [False, True], ids=["publication", "withdrawal"])
def test_a_killed_worker_loses_nothing_and_its_fan_out_is_resumed(
    start_worker: Callable[..., Worker], thoas: User, monkeypatch: pytest.MonkeyPatch, is_deletion: bool
) -> None:
    """kill -9 in the middle of a fan-out."""
    first, *_, last = many_followers(thoas, CROWD)
    action = JoinAction(actor=thoas)
    if is_deletion:
        with override_settings(SEQUERE_PROJECTION_MODES={}):
            Timeline(thoas).save(action)
        assert [Timeline(one).get_private_count() for one in (first, last)] == [1, 1]
    timeline = Timeline(thoas)
    timeline.delete(action) if is_deletion else timeline.save(action)
    with monkeypatch.context() as patched:
        patched.setitem(projector.SECONDS_AT_ONCE, "celery", 0)
        drain("built-in", using="default")  # reaches the first followers

    with transaction.atomic():
        QueuedEvent.objects.select_for_update().get(queue="timelines:fan-out")
        worker = start_worker(TESTS_SECONDS_AT_ONCE="0")
        until(is_waited_for)
        worker.kill()
    (left,) = QueuedEvent.objects.filter(queue="timelines:fan-out")
    start_worker()
    find_what_waits(monkeypatch)
    wait_for_projections(timeout=120)

    assert 0 < left.reached < CROWD
    assert left.cursor
    assert [Timeline(one).get_private_count() for one in (first, last)] == [not is_deletion] * 2
    assert differences() == []


def test_a_stopped_worker_leaves_the_rest_to_others(
    start_worker: Callable[..., Worker], thoas: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = start_worker()
    follow(thoas, project)
    wait_for_projections(timeout=60)

    code = worker.stop()
    unfollow(thoas, project)
    unheard = is_following(thoas, project)
    start_worker()
    wait_for_projections(timeout=60)

    assert code == 0
    assert unheard
    assert not is_following(thoas, project)


def test_a_celebrity_does_not_delay_events_of_the_other_queue(
    start_worker: Callable[..., Worker], settings: Any, thoas: User, newbie: User, project: Project
) -> None:
    """No worker serves the fan-outs."""
    start_worker(settings.SEQUERE_CELERY_QUEUES["default"], TESTS_SECONDS_AT_ONCE="0")
    many_followers(thoas, CROWD)
    publish(thoas)

    follow(newbie, project)
    until(lambda: is_following(newbie, project))

    until(lambda: not QueuedEvent.objects.filter(queue="built-in").exists())
    assert 0 < QueuedEvent.objects.filter(queue="timelines:fan-out").values_list("reached", flat=True).get() < CROWD
    with pytest.raises(ProjectionTimeout):
        wait_for_projections(timeout=0)


def test_a_poison_event_stops_only_its_stream(
    start_worker: Callable[..., Worker], settings: Any, thoas: User, newbie: User, project: Project
) -> None:
    settings.SEQUERE_PROJECTORS = {"guests": "tests.workers.guests.GuestBook"}
    settings.SEQUERE_PROJECTION_MODES |= {"guests": "celery"}
    start_worker(TESTS_PROJECTORS="guests=tests.workers.guests.GuestBook", TESTS_REFUSED=f"user:{thoas.pk}")

    follow(thoas, project)
    unfollow(thoas, project)
    events = [follow(newbie, project), unfollow(newbie, project)]
    until(lambda: not QueuedEvent.objects.filter(event__in=events).exists())

    left = QueuedEvent.objects.order_by("event_id").values_list("queue", "error")
    assert list(left) == [("guests", f"PermissionError: not user:{thoas.pk}"), ("guests", "")]
    assert differences() == []


def test_follows_publications_and_unfollows_race_through_workers(
    start_worker: Callable[..., Worker], thoas: User, newbie: User
) -> None:
    """The same actor and the same reader, some hundred rounds with `make faults`."""
    start_worker()
    start_worker()
    number = rounds(7, 2)

    def change(round_: int) -> None:
        (unfollow if round_ % 2 else follow)(newbie, thoas)

    def say(_: int) -> None:
        publish(thoas)

    def take_back(round_: int) -> None:
        if round_ % 3 == 0:
            Timeline(thoas).delete(publish(thoas))

    def look(_: int) -> None:
        Timeline(newbie).get_private_count()

    in_rounds(number, change, say, take_back, look)
    wait_for_projections(timeout=120)

    assert differences() == []
    assert get_followers_count(thoas) == number % 2
    assert Timeline(newbie).get_private_count() == (number if number % 2 else 0)
    assert Event.objects.filter(type="action_saved").count() >= number
