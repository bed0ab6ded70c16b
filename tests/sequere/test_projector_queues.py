"""Projectors declare their queue: its name, its shards, their order, and whether they fan out."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from celery import Celery
from django.core.checks import CheckMessage, run_checks
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from sequere import outbox, workers
from sequere.base import ResourceKey
from sequere.exceptions import CircularProjections, ProjectionTimeout, StaleWriter
from sequere.log import Intent, record, stream_of
from sequere.log.locks import uids_of
from sequere.log.models import Event
from sequere.models import QueuedEvent, follow, follow_many, wait_for_projections
from sequere.outbox import waiting as waits
from sequere.outbox.drain import MAX_ATTEMPTS, drain, drain_all
from sequere.outbox.enqueue import end_fan_outs, queue_again, queue_fan_out, start_fan_out
from sequere.outbox.models import Shard
from sequere.outbox.queues import fan_out_queue_of, known_queues, queues_of, shard_around
from sequere.outbox.shards import lock_shards
from sequere.projections import Chunk, LevelTriggeredProjector, Projector
from sequere.projections.registry import projections
from sequere.replay import rebuild, verify
from sequere.signals import events_queued, fan_out_advanced
from tests.commands import run
from tests.factories import UserFactory
from tests.races.concurrently import concurrently
from tests.testapp.models import Project, Stranger, User


class Plain(Projector):
    """Writes down what it gets."""

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        for event in events:
            Stranger.objects.using(using).create(name=f"{self.name} {event.pk}")

    def reset(self, subjects: Sequence[ResourceKey], *, using: str) -> None:
        ids = Event.objects.using(using).about(subjects).values_list("pk", flat=True)
        names = [f"{self.name} {pk}" for pk in ids]
        Stranger.objects.using(using).filter(name__in=names).delete()


class Level(LevelTriggeredProjector):
    def apply(self, events: Iterable[Event], *, using: str) -> None:
        pass


class AfterB(Plain):
    after = ("b",)


class AfterA(Plain):
    after = ("a",)


class AfterItself(Plain):
    after = ("a",)


class AfterC(Plain):
    after = ("c",)


class AfterTimelines(Plain):
    after = ("timelines",)


class AfterNothing(Plain):
    after = ("follow", "follows")


class Sharded(Plain):
    shards = 64


class One(Plain):
    queue = "together"


class Other(Plain):
    queue = "together"
    refused: set[int] = set()

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        for event in events:
            if event.data.get("n") in self.refused:
                raise PermissionError(f"not {event.data['n']}")
            super().apply([event], using=using)


class LevelTogether(Level):
    queue = "together"


class FourShards(Plain):
    queue, shards = "together", 4


class NoShards(Plain):
    shards = 0


class TooManyShards(Plain):
    shards = 32_768


class HalfAShard(Plain):
    shards = 1.5  # type: ignore[assignment]


class SaysItIsVerifiable(Plain):
    verifiable = True


class QueueOfSteps(Projector):
    queue = "a:fan-out"


class TrueShards(Plain):
    shards = True


class Steps(Projector):
    """Brings each joke to five followers, one at a time."""

    fans_out = True
    shards = 8
    poison: set[int] = set()

    def on_joked(self, event: Event, *, using: str) -> None:
        queue_fan_out(self.name, event.pk, event.stream, event.subject, Chunk(0, [0]), using)

    def fan_out(self, event: Event, cursor: Any, *, using: str) -> Chunk:
        (step,) = cursor
        if step in self.poison:
            raise PermissionError(f"not step {step}")
        Stranger.objects.using(using).create(name=f"{event.pk} step {step}")
        return Chunk(1, [step + 1] if step < 4 else None)

    def reset(self, subjects: Sequence[ResourceKey], *, using: str) -> None:
        for pk in Event.objects.using(using).about(subjects).values_list("pk", flat=True):
            Stranger.objects.using(using).filter(name__startswith=f"{pk} step").delete()


class Typo(Plain):
    #: Not a handler.
    on_hold = True

    def on_folowed(self, event: Event, *, using: str) -> None: ...

    def on_joked(self, event: Event, *, using: str) -> None: ...

    def once(self) -> None: ...


@pytest.fixture(autouse=True)
def nothing_is_refused() -> Iterator[None]:
    yield
    Other.refused, Steps.poison = set(), set()


@pytest.fixture
def at_work(settings: Any) -> Callable[..., None]:
    """Has projectors of the host at work."""

    def at_work(mode: str = "on_commit", **projectors: type[Projector]) -> None:
        settings.SEQUERE_PROJECTORS = {name: f"{__name__}.{one.__qualname__}" for name, one in projectors.items()}
        settings.SEQUERE_PROJECTION_MODES = dict.fromkeys(["follows", "timelines", *projectors], mode)

    return at_work


def joke(about: ResourceKey, **data: Any) -> Event:
    ((event, _),) = record([Intent("joked", stream_of("joke", about), about, data=data)])
    assert event
    return event


def user(number: int) -> ResourceKey:
    return ResourceKey("user", str(number))


def lines() -> list[str]:
    return list(Stranger.objects.order_by("pk").values_list("name", flat=True))


def waiting(queue: str) -> list[int]:
    return list(QueuedEvent.objects.filter(queue=queue).order_by("event_id").values_list("event_id", flat=True))


def found() -> dict[str, list[CheckMessage]]:
    messages: dict[str, list[CheckMessage]] = {}
    for message in run_checks():
        if str(message.id).startswith("sequere"):
            messages.setdefault(str(message.id), []).append(message)
    return messages


# The order


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("projectors", "order"),
    [
        ({"b": Plain, "a": Plain, "c": Plain}, ["b", "a", "c"]),
        ({"a": AfterB, "b": Plain}, ["b", "a"]),
        ({"a": AfterB, "c": Plain, "b": Plain, "d": Plain}, ["c", "b", "a", "d"]),
        ({"a": AfterB, "b": AfterC, "c": Plain}, ["c", "b", "a"]),
        ({"c": AfterTimelines, "a": AfterTimelines, "b": Plain}, ["c", "a", "b"]),
        ({"a": AfterNothing}, ["a"]),
    ],
)
def test_projections_are_in_order(at_work: Any, projectors: dict[str, type[Projector]], order: list[str]) -> None:
    at_work("inline", **projectors)

    event = joke(user(1))

    assert list(projections()) == ["follows", "timelines", *order]
    assert lines() == [f"{name} {event.pk}" for name in order]


@pytest.mark.django_db(transaction=True)
def test_after_the_commit_they_are_applied_in_this_order(at_work: Any, thoas: User, project: Project) -> None:
    """Whatever the names of their queues."""
    at_work("on_commit", z=Plain, b=AfterC, c=AfterTimelines, a=AfterB)

    event = follow(thoas, project)

    assert event
    assert known_queues() == ["built-in", "z", "c", "b", "a", "built-in:pauses", "timelines:fan-out"]
    assert lines() == [f"{name} {event.pk}" for name in ("z", "c", "b", "a")]


@pytest.mark.django_db(transaction=True)
def test_a_projection_sees_what_was_applied_before_it(settings: Any, thoas: User, project: Project) -> None:
    """Its name comes before that of the built-in queue."""
    settings.SEQUERE_PROJECTORS = {"audience": f"{__name__}.Audience"}
    settings.SEQUERE_PROJECTION_MODES = dict.fromkeys(["follows", "timelines", "audience"], "on_commit")

    follow(thoas, project)

    assert lines() == ["1 follower"]


class Audience(Projector):
    after = ("follows",)

    def on_followed(self, event: Event, *, using: str) -> None:
        number = Project.objects.get(pk=event.subject.object_id).get_followers_count()
        Stranger.objects.using(using).create(name=f"{number} follower")


CIRCLES = [{"a": AfterB, "b": AfterA}, {"a": AfterItself}, {"a": AfterB, "b": AfterC, "c": AfterA}]


@pytest.mark.django_db
@pytest.mark.parametrize("projectors", CIRCLES)
def test_a_circle_is_refused(at_work: Any, projectors: dict[str, type[Projector]]) -> None:
    at_work("inline", **projectors)

    with pytest.raises(CircularProjections, match=r"The projections wait for each other, .*a.* → .*: take one"):
        projections()
    messages = found()

    assert list(messages) == ["sequere.E017"]
    (message,) = messages["sequere.E017"]
    assert message.msg.startswith("The projections wait for each other")
    assert message.hint == "Remove a projection from the attribute `after` of one of these projectors."


@pytest.mark.django_db
def test_sequere_e017_after_what_does_not_exist(at_work: Any) -> None:
    at_work("inline", a=AfterNothing)

    messages = found()

    assert list(messages) == ["sequere.E017"]
    assert [message.msg for message in messages["sequere.E017"]] == [
        f"{__name__}.AfterNothing is applied after 'follow', which does not exist."
    ]
    assert messages["sequere.E017"][0].hint == "Use one of follows, timelines, a."


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("projectors", "wrong"),
    [
        ({"a": One, "b": FourShards}, "The projectors of the queue 'together' have 1 and 4 shards."),
        ({"a": NoShards}, "The projectors of the queue 'a' have 0 shards."),
        ({"a": TooManyShards}, "The projectors of the queue 'a' have 32768 shards."),
        ({"a": HalfAShard}, "The projectors of the queue 'a' have 1.5 shards."),
        ({"a": TrueShards}, "The projectors of the queue 'a' have True shards."),
        (
            {"a": SaysItIsVerifiable},
            f"{__name__}.SaysItIsVerifiable is verifiable, but not a LevelTriggeredProjector.",
        ),
        ({"a": QueueOfSteps}, "The queue 'a:fan-out' has a name that belongs to the steps of a fan-out."),
    ],
)
def test_sequere_e017_what_a_projector_declares(
    at_work: Any, projectors: dict[str, type[Projector]], wrong: str
) -> None:
    at_work("inline", **projectors)

    assert [message.msg for message in found()["sequere.E017"]] == [wrong]


@pytest.mark.django_db
def test_attributes_that_fit_pass_the_checks(at_work: Any) -> None:
    at_work("on_commit", a=One, b=Other, c=Sharded, d=Steps, e=AfterTimelines)

    assert found() == {}


@pytest.mark.django_db
def test_sequere_e007_a_queue_in_two_modes(settings: Any, at_work: Any) -> None:
    """What waits there is applied by all its projectors, so one of them would get it twice."""
    at_work("on_commit", a=One, b=Other)
    settings.SEQUERE_PROJECTION_MODES = settings.SEQUERE_PROJECTION_MODES | {"a": "inline"}

    (message,) = found()["sequere.E007"]

    assert message.msg.startswith("The projection 'a' is inline, but others of its queue are not")


@pytest.mark.django_db
def test_a_level_triggered_projector_may_have_another_mode_than_its_queue(settings: Any, at_work: Any) -> None:
    at_work("on_commit", a=LevelTogether, b=Other)
    settings.SEQUERE_PROJECTION_MODES = settings.SEQUERE_PROJECTION_MODES | {"a": "inline"}

    assert found() == {}


@pytest.mark.django_db
def test_sequere_e015_a_typo_in_a_method(at_work: Any) -> None:
    at_work("inline", a=Typo)

    messages = found()

    assert list(messages) == ["sequere.E015"]
    (message,) = messages["sequere.E015"]
    assert message.msg == f"{__name__}.Typo has a method on_folowed(), and there is no such event type."
    assert "registered are action_deleted, action_saved, blocked, deleted" in str(message.hint)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("version", "upcasters", "wrong"),
    [
        (2, {}, "has version 2 and no upcaster from version 1."),
        (4, {2: dict}, "has version 4 and no upcaster from version 1, 3."),
        (1, {1: dict}, "has version 1 and an upcaster from version 1, which is not an older one."),
        (2, {1: dict, "1": dict}, "has version 2 and an upcaster from version '1', which is not an older one."),
    ],
)
def test_sequere_e016_upcasters(
    monkeypatch: pytest.MonkeyPatch, version: int, upcasters: dict[Any, Any], wrong: str
) -> None:
    from tests.testapp.sequere_registry import Joked

    monkeypatch.setattr(Joked, "version", version)
    monkeypatch.setattr(Joked, "upcasters", upcasters)

    (message,) = found()["sequere.E016"]

    assert message.msg == f"The event type 'joked' {wrong}"
    assert "{1: from_1_to_2, …}" in str(message.hint)


# Shards


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_the_events_of_one_subject_wait_in_one_shard(at_work: Any) -> None:
    at_work("on_commit", sharded=Sharded)
    for n in range(40):
        joke(user(n % 20), n=n)

    queued = QueuedEvent.objects.filter(queue="sharded").select_related("event")

    assert all(one.shard == shard_around(one.event.subject, 64) for one in queued)
    assert len({one.shard for one in queued}) > 10
    assert {one.shard for one in queued} <= set(range(64))


@pytest.mark.parametrize("shards", [1, 2, 3, 64])
def test_subjects_are_spread_over_all_shards(shards: int) -> None:
    assert {shard_around(user(number), shards) for number in range(1000)} == {*range(shards)}


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_the_events_of_one_subject_stay_in_order_whoever_drains_which_shard(at_work: Any) -> None:
    at_work("on_commit", sharded=Sharded)
    events: dict[int, list[str]] = {}
    for n in range(60):
        events.setdefault(n % 20, []).append(f"sharded {joke(user(n % 20), n=n).pk}")

    for shard in reversed(range(64)):
        drain("sharded", {shard}, using="default")

    assert waiting("sharded") == []
    for of_one in events.values():
        assert [line for line in lines() if line in of_one] == of_one


@pytest.mark.django_db(transaction=True)
def test_processes_share_the_shards_and_nothing_is_applied_twice(at_work: Any) -> None:
    at_work("celery", sharded=Sharded)
    with_nobody_told = [joke(user(n % 20), n=n).pk for n in range(200)]

    concurrently(*[lambda: drain("sharded", using="default", wait=True)] * 3)

    assert sorted(lines()) == sorted(f"sharded {pk}" for pk in with_nobody_told)
    for subject in range(20):
        of_one = [f"sharded {pk}" for pk in with_nobody_told[subject::20]]
        assert [line for line in lines() if line in of_one] == of_one


@pytest.fixture(autouse=True)
def nobody_listens(monkeypatch: pytest.MonkeyPatch) -> Celery:
    """A broker in memory: nobody takes its tasks."""
    app = Celery("mysite", broker="memory://")
    monkeypatch.setattr(workers, "_app", app)
    monkeypatch.setattr(workers._breaker, "outage", None)
    return app


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_a_rebuild_of_a_sharded_projection_holds_all_shards(at_work: Any) -> None:
    at_work("on_commit", sharded=Sharded)
    for n in range(5):
        joke(user(n))

    rebuild("sharded")

    assert Shard.objects.filter(queue="sharded").count() == 64
    assert len(lines()) == 5
    assert waiting("sharded") == []


class Held(Sharded):
    """Looks from another connection for shards that are free while it is rebuilt."""

    free: list[Any] = []

    def reset(self, subjects: Sequence[ResourceKey], *, using: str) -> None:
        (free,) = concurrently(self._look)
        self.free.append(free)
        super().reset(subjects, using=using)

    def _look(self) -> int:
        with transaction.atomic():
            shards = Shard.objects.filter(queue="held").select_for_update(skip_locked=True)
            return len(shards)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="on SQLite nobody else writes meanwhile")
@pytest.mark.django_db(transaction=True)
def test_nobody_drains_a_sharded_projection_while_it_is_rebuilt(at_work: Any, thoas: User, project: Project) -> None:
    at_work("on_commit", held=Held)
    follow(thoas, project)
    with transaction.atomic():
        lock_shards("held", range(64), "default", wait=True)
    Held.free.clear()

    rebuild("held")

    assert Held.free == [0]


# A queue of several projectors


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_the_projectors_of_a_queue_apply_each_event_together(at_work: Any) -> None:
    at_work("on_commit", one=One, other=Other)
    first, second, third = (joke(user(n), n=n) for n in range(3))
    Other.refused = {1}

    applied = drain("together", using="default")

    assert applied == 2
    assert waiting("together") == [second.pk]
    assert [line for line in lines() if str(second.pk) in line.split()] == []
    assert sorted(lines()) == sorted(f"{name} {event.pk}" for name in ("one", "other") for event in (first, third))


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_an_event_of_such_a_queue_is_retried_for_all_of_them(at_work: Any) -> None:
    at_work("on_commit", one=One, other=Other)
    event = joke(user(1), n=1)
    Other.refused = {1}
    drain("together", using="default")
    out = StringIO()
    call_command("show_projections", json=True, stdout=out)
    one, other = json.loads(out.getvalue())[2:]
    Other.refused = set()

    outbox.retry(QueuedEvent.objects.filter(queue="together"))

    assert one["error"] == other["error"] == "PermissionError: not 1"
    assert [line for line in lines() if line.endswith(f" {event.pk}")] == [f"one {event.pk}", f"other {event.pk}"]


@pytest.mark.django_db(transaction=True)
def test_writes_to_such_a_queue_can_be_read(at_work: Any) -> None:
    at_work("on_commit", one=One, other=Other)

    event = joke(user(1))
    wait_for_projections(timeout=0)

    assert lines() == [f"one {event.pk}", f"other {event.pk}"]


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_a_rebuild_of_one_leaves_the_other_its_events(at_work: Any) -> None:
    at_work("on_commit", one=One, other=Other)
    before = joke(user(1))
    drain("together", using="default")
    pending = joke(user(1))

    rebuild("one")
    rebuilt = lines()
    drain("together", using="default")

    assert sorted(rebuilt) == [f"one {before.pk}", f"other {before.pk}"]
    assert sorted(lines()) == sorted(f"{name} {event.pk}" for name in ("one", "other") for event in (before, pending))


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_a_projection_that_is_gone_can_be_skipped(settings: Any, at_work: Any) -> None:
    at_work("on_commit", other=Sharded)
    event = joke(user(1))
    QueuedEvent.objects.filter(queue="other").update(attempts=5, parked_at=timezone.now(), error="no mail")
    at_work("on_commit")

    assert run("skip_events", "--all", "--projection", "other") == (0, "1 events skipped\n")

    assert waiting("other") == []
    assert Event.objects.get(type="event_skipped").data["event"] == event.pk


# Fan-outs


@pytest.fixture
def steps(at_work: Any) -> None:
    at_work("on_commit", steps=Steps)


def one_step() -> int:
    return drain(fan_out_queue_of("steps"), using="default", seconds=0)


def row() -> dict[str, Any] | None:
    return QueuedEvent.objects.filter(queue="steps:fan-out").values("event_id", "cursor", "reached", "attempts").first()


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_a_fan_out_takes_its_steps_from_its_cursor(steps: None) -> None:
    event = joke(user(1))
    drain("steps", using="default")

    rows, applied = [row()], []
    for _ in range(5):
        applied.append(one_step())
        rows.append(row())

    at = {"event_id": event.pk, "attempts": 0}
    assert queues_of("steps") == ["steps", "steps:fan-out"]
    assert rows == [*[at | {"cursor": [n], "reached": n} for n in range(5)], None]
    assert applied == [0, 0, 0, 0, 1]
    assert lines() == [f"{event.pk} step {n}" for n in range(5)]


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_what_is_applied_once_more_is_queued_again_and_its_fan_out_begins_anew(steps: None) -> None:
    events = [joke(user(n)) for n in range(3)]
    drain("steps", using="default")
    one_step()

    number = queue_again("steps", [[events[0].pk, events[1].pk]], "default")

    assert number == 2
    assert waiting("steps") == [event.pk for event in events[:2]]
    rows = QueuedEvent.objects.filter(queue__in=queues_of("steps")).values_list("cursor", "reached", "attempts")
    assert list(rows) == [(None, 0, 0)] * 5


class Prepared(Plain):
    """Writes down what it may prepare for."""

    def prepare(self, events: Sequence[Event], *, using: str) -> None:
        for event in events:
            Stranger.objects.using(using).create(name=f"soon {event.pk}")


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_a_projector_prepares_for_what_is_queued(at_work: Any) -> None:
    at_work("on_commit", prepared=Prepared)

    event = joke(user(1))

    assert lines() == [f"soon {event.pk}"]


class Choosy(Plain):
    """Does not take what is about the users 1 and 3."""

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        if {user(1), user(3)} & {event.actor for event in events}:
            raise PermissionError
        super().apply(events, using=using)


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_what_comes_after_an_event_that_fails_waits_wherever_it_is_in_the_batch(at_work: Any) -> None:
    at_work("on_commit", choosy=Choosy)
    events = [joke(user(number)) for number in (1, 2, 3, 4, 1, 5, 3, 6)]

    assert drain("choosy", using="default") == 4

    assert lines() == [f"choosy {events[place].pk}" for place in (1, 3, 5, 7)]
    left = list(QueuedEvent.objects.filter(queue="choosy").order_by("event_id").values_list("event_id", "attempts"))
    assert left == [(events[0].pk, 1), (events[2].pk, 1), (events[4].pk, 0), (events[6].pk, 0)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL locks rows")
def test_a_shard_that_another_process_drains_is_left_to_it(at_work: Any) -> None:
    at_work("celery", steps=Steps)
    joke(user(1))
    drain_all(using="default")  # now its shard has a row
    joke(user(1))
    other = connection.copy()
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute("SELECT 1 FROM sequere_shard FOR UPDATE")

    try:
        assert drain("steps", using="default") == 0
    finally:
        other.close()

    assert drain("steps", using="default") == 1


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_a_drain_that_finds_nothing_has_applied_nothing(steps: None) -> None:
    joke(user(1))
    drain_all(using="default")

    assert [drain(queue, {0}, using="default", wait=True) for queue in queues_of("steps")] == [0, 0]


class Overtaken(Plain):
    """Loses every race."""

    attempts = 0

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        type(self).attempts += 1
        raise StaleWriter(server="Redis")


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_a_writer_who_is_always_overtaken_gives_up(at_work: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    at_work("on_commit", overtaken=Overtaken)
    monkeypatch.setattr(Overtaken, "attempts", 0)
    event = joke(user(1))

    with pytest.raises(StaleWriter):
        drain("overtaken", using="default")

    assert Overtaken.attempts == MAX_ATTEMPTS
    assert waiting("overtaken") == [event.pk]


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_newer_events_are_applied_between_two_steps(steps: None) -> None:
    first = joke(user(1))
    drain("steps", using="default")
    one_step()

    second = joke(user(1))
    drain("steps", using="default")

    assert waiting("steps") == []
    assert waiting("steps:fan-out") == [first.pk, second.pk]
    drain_all(using="default")
    assert sorted(lines()) == sorted(f"{event.pk} step {n}" for event in (first, second) for n in range(5))


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_a_fan_out_that_is_queued_already_keeps_its_cursor(steps: None) -> None:
    event = joke(user(1))
    drain("steps", using="default")
    one_step()

    queue_fan_out("steps", event.pk, event.stream, event.subject, Chunk(0, [0]), "default")

    assert row() == {"event_id": event.pk, "cursor": [1], "reached": 1, "attempts": 0}


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_a_poison_step_is_parked_and_resumed_where_it_was(steps: None) -> None:
    poisoned, other = joke(user(1)), joke(user(2))
    drain("steps", using="default")
    Steps.poison = {2}

    for _ in range(MAX_ATTEMPTS):
        drain_all(using="default")
        QueuedEvent.objects.filter(retry_at__isnull=False).update(retry_at=timezone.now() - timedelta(seconds=1))
    drain_all(using="default")
    parked = list(QueuedEvent.objects.order_by("event_id").values_list("event_id", "cursor", "attempts", "error"))
    Steps.poison = set()
    retried = outbox.retry(QueuedEvent.objects.all())

    assert parked == [(one.pk, [2], MAX_ATTEMPTS, "PermissionError: not step 2") for one in (poisoned, other)]
    assert (retried, waiting("steps:fan-out")) == (2, [])
    for event in (poisoned, other):
        mine = [line for line in lines() if line.startswith(f"{event.pk} ")]
        assert mine == [f"{event.pk} step {n}" for n in range(5)]


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_a_poison_step_leaves_nothing_half_done(steps: None, monkeypatch: pytest.MonkeyPatch) -> None:
    joke(user(1))
    drain("steps", using="default")
    write = Steps.fan_out

    def write_and_fail(self: Steps, event: Event, cursor: Any, *, using: str) -> Chunk:
        write(self, event, cursor, using=using)
        raise PermissionError

    monkeypatch.setattr(Steps, "fan_out", write_and_fail)
    applied = drain("steps:fan-out", using="default")

    assert (applied, lines()) == (0, [])
    assert row() == {"event_id": Event.objects.get().pk, "cursor": [0], "reached": 0, "attempts": 1}


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_a_poison_step_can_be_skipped(steps: None) -> None:
    event = joke(user(1))
    drain("steps", using="default")
    Steps.poison = {1}
    drain_all(using="default")

    assert run("skip_events", event.pk, "--projection", "steps") == (0, "1 events skipped\n")

    assert waiting("steps:fan-out") == []
    assert lines() == [f"{event.pk} step 0"]


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_a_fan_out_can_be_cancelled(steps: None) -> None:
    cancelled, other = joke(user(1)), joke(user(2))
    drain("steps", using="default")
    one_step()
    end_fan_outs("steps", [cancelled.pk], "default")
    end_fan_outs("steps", [], "default")

    drain_all(using="default")

    mine = [line for line in lines() if line.startswith(f"{cancelled.pk} ")]
    assert len(mine) <= 1
    assert len(lines()) - len(mine) == 5
    assert other.pk not in waiting("steps:fan-out")


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_a_rebuild_begins_fan_outs_again(steps: None) -> None:
    """What it forgets may have been reached by steps before."""
    done, halfway, pending = (joke(user(n)) for n in range(3))
    drain("steps", using="default")
    while done.pk in waiting("steps:fan-out"):
        # The one that has reached the fewest is next.
        QueuedEvent.objects.filter(queue="steps:fan-out", event_id=done.pk).update(reached=0)
        one_step()
    one_step()
    one_step()

    rebuild("steps")
    drain_all(using="default")

    assert sorted(lines()) == sorted(f"{event.pk} step {n}" for event in (done, halfway, pending) for n in range(5))


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_each_step_is_told_of(django_capture_on_commit_callbacks: Any, steps: None) -> None:
    event = joke(user(1))
    drain("steps", using="default")
    heard: list[Any] = []

    def note(queue: str, event_id: int, reached: int, is_finished: bool, **_: Any) -> None:
        heard.append((queue, event_id, reached, is_finished))

    fan_out_advanced.connect(note)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            drain("steps:fan-out", using="default")
    finally:
        fan_out_advanced.disconnect(note)

    assert heard == [("steps:fan-out", event.pk, n, n == 5) for n in range(1, 6)]


@pytest.mark.django_db(transaction=True)
def test_after_the_commit_a_fan_out_is_finished(steps: None) -> None:
    event = joke(user(1))

    wait_for_projections(timeout=0)

    assert lines() == [f"{event.pk} step {n}" for n in range(5)]


@pytest.mark.django_db(transaction=True)
def test_inline_a_fan_out_continues_after_the_commit(at_work: Any) -> None:
    at_work("inline", steps=Steps)

    event = joke(user(1))

    assert lines() == [f"{event.pk} step {n}" for n in range(5)]
    assert not QueuedEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_waiting_for_projections_waits_for_fan_outs(at_work: Any) -> None:
    at_work("celery", steps=Steps)
    joke(user(1))
    left = []

    for go_on in (lambda: None, lambda: drain("steps", using="default"), one_step, one_step):
        go_on()
        with pytest.raises(ProjectionTimeout):
            wait_for_projections(timeout=0)
        left.append((len(waiting("steps")), len(waiting("steps:fan-out"))))
    drain_all(using="default")
    wait_for_projections(timeout=0)

    assert left == [(1, 0), (0, 1), (0, 1), (0, 1)]


@pytest.mark.django_db(transaction=True)
def test_waiting_for_projections_looks_less_and_less_often(at_work: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    at_work("celery", steps=Steps)
    joke(user(1))
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 8:
            drain_all(using="default")

    monkeypatch.setattr(waits, "sleep", sleep)

    wait_for_projections()

    assert pauses == [min(waits.FIRST_PAUSE * 2**n, waits.LAST_PAUSE) for n in range(8)]


@pytest.mark.django_db(transaction=True)
def test_a_follow_is_waited_for(
    settings: Any, nobody_listens: Celery, thoas: User, newbie: User, project: Project
) -> None:
    settings.SEQUERE_PROJECTION_MODES = {"follows": "celery", "timelines": "celery"}
    follow(thoas, project)
    drain_all(using="default")
    wait_for_projections(timeout=0)
    follow(newbie, project)

    with pytest.raises(ProjectionTimeout):
        wait_for_projections(timeout=0)


@pytest.mark.django_db(transaction=True)
def test_fan_outs_have_a_queue_of_celery_to_themselves(settings: Any, at_work: Any, nobody_listens: Celery) -> None:
    """The fan-outs of celebrities would delay everything else."""
    at_work("celery", steps=Steps)
    settings.SEQUERE_CELERY_QUEUES = {"default": "quick", "fan_out": "slow"}
    hints: list[tuple[str, set[int]]] = []

    def note(queue: str, shards: set[int], **_: Any) -> None:
        hints.append((queue, shards))

    events_queued.connect(note)
    try:
        joke(user(1))
        drain("steps", using="default")
    finally:
        events_queued.disconnect(note)

    shard = shard_around(user(1), 8)
    assert [one for one in hints if one[0] != "built-in"] == [("steps", {shard}), ("steps:fan-out", {shard})]
    assert tasks(nobody_listens, "quick") == [["built-in", shard_around(user(1), 64)], ["steps", shard]]
    assert tasks(nobody_listens, "slow") == [["steps:fan-out", shard]]


def tasks(app: Celery, queue: str) -> list[Any]:
    """The arguments of the tasks that wait in a queue of Celery."""
    with app.connection_for_read() as broker, broker.SimpleQueue(queue) as waiting:
        return [waiting.get(timeout=5).payload[0] for _ in range(waiting.qsize())]


@pytest.mark.django_db
def test_a_projector_that_does_not_fan_out_has_one_queue(at_work: Any) -> None:
    at_work("on_commit", sharded=Sharded, steps=Steps, one=One)

    assert [queues_of(name) for name in ("sharded", "steps", "one")] == [
        ["sharded"],
        ["steps", "steps:fan-out"],
        ["together"],
    ]
    steps = ["built-in:pauses", "timelines:fan-out", "steps:fan-out"]
    assert known_queues() == ["built-in", "sharded", "steps", "together", *steps]


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_pending_fan_outs_are_shown(steps: None) -> None:
    joke(user(1))
    drain("steps", using="default")
    out = StringIO()

    call_command("show_projections", json=True, stdout=out)

    shown = {one["name"]: one["pending"] for one in json.loads(out.getvalue())}
    assert shown["steps"] == 1


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_an_import_waits_in_many_shards_and_is_applied_once(at_work: Any, project: Project) -> None:
    at_work("on_commit", sharded=Sharded)
    users = UserFactory.create_batch(30)
    follow_many([*[(one, project) for one in users], *[(users[0], one) for one in users[1:]]])

    drain_all(using="default")

    assert sorted(lines()) == sorted(f"sharded {pk}" for pk in Event.objects.values_list("pk", flat=True))
    assert verify("follows").wrong == 0


class Fails(Plain):
    """Fails for a joke, in a way that is hard to write down."""

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        events = list(events)
        if any(event.type == "joked" for event in events):
            raise PermissionError("no \udc80 \x00 joke")
        super().apply(events, using=using)


class Nameless(Plain):
    """Cannot say what a joke locks."""

    def resources(self, event: Event) -> Iterable[ResourceKey]:
        if event.type == "joked":
            raise KeyError("no resource")
        return super().resources(event)


class Elsewhere(Plain):
    """Writes to a resource that no event names. It has a uid when it was locked, and that is written down."""

    THERE = ResourceKey("user", "of a friend")

    def resources(self, event: Event) -> Iterable[ResourceKey]:
        return [*super().resources(event), self.THERE]

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        is_locked = self.THERE in uids_of([self.THERE], using)
        Stranger.objects.using(using).bulk_create(Stranger(name=f"{event.pk} {is_locked}") for event in events)


class Unsaid(Projector):
    """Takes steps, and does not say so."""

    def on_joked(self, event: Event, *, using: str) -> None:
        start_fan_out(self, event, using=using)


@pytest.mark.django_db
@pytest.mark.sequere_queued
@pytest.mark.parametrize(
    ("projector", "error"), [(Fails, "PermissionError: no ? \ufffd joke"), (Nameless, "KeyError: 'no resource'")]
)
def test_a_failure_is_noted_whatever_it_says_and_stops_nobody_else(
    at_work: Any, thoas: User, project: Project, projector: type[Projector], error: str
) -> None:
    at_work(a=projector, b=Plain)
    poison, other = joke(user(1)), follow(thoas, project)
    assert other

    drain_all(using="default")

    assert list(QueuedEvent.objects.values_list("queue", "event_id", "attempts", "error")) == [
        ("a", poison.pk, 1, error)
    ]
    assert sorted(lines()) == sorted([f"a {other.pk}", f"b {poison.pk}", f"b {other.pk}"])


@pytest.mark.django_db
@pytest.mark.sequere_queued
@pytest.mark.parametrize("wait", [True, False], ids=["by who has just queued it", "by a worker"])
def test_what_a_projector_names_in_python_is_locked_before_an_event_is_applied(at_work: Any, wait: bool) -> None:
    at_work(a=Elsewhere)
    event = joke(user(1))

    drain("a", using="default", wait=wait)

    assert lines() == [f"{event.pk} True"]


@pytest.mark.django_db
def test_a_projector_that_takes_steps_says_so(at_work: Any) -> None:
    at_work("inline", a=Unsaid)

    with pytest.raises(TypeError, match="Unsaid takes steps: it needs fans_out = True"):
        joke(user(1))


@pytest.mark.django_db
@pytest.mark.sequere_queued
def test_an_event_whose_fan_out_goes_on_is_waited_for_however_many_came_after_it(
    steps: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waits, "_recorded", defaultdict(waits.Recorded))
    event = joke(user(1))
    waits.note("steps", [event.pk], "default")
    drain("steps", using="default")

    waits.note("steps", range(event.pk + 1, event.pk + 1 + waits.IDS_AT_ONCE), "default")

    with pytest.raises(ProjectionTimeout):
        wait_for_projections(timeout=0)
    drain_all(using="default")
    wait_for_projections(timeout=0)
