"""A projection that is not inline gets every event later, whatever happens in between."""

import json
import signal
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from io import StringIO
from operator import itemgetter
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sequere import ResourceKey, outbox
from sequere.contrib.timeline import Timeline
from sequere.log.models import EVENT_COLUMNS, Event
from sequere.models import QueuedEvent, follow, follow_many, get_followers_count, is_following, unfollow
from sequere.outbox import shards
from sequere.outbox.drain import MAX_ATTEMPTS, drain, drain_all
from sequere.outbox.kept import as_ranges, is_checkpoint
from sequere.outbox.queues import shard_around, shards_of
from sequere.projections.projector import Projector
from sequere.projections.registry import BUILT_IN
from sequere.registry import registry
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from sequere.signals import events_queued
from sequere.sql.dialects import dialect
from sequere.testing import assert_records, recorded_events
from tests.commands import run
from tests.factories import ProjectFactory, UserFactory
from tests.races.outcome import differences
from tests.testapp.models import Project, Stranger, User
from tests.testapp.sequere_registry import JoinAction


class GuestBook(Projector):
    """Writes every event into a table, and refuses some actors."""

    refused: set[str] = set()

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        for event in events:
            if event.actor.object_id in self.refused:
                raise PermissionError(f"not {event.actor}")
            Stranger.objects.using(using).create(name=str(event))

    def reset(self, subjects: Any, *, using: str) -> None:
        for subject in subjects:
            Stranger.objects.using(using).filter(name__endswith=f" {subject}").delete()


class Witness(Projector):
    """Says whether the commit of what it is applied in waits for the disk. Writes nothing into the database."""

    is_transactional = False
    seen: list[str] = []

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        self.seen.append(waits_for_the_disk())


class TransactionalWitness(Witness):
    is_transactional = True


class Chain(Projector):
    """Whoever is followed follows the next user: each applied event records another."""

    def on_followed(self, event: Event, *, using: str) -> None:
        if following := User.objects.filter(pk__gt=event.target.object_id).order_by("pk").first():
            follow(User.objects.get(pk=event.target.object_id), following)


@pytest.fixture(autouse=True)
def later(settings: Any) -> Iterator[None]:
    """All projections wait for the commit. In a transaction that never ends, they wait until they are drained."""
    settings.SEQUERE_PROJECTORS = {"guests": f"{__name__}.GuestBook"}
    settings.SEQUERE_PROJECTION_MODES = dict.fromkeys(["follows", "timelines", "guests"], "on_commit")
    GuestBook.refused.clear()
    yield
    GuestBook.refused.clear()


def guests() -> list[str]:
    return list(Stranger.objects.order_by("pk").values_list("name", flat=True))


def waiting(queue: str = BUILT_IN) -> list[int]:
    return list(QueuedEvent.objects.filter(queue=queue).order_by("event_id").values_list("event_id", flat=True))


def waits_for_the_disk() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        return str(cursor.fetchone()[0])


def put_off(started: datetime) -> None:
    """Make failed events wait longer than any machine is slow, after a check that they wait for seconds."""
    failed = QueuedEvent.objects.filter(retry_at__isnull=False)
    assert all(one.retry_at >= started + timedelta(seconds=2**one.attempts) for one in failed)
    failed.update(retry_at=started + timedelta(days=1))


def command(name: str, *args: Any, **options: Any) -> str:
    out = StringIO()
    call_command(name, *args, stdout=out, **options)
    return out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_after_the_commit_everything_is_there(thoas: User, project: Project) -> None:
    with transaction.atomic():
        follow(thoas, project)
        Timeline(project).save(JoinAction(actor=project))
        before = is_following(thoas, project), guests()

    assert before == (False, [])
    assert is_following(thoas, project)
    assert get_followers_count(project) == 1
    assert Timeline(thoas).get_private_count() == 1
    assert guests() == [f"user:{thoas.pk} followed project:{project.pk}", f"project:{project.pk} join"]
    assert not QueuedEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_rolled_back_events_never_wait(thoas: User, project: Project) -> None:
    with transaction.atomic():
        follow(thoas, project)
        transaction.set_rollback(True)

    assert not QueuedEvent.objects.exists()
    assert guests() == []


@pytest.mark.sequere_queued
def test_a_lost_drain_is_made_up_for(thoas: User, newbie: User, project: Project) -> None:
    with recorded_events() as events:
        follow(thoas, project)
        follow(newbie, project)
        unfollow(thoas, project)

    assert waiting() == waiting("guests") == [event.pk for event in events]
    assert not is_following(newbie, project)

    assert command("run_projections", once=True) == "6 events applied\n"

    assert waiting() == waiting("guests") == []
    assert (is_following(thoas, project), is_following(newbie, project)) == (False, True)
    assert guests() == [str(event) for event in events]


@pytest.fixture
def handler_of_sigterm() -> Iterator[None]:
    """Restored afterwards: the command installs its own."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.sequere_queued
def test_a_worker_stopped_in_the_middle_leaves_its_event_in_the_queue(
    handler_of_sigterm: None, monkeypatch: pytest.MonkeyPatch, thoas: User, project: Project
) -> None:
    event = follow(thoas, project)
    assert event is not None
    write = GuestBook.apply

    def write_and_be_told(*args: Any, **options: Any) -> None:
        write(*args, **options)
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(GuestBook, "apply", write_and_be_told)

    with pytest.raises(SystemExit) as ended:
        command("run_projections")

    assert ended.value.code == 0
    assert (guests(), waiting("guests")) == ([], [event.pk])


@pytest.mark.django_db(transaction=True)
def test_a_worker_pauses_between_drains(handler_of_sigterm: None, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("time.sleep", pause)
    with CaptureQueriesContext(connection) as captured, pytest.raises(SystemExit):
        command("run_projections", interval=0.5)

    assert pauses == [0.5] * 3
    assert len(captured) <= 3 * 4  # one query for each queue


def test_a_worker_without_pauses_is_refused() -> None:
    with pytest.raises(CommandError, match="give a number of seconds above 0"):
        command("run_projections", "--interval", "0")


@pytest.mark.sequere_queued
def test_a_drain_for_celery_ends_however_fast_events_arrive(settings: Any, thoas: User, newbie: User) -> None:
    """Events recorded meanwhile are left to the workers."""
    settings.SEQUERE_PROJECTORS = {"chain": f"{__name__}.Chain"}
    settings.SEQUERE_PROJECTION_MODES = {"chain": "celery"}
    UserFactory.create_batch(5)
    follow(thoas, newbie)
    told: list[tuple[str, set[int]]] = []

    def listen(queue: str, shards: set[int], **_: Any) -> None:
        told.append((queue, shards))

    events_queued.connect(listen)
    try:
        assert drain("chain", using="default") == 1
    finally:
        events_queued.disconnect(listen)

    assert told == [("chain", {0})]
    assert len(waiting("chain")) == 1


@pytest.mark.sequere_queued
def test_a_refusal_needs_no_read_model(thoas: User, project: Project) -> None:
    with assert_records(("followed", thoas, project)):
        follow(thoas, project)
        assert follow(thoas, project) is None


@pytest.mark.sequere_queued
def test_a_change_of_mode_loses_nothing(settings: Any, thoas: User, newbie: User, project: Project) -> None:
    follow(thoas, project)
    settings.SEQUERE_PROJECTION_MODES = {}
    follow(newbie, project)

    drain_all(using="default")

    assert get_followers_count(project) == 2
    assert not QueuedEvent.objects.exists()
    assert differences() == []


@pytest.mark.sequere_queued
def test_the_next_instance_with_a_key_keeps_its_own_data(thoas: User, newbie: User, project: Project) -> None:
    """And the data of the first one is gone, although all events are applied after both have existed."""
    key = newbie.pk
    Timeline(thoas).save(JoinAction(actor=thoas))
    follow(newbie, project)
    Timeline(newbie).save(JoinAction(actor=newbie))
    newbie.delete()
    other = UserFactory(pk=key, username="other")
    follow(other, thoas)
    Timeline(other).save(own := JoinAction(actor=other))
    Timeline(other).mark_as_read()

    drain_all(using="default")

    assert [action.verb for action in Timeline(other).get_private()] == ["join", "join"]
    assert [action.uid for action in Timeline(other).get_public()] == [own.uid]
    assert Timeline(other).read_at is not None
    assert not is_following(other, project)
    assert differences() == []


@pytest.mark.sequere_queued
def test_a_poison_event_stops_only_its_own_stream(thoas: User, newbie: User, project: Project) -> None:
    with recorded_events() as events:
        follow(thoas, project)
        follow(newbie, project)
        unfollow(thoas, project)
    GuestBook.refused = {str(thoas.pk)}
    started = timezone.now()

    drain("guests", using="default")

    assert guests() == [f"user:{newbie.pk} followed project:{project.pk}"]
    assert waiting("guests") == [events[0].pk, events[2].pk]
    first, behind = QueuedEvent.objects.filter(queue="guests").order_by("event_id")
    assert (first.attempts, first.error) == (1, f"PermissionError: not user:{thoas.pk}")
    assert "in apply" in first.traceback
    assert first.retry_at >= started + timedelta(seconds=2)
    assert (behind.attempts, behind.error) == (0, "")


@pytest.mark.sequere_queued
def test_events_behind_a_poison_event_wait_as_long_as_it_does(thoas: User, project: Project) -> None:
    follow(thoas, project)
    GuestBook.refused = {str(thoas.pk)}
    started = timezone.now()
    drain("guests", using="default")
    GuestBook.refused = set()
    unfollow(thoas, project)
    both = waiting("guests")
    failed = QueuedEvent.objects.filter(attempts=1)

    put_off(started)
    drain("guests", using="default")
    too_early = waiting("guests")
    failed.update(retry_at=None, parked_at=timezone.now())
    drain("guests", using="default")
    parked = waiting("guests")
    failed.update(parked_at=None)
    drain("guests", using="default")

    assert [len(both), too_early, parked] == [2, both, both]
    assert guests() == [f"user:{thoas.pk} {what} project:{project.pk}" for what in ("followed", "unfollowed")]


@pytest.mark.sequere_queued
def test_a_few_poison_events_among_many_are_found_quickly(project: Project) -> None:
    users = UserFactory.create_batch(100)
    follow_many((user, project) for user in users)
    unfollow(users[70], project)
    GuestBook.refused = {str(users[n].pk) for n in (0, 70)}

    with CaptureQueriesContext(connection) as captured:
        applied = drain("guests", using="default")

    tries = [query for query in captured if query["sql"].startswith("SAVEPOINT")]
    assert (applied, len(guests()), len(waiting("guests"))) == (98, 98, 3)
    assert len(tries) < 50


@pytest.mark.sequere_queued
def test_a_failed_event_is_retried_later_and_finally_parked(thoas: User, project: Project) -> None:
    follow(thoas, project)
    GuestBook.refused = {str(thoas.pk)}
    attempts = []

    for _ in range(MAX_ATTEMPTS + 1):
        started = timezone.now()
        drain("guests", using="default")
        put_off(started)
        drain("guests", using="default")  # too early
        (queued,) = QueuedEvent.objects.filter(queue="guests")
        attempts.append((queued.attempts, queued.parked_at is not None))
        QueuedEvent.objects.filter(retry_at__isnull=False).update(retry_at=timezone.now())

    assert attempts == [(1, False), (2, False), (3, False), (4, False), (5, True), (5, True)]


@pytest.mark.sequere_queued
def test_an_operator_sees_waiting_events(thoas: User, newbie: User, project: Project) -> None:
    follow(thoas, project)
    GuestBook.refused = {str(thoas.pk)}
    drain("guests", using="default")
    QueuedEvent.objects.filter(queue="guests").update(parked_at=timezone.now())

    follows, timelines, guests = json.loads(command("show_projections", json=True))

    assert follows["oldest"] > 0
    assert guests.pop("oldest") > 0
    assert guests == {
        "name": "guests",
        "mode": "on_commit",
        "projector": f"{__name__}.GuestBook",
        "pending": 0,
        "parked": 1,
        "error": f"PermissionError: not user:{thoas.pk}",
        "rebuild": None,
    }
    assert [(one["name"], one["pending"]) for one in (follows, timelines)] == [("follows", 1), ("timelines", 1)]
    table = command("show_projections").splitlines()
    assert table[0].split() == ["name", "mode", "projector", "pending", "oldest", "parked", "error"]
    assert [line.split()[0] for line in table[1:]] == ["follows", "timelines", "guests"]


@pytest.fixture
def parked(thoas: User, project: Project) -> Event:
    """A parked event of thoas, with another event behind it."""
    event = follow(thoas, project)
    unfollow(thoas, project)
    GuestBook.refused = {str(thoas.pk)}
    drain("guests", using="default")
    QueuedEvent.objects.filter(attempts=1).update(parked_at=timezone.now(), retry_at=None, attempts=5)
    assert event is not None
    return event


@pytest.mark.sequere_queued
def test_a_parked_event_is_applied_when_the_operator_says_so(parked: Event, thoas: User) -> None:
    GuestBook.refused = set()

    with recorded_events() as traces:
        assert command("retry_events", parked.pk) == "1 events applied\n"

    assert [(trace.type, trace.data["event"], trace.data["attempts"]) for trace in traces] == [
        ("event_retried", parked.pk, 5)
    ]
    assert guests()[:2] == [str(parked), str(parked).replace("followed", "unfollowed")]
    assert waiting("guests") == []


@pytest.mark.sequere_queued
def test_a_parked_event_may_fail_again(parked: Event) -> None:
    status, said = run("retry_events", "--all", "--projection", "guests")

    assert status == 1
    assert said.startswith("0 events applied\n2 failed again: see show_projections --failed\n")
    assert f"  event {parked.pk} ({parked}) in guests, tried again at " in said

    assert QueuedEvent.objects.get(queue="guests", event=parked).attempts == 1


@pytest.mark.sequere_queued
def test_a_parked_event_is_skipped_when_the_operator_says_so(parked: Event, thoas: User) -> None:
    with recorded_events() as traces:
        assert command("skip_events", parked.pk, projection="guests") == "1 events skipped\n"
    GuestBook.refused = set()
    drain("guests", using="default")

    assert [(trace.type, trace.data["projection"], trace.data["error"]) for trace in traces] == [
        ("event_skipped", "guests", f"PermissionError: not user:{thoas.pk}")
    ]
    assert str(parked) not in guests()
    assert waiting("guests") == []


@pytest.mark.sequere_queued
@pytest.mark.parametrize("decide", [outbox.retry, outbox.skip])
def test_deciding_about_many_failed_events_does_not_cost_a_statement_each(project: Project, decide: Any) -> None:
    follow_many((ResourceKey("user", str(number)), project) for number in range(1, 1201))
    drain_all(using="default")
    QueuedEvent.objects.bulk_create(
        QueuedEvent(queue="guests", event=event, shard=0, stream=event.stream, attempts=5, parked_at=timezone.now())
        for event in Event.objects.all()
    )

    with CaptureQueriesContext(connection) as captured:
        decide(QueuedEvent.objects.all())

    sent = [query["sql"] for query in captured if "sequere_" in query["sql"]]
    assert len(sent) < 50, f"{len(sent)} statements"
    assert Event.objects.exclude(type="followed").count() == 1200


@pytest.mark.sequere_queued
@pytest.mark.parametrize("name", ["retry_events", "skip_events"])
def test_only_failed_events_can_be_retried_or_skipped(name: str, thoas: User, project: Project) -> None:
    event = follow(thoas, project)
    assert event is not None

    with pytest.raises(CommandError, match=f"Not among the failed events: {event.pk}"):
        command(name, event.pk)
    with pytest.raises(CommandError, match="Give ids of failed events, or --all"):
        command(name)

    assert waiting("guests") == [event.pk]


@pytest.mark.sequere_queued
def test_waiting_events_are_late_and_not_wrong(thoas: User, newbie: User, project: Project) -> None:
    follow(thoas, project)

    assert verify("follows").wrong == 0
    assert is_following(thoas, project)


@pytest.mark.sequere_queued
def test_a_rebuild_applies_waiting_events_once(thoas: User, project: Project) -> None:
    follow(thoas, project)

    rebuild("guests")
    drain_all(using="default")

    assert guests() == [f"user:{thoas.pk} followed project:{project.pk}"]


@pytest.mark.sequere_queued
def test_assert_records_says_what_was_recorded_and_expected(thoas: User, newbie: User, project: Project) -> None:
    wrong = f"recorded followed user:{thoas.pk} project:{project.pk}, expected followed user:{newbie.pk} "

    with pytest.raises(AssertionError, match=wrong), assert_records(("followed", newbie, project)):
        follow(thoas, project)
    with pytest.raises(AssertionError, match="recorded nothing"), assert_records(("followed", thoas, project)):
        follow(thoas, project)


@pytest.mark.django_db(transaction=True)
def test_events_in_new_shards_and_in_old_ones_are_applied_together(settings: Any, thoas: User, newbie: User) -> None:
    """A shard has a row from its first event on. Some of these have one already."""
    settings.SEQUERE_PROJECTION_MODES = {"follows": "on_commit", "timelines": "on_commit"}
    follow(newbie, thoas)
    fan, *others = UserFactory.create_batch(31)

    follow_many((fan, other) for other in [thoas, *others])

    assert [get_followers_count(one) for one in [thoas, *others]] == [2, *[1] * 30]
    assert not QueuedEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_is_new_in_a_batch_is_applied_wherever_it_waits(thoas: User) -> None:
    """Although the batch begins with what is not, in another shard."""
    projects = {shard_around(registry.key_of(one), shards_of(BUILT_IN)): one for one in ProjectFactory.create_batch(20)}
    known, new, *_ = projects.values()
    follow(thoas, known)

    follow_many([(thoas, known), (thoas, new)])

    assert is_following(thoas, new)
    assert not QueuedEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("projector", "seen"), [(Witness, "off"), (TransactionalWitness, "on")])
def test_a_drain_waits_for_the_disk_only_if_it_writes_into_the_database(
    settings: Any, thoas: User, project: Project, projector: type[Witness], seen: str
) -> None:
    """What is in the database is undone with the rest by a crash, but who has seen it is not."""
    if not dialect(connection).has_routines:
        pytest.skip("only PostgreSQL may be told not to wait")
    settings.SEQUERE_PROJECTORS = {"witness": f"{__name__}.{projector.__name__}"}
    settings.SEQUERE_PROJECTION_MODES = {"witness": "on_commit"}
    follow(thoas, project)  # makes the shard
    Witness.seen.clear()
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
        try:
            unfollow(thoas, project)
            assert (Witness.seen, waits_for_the_disk()) == ([seen], "on")
        finally:
            cursor.execute("RESET synchronous_commit")


Batch = tuple[list[Event], bool]


def found() -> Batch | None:
    return shards.due(BUILT_IN, [0], "default")


def taken() -> Batch | None:
    if not dialect(connection).has_routines:
        pytest.skip("only functions of the database take events out")
    return shards.take_out(BUILT_IN, [0], None, "default")


@pytest.mark.sequere_queued
@pytest.mark.parametrize("batch", [found, taken])
def test_a_batch_says_whether_it_is_all_that_is_due(
    batch: Callable[[], Batch | None], thoas: User, newbie: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of other shards, once it is overdue there."""

    def look() -> tuple[list[Any], bool] | None:
        with transaction.atomic():
            got = batch()
            transaction.set_rollback(True)
        return got and ([values(vars(event)) for event in got[0]], got[1])

    values = itemgetter("id", *EVENT_COLUMNS)
    shards.lock_shards(BUILT_IN, [0], "default", wait=True)
    nothing = look()
    follow(thoas, project)
    Timeline(thoas).save(JoinAction(actor=thoas))
    events = [values(vars(event)) for event in Event.objects.order_by("pk")]
    QueuedEvent.objects.filter(queue=BUILT_IN).update(shard=0)
    elsewhere = follow(newbie, project)
    QueuedEvent.objects.filter(queue=BUILT_IN, event=elsewhere).update(shard=1)

    fresh = look()
    with monkeypatch.context() as later:
        later.setattr(shards, "OVERDUE", timedelta(days=-1))
        overdue = look()
    monkeypatch.setattr(shards, "EVENTS_AT_ONCE", 2)
    monkeypatch.setattr(shards, "_due", shards._due.__wrapped__)
    full = look()

    assert nothing in (None, ([], False))
    assert (fresh, overdue, full) == ((events, True), (events, False), (events, False))


def test_ids_that_are_close_are_kept_as_one_range() -> None:
    assert as_ranges([[40, 40], [1, 20], [3, 3], [30, 30], [52, 55], [51, 51]]) == [[1, 40], [51, 55]]
    assert as_ranges([[1, 2], [100, 130], [105, 110]]) == [[1, 2], [100, 130]]
    assert [number for number in range(1, 300) if is_checkpoint([number])] == [128, 256]
