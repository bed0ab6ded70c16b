"""A server that comes back with an older state: a snapshot after a crash, or a replica that has taken over."""

import logging
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from random import Random
from typing import Any

import pytest
import redis
from django.db import transaction
from django.test import Client

from example_project.servers.process import ServerUnavailable
from example_project.servers.valkey import Valkey, own_valkey, redis_program
from sequere import tasks
from sequere.contrib.timeline import Timeline
from sequere.exceptions import ReadModelLost
from sequere.log.models import Event
from sequere.models import (
    KeptEvents,
    QueuedEvent,
    follow,
    get_followers,
    get_followers_count,
    get_followings_count,
    is_following,
    suspend,
    unfollow,
)
from sequere.outbox import kept
from sequere.outbox.drain import drain_all
from sequere.outbox.queues import shard_of
from sequere.projections.registry import BUILT_IN
from sequere.redis import servers
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from sequere.signals import events_queued
from tests.factories import UserFactory
from tests.races.concurrently import in_rounds
from tests.races.outcome import differences
from tests.rounds import TIMES, rounds
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db(transaction=True)

NAMES = ("follows", "timelines")


@pytest.fixture(params=["Valkey", *(["Redis"] if TIMES > 1 else [])])
def mortal(request: pytest.FixtureRequest, in_redis: None, settings: Any) -> Iterator[Valkey]:
    """A server of our own, for both read models, which may crash; in `make extended`, also one of the other kind, if
    this machine has it."""
    try:
        with own_valkey(redis_program() if request.param == "Redis" else None) as server:
            settings.SEQUERE_BACKEND_OPTIONS = settings.SEQUERE_TIMELINE_BACKEND_OPTIONS = {"url": server.url}
            yield server
    except ServerUnavailable as error:
        pytest.skip(str(error))


def save(server: Valkey) -> None:
    """Take a snapshot, which the server comes back with."""
    with redis.Redis.from_url(server.url) as operator:
        operator.save()


def come_back(server: Valkey) -> None:
    server.crash()
    server.start()


@pytest.fixture
def workers(settings: Any) -> Iterator[Callable[..., None]]:
    """Has workers do what they were told, and what they tell each other while they do it."""
    settings.SEQUERE_PROJECTION_MODES = dict.fromkeys(NAMES, "celery")
    told: list[tuple[str, int]] = []

    def tell(queue: str, shards: set[int], **_: Any) -> None:
        told.extend((queue, shard) for shard in shards)

    def work(number: int = 100) -> None:
        while told and number:
            tasks.drain(*told.pop(0))
            number -= 1

    events_queued.connect(tell)
    yield work
    events_queued.disconnect(tell)


def a_reader() -> None:
    pass


def a_writer() -> None:
    follow(UserFactory(), UserFactory())


@pytest.mark.parametrize("is_in_transaction", [False, True], ids=["", "in a transaction"])
@pytest.mark.parametrize("comes_first", [a_reader, a_writer])
def test_readers_never_see_the_older_state(
    mortal: Valkey,
    thoas: User,
    newbie: User,
    project: Project,
    comes_first: Callable[[], None],
    is_in_transaction: bool,
) -> None:
    follow(newbie, thoas)
    follow(thoas, project)
    deleted, kept_one, late = (JoinAction(actor=thoas) for _ in range(3))
    for action in (deleted, kept_one):
        Timeline(thoas).save(action)
    assert Timeline(newbie).get_private() == [kept_one, deleted]
    save(mortal)
    unfollow(thoas, project)
    follow(newbie, project)
    Timeline(thoas).delete(deleted)
    Timeline(thoas).save(late)

    come_back(mortal)
    comes_first()
    with transaction.atomic() if is_in_transaction else nullcontext():
        assert [one for one, _ in get_followers(project)] == [newbie]
        assert (is_following(thoas, project), get_followings_count(newbie)) == (False, 2)
        assert Timeline(newbie).get_private() == [late, kept_one]
        assert Timeline(thoas).get_public() == [late, kept_one]
    assert differences() == []


def test_a_site_that_only_reads_shows_no_error_page(
    mortal: Valkey, thoas: User, newbie: User, project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    browser, page = Client(), f"/sequere/project/{project.pk}/followers/"
    follow(thoas, project)
    save(mortal)
    follow(newbie, project)
    before = browser.get(page).json()

    for _ in range(2):
        come_back(mortal)
        answer = browser.get(page)
        assert (answer.status_code, answer.json()) == (200, before)
        save(mortal)

    told = [record.getMessage().rpartition("replaced: ")[2] for record in caplog.records if record.name == "sequere"]
    assert told == ["2 events of follows are applied again."] * 2


def test_a_checkpoint_leaves_little_to_apply_again(
    mortal: Valkey, thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old events are dropped, as long as the server has them."""
    monkeypatch.setattr(kept, "EVENTS_PER_CHECKPOINT", 1)
    monkeypatch.setattr(kept, "EVENTS_KEPT", 2)
    for _ in range(3):
        follow(newbie, thoas)
        unfollow(newbie, thoas)
    save(mortal)
    last = follow(newbie, thoas)

    ranges = [range_ for rows in KeptEvents.objects.filter(projection="follows") for range_ in rows.ranges]
    come_back(mortal)

    assert last is not None
    assert sorted(ranges) == [[last.pk - 2, last.pk - 2], [last.pk - 1, last.pk - 1], [last.pk, last.pk]]
    assert get_followers_count(thoas) == 1
    assert differences() == []


def test_before_the_first_checkpoint_nothing_was_dropped(
    mortal: Valkey, thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(newbie, thoas)
    save(mortal)
    monkeypatch.setattr(kept, "EVENTS_PER_CHECKPOINT", 1)
    follow(thoas, newbie)

    come_back(mortal)

    assert (get_followers_count(thoas), get_followers_count(newbie)) == (1, 1)
    assert differences() == []


def test_it_is_lost_if_too_much_was_applied_since(
    mortal: Valkey, thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(kept, "EVENTS_PER_CHECKPOINT", 1)
    monkeypatch.setattr(kept, "EVENTS_KEPT", 2)
    follow(newbie, thoas)
    save(mortal)
    for _ in range(3):
        unfollow(newbie, thoas)
        follow(newbie, thoas)
    follow(thoas, newbie)

    come_back(mortal)

    for _ in range(2):
        with pytest.raises(ReadModelLost):
            get_followers_count(thoas)
        follow(UserFactory(), newbie)
    assert [record.levelno for record in caplog.records if record.name == "sequere"] == [logging.ERROR]
    assert verify("follows").wrong == 1
    rebuild("follows")
    assert (get_followers_count(thoas), get_followers_count(newbie)) == (1, 3)
    assert differences() == []


def test_it_is_too_much_from_one_event_more_on() -> None:
    some = [KeptEvents(number=kept.EVENTS_KEPT - 1), KeptEvents(number=1)]

    assert [kept.is_too_much(rows) for rows in (some, [*some, KeptEvents(number=1)])] == [False, True]


def test_nothing_is_kept_for_a_model_that_was_never_there(
    mortal: Valkey, thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site without actions has follows, but no timelines."""
    monkeypatch.setattr(kept, "EVENTS_PER_CHECKPOINT", 1)
    for _ in range(3):
        follow(newbie, thoas)
        unfollow(newbie, thoas)

    assert not KeptEvents.objects.filter(projection="timelines").exists()
    Timeline(thoas).save(JoinAction(actor=thoas))
    save(mortal)
    follow(newbie, thoas)
    assert Timeline(newbie).get_private_count() == 1
    unfollow(newbie, thoas)
    come_back(mortal)
    assert Timeline(newbie).get_private_count() == 0
    assert differences() == []


@pytest.mark.parametrize(("number", "is_lost"), [(2, False), (3, True)])
def test_what_is_kept_for_a_lost_model_does_not_grow_without_end(
    mortal: Valkey, thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch, number: int, is_lost: bool
) -> None:
    """Follows change no timeline that is there, so nobody notes the new server of the timelines."""
    monkeypatch.setattr(kept, "EVENTS_PER_CHECKPOINT", 1)
    monkeypatch.setattr(kept, "EVENTS_KEPT", 2)
    Timeline(thoas).save(JoinAction(actor=thoas))
    follow(newbie, thoas)
    with redis.Redis.from_url(mortal.url) as operator:
        backup = {key: operator.dump(key) for key in operator.scan_iter()}
        come_back(mortal)  # empty
        for _ in range(number):
            follow(UserFactory(), thoas)
        waiting = KeptEvents.objects.filter(projection="timelines", token=None).count()
        operator.flushdb()
        for key, value in backup.items():
            operator.restore(key, 0, value)

    assert waiting == (0 if is_lost else number)
    with pytest.raises(ReadModelLost) if is_lost else nullcontext():
        assert Timeline(newbie).get_private_count() == 1
    for name in NAMES:
        rebuild(name)
    assert Timeline(newbie).get_private_count() == 1
    assert differences() == []


@pytest.mark.parametrize("others", [0, 1])
def test_a_model_may_turn_out_to_be_lost_while_it_is_compared(
    mortal: Valkey, thoas: User, newbie: User, project: Project, others: int
) -> None:
    """A pending event is to be applied to a uid that the server gives to somebody else; without others, nothing but
    this event is missed. Somebody is suspended meanwhile, who may be at the other end of any relation."""
    event, suspension = follow(newbie, thoas), suspend(project)
    assert event is not None
    assert suspension is not None
    for _ in range(others):
        follow(newbie, project)

    def damage() -> None:
        with redis.Redis.from_url(mortal.url) as operator:
            uid = operator.get(f"sequere:uid:user:{thoas.pk}").decode()
            operator.hset(f"sequere:uid::{uid}", "object_id", "4711")
        for one in (event, suspension):
            waiting = {"queue": BUILT_IN, "event": one, "stream": one.stream, "shard": shard_of(BUILT_IN, one)}
            QueuedEvent.objects.get_or_create(**waiting)

    for mend in (rebuild, partial(verify, repair=True)):
        damage()
        assert mend("follows").wrong > 0
        assert (get_followers_count(thoas), verify("follows").wrong) == (1, 0)
    damage()
    with nullcontext() if others else pytest.raises(ReadModelLost):
        assert verify("follows").wrong == 1
    rebuild("follows")
    assert differences() == []


def test_what_a_repair_has_written_is_not_lost_again_unnoticed(mortal: Valkey, thoas: User, newbie: User) -> None:
    """No event says it."""
    follow(newbie, thoas)
    with redis.Redis.from_url(mortal.url) as operator:
        (key,) = operator.keys("sequere:uid:*:followers")
        operator.delete(key)
    save(mortal)
    verify("follows", repair=True)

    come_back(mortal)

    with pytest.raises(ReadModelLost):
        list(get_followers(thoas))
    rebuild("follows")
    assert [one for one, _ in get_followers(thoas)] == [newbie]


def test_with_workers_a_reader_leaves_many_events_to_them(
    mortal: Valkey,
    thoas: User,
    newbie: User,
    workers: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Meanwhile the model counts as lost."""
    monkeypatch.setattr(servers, "EVENTS_FOR_READERS", 1)
    follow(newbie, thoas)
    workers()
    save(mortal)
    unfollow(newbie, thoas)
    follow(thoas, newbie)
    workers()

    come_back(mortal)

    for _ in range(2):
        with pytest.raises(ReadModelLost):
            get_followers_count(thoas)
    workers()
    assert (get_followers_count(thoas), get_followers_count(newbie)) == (0, 1)


@pytest.mark.parametrize("often", [True, False], ids=["a checkpoint for each event", "no checkpoint"])
def test_a_fan_out_begins_anew(
    mortal: Valkey,
    thoas: User,
    newbie: User,
    workers: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    often: bool,
) -> None:
    """Its cursor is behind followers that the server has lost."""
    monkeypatch.setattr(kept, "EVENTS_PER_CHECKPOINT", 1 if often else 10**9)
    monkeypatch.setattr("sequere.backends.redis.followers.FOLLOWER_NAMES_PER_PAGE", 1)
    monkeypatch.setattr("sequere_timeline.projector.SECONDS_AT_ONCE", dict.fromkeys(("celery", "on_commit"), 0))
    others = UserFactory.create_batch(2)
    for one in (newbie, *others):
        follow(one, thoas)
    Timeline(thoas).save(JoinAction(actor=thoas))
    workers()
    assert Timeline(newbie).get_private_count() == 1
    save(mortal)
    Timeline(thoas).save(JoinAction(actor=thoas))
    workers(1)
    (fan_out,) = QueuedEvent.objects.all()
    assert fan_out.reached > 0

    come_back(mortal)

    assert Timeline(newbie).get_private_count() in {1, 2}
    workers()
    assert [Timeline(one).get_private_count() for one in (newbie, *others)] == [2, 2, 2]
    assert not QueuedEvent.objects.exists()


def test_a_rebuild_ends_if_the_server_crashes(mortal: Valkey, thoas: User, newbie: User) -> None:
    follow(newbie, thoas)
    save(mortal)
    with redis.Redis.from_url(mortal.url) as operator:
        operator.flushdb()

    with pytest.raises(ReadModelLost):
        rebuild("follows", progress=lambda *_: come_back(mortal))
    assert rebuild("follows")
    assert get_followers_count(thoas) == 1
    assert differences() == []


def test_a_replica_that_takes_over_is_another_server(mortal: Valkey, settings: Any, thoas: User, newbie: User) -> None:
    follow(newbie, thoas)
    with own_valkey() as replica, redis.Redis.from_url(replica.url) as operator:
        with redis.Redis.from_url(mortal.url) as primary:
            for key in primary.scan_iter():
                operator.restore(key, 0, primary.dump(key))
        unfollow(newbie, thoas)

        settings.SEQUERE_BACKEND_OPTIONS = settings.SEQUERE_TIMELINE_BACKEND_OPTIONS = {"url": replica.url}

        assert get_followers_count(thoas) == 0
        assert differences() == []


def test_crashes_at_any_moment_are_noticed_by_whoever_reads_first(mortal: Valkey) -> None:
    everybody = User.objects.bulk_create(UserFactory.build_batch(5))
    random = Random(0)

    def change(seed: int) -> Callable[[int], None]:
        of_thread = Random(seed)

        def in_round(_: int) -> None:
            for _ in range(of_thread.randrange(1, 8)):
                one, other = of_thread.sample(everybody, 2)
                of_thread.choice([follow, follow, unfollow])(one, other)
                if of_thread.random() < 0.2:
                    Timeline(one).save(JoinAction(actor=one))

        return in_round

    def crash(_: int) -> None:
        if random.random() < 0.6:
            save(mortal)
        come_back(mortal)

    for one in everybody[:2]:  # both models are there from the first snapshot on
        follow(one, everybody[2])
        Timeline(one).save(JoinAction(actor=one))
    save(mortal)
    for seed in range(rounds(3, 2)):
        in_rounds(1, change(2 * seed), change(2 * seed + 1), crash)
        drain_all(using="default")  # what was recorded while the server was down
        with transaction.atomic() if random.random() < 0.3 else nullcontext():
            assert [answers(one) for one in everybody] == [expected(one) for one in everybody]
    assert differences() == []


def answers(one: User) -> Any:
    return (
        sorted(other.pk for other, _ in get_followers(one)),
        get_followers_count(one),
        get_followings_count(one),
        {str(action.uid) for action in Timeline(one).get_public()},
        {str(action.uid) for action in Timeline(one).get_private()},
    )


def expected(one: User) -> Any:
    """What the log says."""
    live = Event.objects.current().filter(type="followed")
    followers = sorted(int(pk) for pk in live.filter(target_object_id=one.pk).values_list("actor_object_id", flat=True))
    followed = [int(pk) for pk in live.filter(actor_object_id=one.pk).values_list("target_object_id", flat=True)]

    def published(*actors: int) -> set[str]:
        saved = Event.objects.filter(type="action_saved", actor_object_id__in=actors)
        return {str(uid) for uid in saved.values_list("stream", flat=True)}

    return followers, len(followers), len(followed), published(one.pk), published(one.pk, *followed)
