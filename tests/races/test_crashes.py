"""Processes killed with SIGKILL at any moment, and transactions that the host rolls back."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import permutations
from pathlib import Path
from random import Random

import pytest
from django.db import connection
from django.db.models import Count, Max

from sequere.backends.database.models import LiveRelation, RelationCount
from sequere.contrib.timeline import Timeline
from sequere.log.models import Event
from sequere.models import follow_many, is_blocked, is_following, is_muted, is_pending
from sequere.projections.registry import projections
from sequere.replay.rebuilding import rebuild
from sequere_timeline.backends.database.models import Entry, SavedAction
from tests.factories import UserFactory
from tests.races.outcome import differences
from tests.rounds import rounds
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db(transaction=True)


def database_url() -> str:
    """The URL of the test database, for another process."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    server, _, options = os.environ["SEQUERE_DATABASE_URL"].partition("?")
    return f"{server.rpartition('/')[0]}/{name}?{options}"


class Children:
    """Processes that work on a task until they are killed, one after another."""

    def __init__(self, parent: subprocess.Popen[str]) -> None:
        self._parent = parent
        self._child = 0

    def start(self, *task: object) -> None:
        print(*task, file=self._parent.stdin, flush=True)
        self._child = int(self._parent.stdout.readline())

    def kill_after(self, number: int) -> list[str]:
        """Kill the child after this many lines, unless it has ended. Returns all its lines."""
        lines: list[str] = []
        while len(lines) < number:
            if (line := self._parent.stdout.readline()) == "\n":
                return lines
            lines.append(line)
        with suppress(ProcessLookupError):
            os.kill(self._child, signal.SIGKILL)
        return lines + self.last_words()

    def last_words(self) -> list[str]:
        """The lines of a child until its death."""
        return list(iter(self._parent.stdout.readline, "\n"))


@contextmanager
def children() -> Iterator[Children]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.races.child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"SEQUERE_DATABASE_URL": database_url()},
        start_new_session=True,
    ) as parent:
        try:
            yield Children(parent)
        finally:
            os.killpg(parent.pid, signal.SIGKILL)  # and the child, which would disturb later tests


def test_writers_killed_at_any_moment_leave_read_models_equal_to_the_log():
    random = Random(0)
    User.objects.bulk_create(UserFactory.build_batch(6))
    committed: set[int] = set()

    with children() as some, children() as others:
        for round_ in range(rounds(4, 2)):
            some.start("record", 2 * round_)
            others.start("record", 2 * round_ + 1)
            for each in (some, others):
                committed.update(map(int, each.kill_after(random.randrange(1, 8))))
            assert differences() == []

    assert committed
    assert committed <= set(Event.objects.values_list("pk", flat=True))


def test_eight_processes_whose_hosts_roll_back_leave_counts_relations_and_log_equal():
    with children() as some:
        some.start("crowd", "seed", 8, rounds(60, 15))
        committed = [int(line) for line in some.last_words()]

    assert len(committed) == 8  # none has failed
    assert sum(committed) == Event.objects.count()
    of_streams = Event.objects.values("stream").annotate(number=Count("id"), last=Max("version"))
    assert all(stream["number"] == stream["last"] for stream in of_streams)
    assert differences() == []


def test_eight_processes_that_do_anything_leave_nobody_with_one_whom_a_block_keeps_away():
    everybody = User.objects.bulk_create(UserFactory.build_batch(5))
    with children() as some:
        some.start("verbs", "seed", 8, rounds(60, 20))
        changed = [int(line) for line in some.last_words()]

    assert len(changed) == 8  # none has failed
    assert Event.objects.of_type("blocked", "muted", "unmuted", "unblocked").count() > 8
    assert Event.objects.of_type("resumed").exists()
    apart = [(one, other) for one, other in permutations(everybody, 2) if is_blocked(one, other)]
    assert apart
    for one, other in (pair for blocked in apart for pair in (blocked, blocked[::-1])):
        assert not is_following(one, other) | is_following(one, other, scope="watch") | is_pending(one, other)
        assert other not in [action.actor for action in Timeline(one).get_private()]
    for one, other in permutations(everybody, 2):
        assert not (is_following(one, other) and is_pending(one, other))
        if is_muted(one, other):
            assert other not in [action.actor for action in Timeline(one).get_private()]
    assert differences() == []


@pytest.mark.database
def test_a_rebuild_killed_in_the_middle_can_be_run_again():
    thoas, *newbies = User.objects.bulk_create(UserFactory.build_batch(800))
    follow_many((newbie, thoas) for newbie in newbies)
    Timeline(thoas).save(JoinAction(actor=thoas))
    models = (LiveRelation, RelationCount, Entry, SavedAction)
    whole = [model._default_manager.count() for model in models]
    for model in models:
        model._default_manager.all().delete()

    with children() as some:
        some.start("rebuild", 170)  # a few batches are done by then, most are not
        some.last_words()
    half = [model._default_manager.count() for model in models]
    for name in projections():
        rebuild(name)

    assert [0] * 4 < half < whole
    assert [model._default_manager.count() for model in models] == whole
    assert differences() == []
