"""A lost read model is loaded from the log in bulk, while other processes go on writing."""

import re
import tracemalloc
from collections.abc import Callable, Iterator
from contextvars import Context
from random import Random
from threading import Event as Flag
from threading import Thread, current_thread
from typing import Any

import pytest
from django.db import connection, connections

import sequere
from sequere.backends.base import get_backend
from sequere.backends.redis import follows_by_uid, loading
from sequere.backends.redis.batches import RESOURCES
from sequere.backends.redis.scripts import LOAD_SIDES, WRITE_SIDES
from sequere.base import ModelBase, ResourceKey
from sequere.exceptions import ReadModelLost
from sequere.log.models import Event
from sequere.models import (
    QueuedEvent,
    Resource,
    follow,
    follow_many,
    get_followers_count,
    get_followings,
    get_friends,
    get_friends_count,
    is_following,
    unfollow,
    unfollow_many,
)
from sequere.redis.connection import Connection
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from tests.factories import PackageFactory, ProjectFactory, StrangerFactory, UserFactory
from tests.races.concurrently import in_rounds
from tests.races.outcome import differences
from tests.redis.test_follow_keys import everything
from tests.rounds import rounds
from tests.testapp.models import Project, Stranger, User

pytestmark = pytest.mark.django_db(transaction=True)


#: Of a resource: its name, and what its writers have left.
HASH_FIELDS = {"identifier", "object_id", "token", "seen", "direct"}


def by_name(client: Any) -> dict[Any, Any]:
    """Everything stored, with names instead of uids, and without what fences writers."""
    stored = everything(client)
    names = {
        uid: (value["identifier"], value["object_id"])
        for key, value in stored.items()
        if isinstance(value, dict) and "identifier" in value
        for uid in [key.rpartition(":")[2]]
    }
    found: dict[Any, Any] = {}
    for key, value in stored.items():
        _, _, *rest = key.split(":")
        if isinstance(value, dict) and not rest[0]:
            found["name", names[rest[-1]]] = {"identifier", "object_id"} <= value.keys() <= HASH_FIELDS
        elif key.startswith("sequere:uid:") and rest[0] in names:
            what = {names[uid]: score for uid, score in value.items()} if isinstance(value, dict) else value
            found[names[rest[0]], *rest[1:]] = what
        elif key.startswith("sequere:uid:"):
            found[key] = names[value]
    return found


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follows_by_uid, "ROWS_PER_FETCH", 3)
    monkeypatch.setattr(follows_by_uid, "MEMBERS_PER_ROW", 2)
    monkeypatch.setattr(loading, "MEMBERS_PER_LOAD", 2)
    monkeypatch.setattr(loading, "LOADS_AT_ONCE", 2)
    monkeypatch.setattr(RESOURCES, "size", 2)


@pytest.fixture
def counted() -> Iterator[type[Stranger]]:
    """Models of the kind "count"."""

    class Count(ModelBase):
        identifier = "count"

    sequere.register(Stranger, Count)
    yield Stranger
    sequere.unregister(Stranger)


@pytest.fixture
def site(counted: type[Stranger]) -> list[Any]:
    """Everything that can happen to follows."""
    random = Random(1)
    everybody = [
        *UserFactory.create_batch(4),
        *ProjectFactory.create_batch(2),
        PackageFactory(name="followers"),
        PackageFactory(name="followers:count"),
        *(StrangerFactory() for _ in range(2)),
    ]
    for _ in range(4):
        pairs = [(one, other) for one in everybody for other in everybody if one is not other]
        follow_many(random.sample(pairs, 60))
        unfollow_many(random.sample(pairs, 40))
        comes_and_goes = UserFactory()
        follow(comes_and_goes, everybody[0])
        follow(everybody[1], comes_and_goes)
        again = User(pk=comes_and_goes.pk, username=comes_and_goes.username)
        comes_and_goes.delete()
        again.save(force_insert=True)
    follow(again, everybody[2])
    return everybody


@pytest.mark.parametrize("is_lost_by", ["flushall", "reset"])
@pytest.mark.parametrize("pages", ["large", "small"])
def test_a_load_has_the_result_of_applying_event_by_event(
    client: Any, site: list[Any], is_lost_by: str, pages: str, request: pytest.FixtureRequest
) -> None:
    if pages == "small":
        request.getfixturevalue("small_pages")
    before = by_name(client)
    lose: dict[str, Callable[[], Any]] = {"flushall": client.flushall, "reset": lambda: get_backend().reset("default")}
    lose[is_lost_by]()

    report = rebuild("follows")

    assert by_name(client) == before
    assert report.checked == Resource.objects.count()
    assert report.wrong == sum(len(get_followings(one)) for one in (*site, *User.objects.exclude(pk__in=_pks(site))))
    assert verify("follows", on_difference=print).wrong == 0


def _pks(site: list[Any]) -> list[Any]:
    return [one.pk for one in site if isinstance(one, User)]


def test_wrong_data_is_corrected(client: Any, site: list[Any], thoas: User) -> None:
    """For example, after a rebuild was killed, or keys were evicted."""
    before = by_name(client)
    client.delete("sequere:global:built:follows")
    random = Random(2)
    for key in sorted(client.scan_iter("sequere:uid:*")):
        if client.type(key) == "zset":
            random.choice([client.delete, lambda key: client.zadd(key, {"1": 5, "4711": 5}), lambda key: None])(key)
        elif re.match(r"sequere:uid:\d+:.*count$", key):
            random.choice([client.delete, client.incr, lambda key: None])(key)
    client.zadd("sequere:uid:9999:followers", {"1": 5})
    client.hset("sequere:uid::9999", mapping={"identifier": "user", "object_id": "404"})

    rebuild("follows")

    assert by_name(client) == before
    assert verify("follows", on_difference=print).wrong == 0


def test_a_log_without_follows_is_loaded(client: Any, thoas: User, project: Project) -> None:
    follow(thoas, project)
    unfollow(thoas, project)
    client.flushall()

    assert rebuild("follows").wrong == 0

    assert (get_followers_count(project), list(get_followings(thoas))) == (0, [])
    assert verify("follows").wrong == 0


def test_a_celebrity_is_loaded_in_parts(client: Any, thoas: User, newbie: User) -> None:
    fans = [ResourceKey("user", str(number)) for number in range(10**6, 10**6 + 2_500)]
    follow_many([*((fan, thoas) for fan in fans), *((thoas, fan) for fan in fans[:1_200])])
    follow_many([(newbie, thoas), (thoas, newbie)])
    before = by_name(client)
    client.flushall()
    client.config_resetstat()

    rebuild("follows")

    assert by_name(client) == before
    assert get_friends_count(thoas) == 1_201


def test_progress_is_reported(client: Any, site: list[Any], small_pages: None) -> None:
    client.flushall()
    told: list[tuple[str, int, int]] = []

    report = rebuild("follows", progress=lambda *done: told.append(done))

    told = [one for one in told if one[0] != "types of keys"]  # which come first, and are not counted
    assert {name for name, _, _ in told} == {"resources"}
    assert all(0 < done <= total for _, done, total in told)
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert told[-1][1:] == (report.checked, report.checked)


class Killed(BaseException):
    """The process is gone: no except clause of ours may catch it."""


@pytest.mark.parametrize("after", range(1, 14, 2))
def test_a_killed_load_can_be_run_again(
    client: Any, site: list[Any], small_pages: None, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    before = by_name(client)
    client.flushall()
    sent = 0
    with monkeypatch.context() as patch:
        redis = get_backend().projector._model.connection
        send = redis._send

        def die(commands: Any) -> Any:
            nonlocal sent
            sent += 1
            if sent > after:
                raise Killed
            return send(commands)

        patch.setattr(redis, "_send", die)
        with pytest.raises(Killed):
            rebuild("follows")
    with pytest.raises(ReadModelLost):
        is_following(site[0], site[1])
    follow(*UserFactory.create_batch(2))

    rebuild("follows")

    assert before.items() <= {**by_name(client)}.items()
    assert verify("follows", on_difference=print).wrong == 0


def test_a_server_that_is_emptied_in_the_middle_is_noticed(client: Any, site: list[Any], small_pages: None) -> None:
    for number in range(1, 12):
        client.flushall()
        calls = 0

        def empty(*_: Any, last: int = number) -> None:
            nonlocal calls
            calls += 1
            if calls == last:
                client.flushall()
                follow(*UserFactory.create_batch(2))

        with pytest.raises(ReadModelLost):
            rebuild("follows", progress=empty)
        with pytest.raises(ReadModelLost):
            is_following(site[0], site[1])

    rebuild("follows")
    assert verify("follows", on_difference=print).wrong == 0


def interrupt(monkeypatch: pytest.MonkeyPatch, before: Any, once: Callable[[], Any]) -> None:
    """Call a function once, before the first call of a script, as another process would."""
    redis = get_backend().projector._model.connection
    send = redis._send
    left = [once]

    def interrupted(commands: Any) -> Any:
        if left and any(command[0] == "EVALSHA" and command[1] is before for command in commands):
            Context().run(left.pop())
        return send(commands)

    monkeypatch.setattr(redis, "_send", interrupted)


def test_events_recorded_between_reading_and_writing_are_neither_missed_nor_overwritten(
    client: Any, thoas: User, newbie: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    friend, stranger = UserFactory.create_batch(2)
    follow_many([(thoas, project), (newbie, project), (newbie, thoas)])
    follow(friend, project)
    client.flushall()

    def meanwhile() -> None:
        unfollow(thoas, project)
        follow(thoas, newbie)
        follow(stranger, thoas)  # stranger has no name yet
        unfollow(friend, project)
        follow(friend, project, timestamp=5)

    interrupt(monkeypatch, LOAD_SIDES, meanwhile)
    rebuild("follows")

    assert not is_following(thoas, project)
    assert is_following(stranger, thoas)
    assert [one for one, _ in get_friends(thoas)] == [newbie]
    assert (get_followers_count(project), get_followers_count(thoas)) == (2, 2)
    assert verify("follows", on_difference=print).wrong == 0
    assert not QueuedEvent.objects.exists()


def test_a_resource_whose_follows_end_meanwhile_is_empty(
    client: Any, thoas: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow_many([(thoas, project)])
    client.flushall()

    interrupt(monkeypatch, LOAD_SIDES, lambda: unfollow(thoas, project))
    rebuild("follows")

    assert (get_followers_count(project), list(get_followings(thoas))) == (0, [])
    assert verify("follows", on_difference=print).wrong == 0


def test_two_loads_at_once_do_not_interfere(client: Any, site: list[Any], small_pages: None) -> None:
    before = by_name(client)
    for _ in range(rounds(1, 1)):
        client.flushall()

        in_rounds(1, lambda _: rebuild("follows"), lambda _: rebuild("follows"))

        assert by_name(client) == before


@pytest.mark.skipif(connection.vendor != "postgresql", reason="on SQLite nobody else draws while somebody drains")
def test_a_drain_with_an_older_token_is_refused_and_draws_another(
    client: Any, thoas: User, newbie: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(newbie, project)
    follow(thoas, newbie)
    client.flushall()
    has_drawn, may_write = Flag(), Flag()
    send = Connection._send
    errors: list[Exception] = []

    def late() -> None:
        try:
            follow(thoas, project)
        except Exception as error:  # noqa: BLE001
            errors.append(error)
        finally:
            connections.close_all()

    thread = Thread(target=late)
    writes = 0

    def send_when_told(self: Connection, commands: Any) -> Any:
        nonlocal writes
        if current_thread() is thread and any(
            command[0] == "EVALSHA" and command[1] is WRITE_SIDES for command in commands
        ):
            writes += 1
            has_drawn.set()
            assert may_write.wait(30)
        return send(self, commands)

    monkeypatch.setattr(Connection, "_send", send_when_told)
    thread.start()
    assert has_drawn.wait(30)

    rebuild("follows")
    assert is_following(thoas, project)
    may_write.set()
    thread.join(30)

    assert writes == 2
    assert errors == []
    assert not QueuedEvent.objects.exists()
    assert get_followers_count(project) == 2
    assert verify("follows", on_difference=print).wrong == 0


@pytest.mark.parametrize("size", ["as it is", "in small pages"])
def test_writers_continue_during_a_load(client: Any, size: str, request: pytest.FixtureRequest) -> None:
    everybody = UserFactory.create_batch(12)
    keys = [ResourceKey("user", str(number)) for number in range(10**6, 10**6 + 100)]
    random = Random(0)
    follow_many((one, other) for one in keys for other in random.sample(keys, 5) if one != other)
    follow_many((one, other) for one in keys for other in everybody[:3])
    if size != "as it is":
        request.getfixturevalue("small_pages")

    def write(seed: int) -> Callable[[int], None]:
        mine = Random(seed)

        def in_round(_: int) -> None:
            for _ in range(rounds(9, 2)):
                one, other = mine.sample(everybody, 2)
                mine.choice([follow, follow, unfollow])(one, mine.choice([other, mine.choice(keys)]))

        return in_round

    def load(_: int) -> None:
        get_backend().reset("default")
        rebuild("follows")

    for round_ in range(rounds(1, 1)):
        in_rounds(1, write(3 * round_), write(3 * round_ + 1), write(3 * round_ + 2), load)

        assert not QueuedEvent.objects.exists()
        assert differences() == []


def test_memory_does_not_grow_with_the_follows(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follows_by_uid, "ROWS_PER_FETCH", 100)
    monkeypatch.setattr(loading, "LOADS_AT_ONCE", 1)
    monkeypatch.setattr(RESOURCES, "size", 20)
    monkeypatch.setattr("psycopg._queries.MAX_CACHED_STATEMENT_LENGTH", 0)  # its cache would grow

    def peak(people: int) -> int:
        keys = [ResourceKey("user", str(number)) for number in range(10**6, 10**6 + people)]
        random = Random(0)
        follow_many((one, other) for one in keys for other in random.sample(keys, 8) if one != other)
        client.flushall()
        tracemalloc.start()
        rebuild("follows")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(50)
    small, large = peak(100), peak(400)

    assert Event.objects.count() > 3_000
    assert large < 2 * small  # of four times as many; the slices of the rebuild grow
