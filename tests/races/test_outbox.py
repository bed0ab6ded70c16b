"""Workers that drain the outbox while others record, stop, and die."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.utils import timezone

from sequere.log.models import Event
from sequere.models import QueuedEvent, follow, follow_many, is_following, unfollow, unfollow_many
from sequere.outbox.drain import drain, drain_all
from sequere.outbox.parked import retry, skip
from sequere.projections.projector import Projector
from sequere.projections.registry import BUILT_IN, BUILT_IN_SHARDS
from tests.conftest import MODE
from tests.factories import UserFactory
from tests.races.concurrently import in_rounds
from tests.races.outcome import differences
from tests.races.test_crashes import children, database_url
from tests.read_models import empty_read_models
from tests.rounds import rounds
from tests.testapp.models import Stranger, User

pytestmark = pytest.mark.django_db(transaction=True)


class Witness(Projector):
    """Writes down the id of every event."""

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        Stranger.objects.using(using).bulk_create([Stranger(name=str(event.pk)) for event in events])


@pytest.fixture(autouse=True)
def later(settings: Any) -> None:
    settings.SEQUERE_PROJECTORS = {"witness": f"{__name__}.Witness"}
    settings.SEQUERE_PROJECTION_MODES = dict.fromkeys(["follows", "timelines", "witness"], "on_commit")


@pytest.fixture
def everybody() -> list[User]:
    return User.objects.bulk_create(UserFactory.build_batch(6))


def witnessed() -> Counter[int]:
    return Counter(map(int, Stranger.objects.values_list("name", flat=True)))


def test_every_event_is_applied_once_by_any_drainer(everybody: list[User]) -> None:
    def change(round_: int) -> None:
        random = Random(f"{threading.get_ident()} {round_}")
        random.choice([follow, unfollow])(*random.sample(everybody, 2))

    def help_out(_: int) -> None:
        drain_all(using="default")

    in_rounds(rounds(20, 4), change, change, change, help_out, help_out)

    assert not QueuedEvent.objects.exists()
    assert witnessed() == Counter(Event.objects.values_list("pk", flat=True))
    assert differences() == []


def test_a_writer_reads_its_own_writes_although_another_process_drains(everybody: list[User]) -> None:
    """Even if the other drainer found the shard empty a moment before."""
    thoas, *newbies = everybody
    number = rounds(14, 2)

    def follow_and_look(who: User) -> Any:
        def in_round(round_: int) -> bool:
            change = unfollow if round_ % 2 else follow
            change(who, thoas)
            return is_following(who, thoas) is (change is follow)

        return in_round

    def help_out(_: int) -> None:
        drain(BUILT_IN, using="default")

    seen = in_rounds(number, *map(follow_and_look, newbies[:3]), help_out)

    assert seen == [[True, True, True, None]] * number


def test_writers_that_die_at_any_step_lose_no_event(everybody: list[User]) -> None:
    """Between a commit and its drain, or during a drain: the rest is applied later, and once."""
    random = Random(0)
    committed: set[int] = set()
    waited = 0

    with children() as some:
        for round_ in range(rounds(4, 2)):
            some.start("record", round_, random.randrange(1, 150))
            committed.update(map(int, some.last_words()))
            waited += QueuedEvent.objects.count()
            drain_all(using="default")
            assert not QueuedEvent.objects.exists()

    assert waited or MODE == "inline"
    assert committed <= set(Event.objects.values_list("pk", flat=True))
    assert differences() == []


@pytest.mark.parametrize("decide", [retry, skip])
def test_an_operator_decides_about_failed_events_while_others_follow(everybody: list[User], decide: Any) -> None:
    """All their resources are locked at once; locking them in the order of the events would deadlock."""
    number = rounds(5, 1)
    pairs = list(pairwise(everybody))
    failed = [[event for pair in reversed(pairs) if (event := change(*pair))] for change in [follow, unfollow] * number]
    QueuedEvent.objects.bulk_create(
        QueuedEvent(queue="witness", event=event, shard=0, stream=event.stream, attempts=5, parked_at=timezone.now())
        for event in chain.from_iterable(failed)
    )

    def follow_or_unfollow(round_: int) -> None:
        (unfollow_many if round_ % 2 else follow_many)(pairs)

    in_rounds(
        number,
        lambda round_: decide(QueuedEvent.objects.filter(event__in=failed[round_])),
        follow_or_unfollow,
        follow_or_unfollow,
    )

    traces = Event.objects.filter(type__in=["event_retried", "event_skipped"])
    assert traces.count() == number * len(pairs)
    assert differences() == []


@contextmanager
def a_worker() -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, "-m", "django", "run_projections", "--interval", "0.05"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"SEQUERE_DATABASE_URL": database_url(), "TESTS_PROJECTION_MODE": "on_commit"},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_worker_applies_waiting_events_and_ends_on_sigterm(everybody: list[User], settings: Any) -> None:
    settings.SEQUERE_PROJECTORS = settings.SEQUERE_PROJECTION_MODES = {}
    thoas, *newbies = everybody
    follow_many((newbie, thoas) for newbie in newbies)
    empty_read_models()

    QueuedEvent.objects.bulk_create(
        QueuedEvent(queue=BUILT_IN, event=event, shard=event.pk % BUILT_IN_SHARDS, stream=event.stream)
        for event in Event.objects.all()
    )
    with a_worker() as worker:
        assert worker.stdout is not None
        line = worker.stdout.readline()
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=60) == 0

    assert line == "5 events applied\n"
    assert not QueuedEvent.objects.exists()
    assert differences() == []
