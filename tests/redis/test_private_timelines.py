"""A private timeline that nobody reads is dropped, and refilled at the next read."""

from collections.abc import Callable
from itertools import takewhile
from math import inf
from typing import Any
from uuid import uuid4

import pytest
import redis
from django.db import connection

from sequere.contrib.timeline import Timeline
from sequere.log.recording import record_internal
from sequere.models import follow, follow_many, get_followers_count, get_followings_count, unfollow
from sequere.registry import registry
from sequere.replay.rebuilding import rebuild
from sequere_timeline import projector
from sequere_timeline.backends.base import get_backend
from sequere_timeline.backends.redis import filling
from sequere_timeline.intents import to_save
from tests.factories import ProjectFactory, UserFactory
from tests.races.concurrently import in_rounds, meanwhile
from tests.races.outcome import differences
from tests.redis.counting import round_trips
from tests.rounds import rounds
from tests.sequere_timeline.dates import october
from tests.statements import exactly
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction, LikeAction

pytestmark = pytest.mark.django_db


@pytest.fixture
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fan-out reaches all followers in one transaction, however busy the machine is."""
    monkeypatch.setitem(projector.SECONDS_AT_ONCE, "on_commit", inf)


def key_of(user: User) -> str:
    return f"sequere:timeline:private:user:{user.pk}"


def days(user: User) -> list[int]:
    """The days in October of the actions in a private timeline, oldest first."""
    return [action.date.day for action in Timeline(user).get_private(desc=False)]


def save(user: User, *dates: int) -> list[JoinAction]:
    actions = [JoinAction(actor=user, date=october(day)) for day in dates]
    for action in actions:
        Timeline(user).save(action)
    return actions


def test_nobody_finds_an_empty_timeline_after_an_absence(client: "redis.Redis", thoas: User, newbie: User) -> None:
    follow(newbie, thoas)
    save(thoas, 1)
    before = days(newbie)
    client.delete(key_of(newbie))

    save(thoas, 2)

    assert not client.exists(key_of(newbie))
    assert (before, days(newbie)) == ([1], [1, 2])


def test_a_stored_timeline_gets_new_actions_even_if_it_is_empty(
    client: "redis.Redis", thoas: User, newbie: User
) -> None:
    follow(newbie, thoas)
    empty = days(newbie)

    save(thoas, 1)

    assert empty == []
    assert client.zcard(key_of(newbie)) == 2
    assert days(newbie) == [1]


def test_a_timeline_is_refilled_completely(client: "redis.Redis", thoas: User, newbie: User) -> None:
    film = ProjectFactory()
    follow(newbie, thoas)
    follow(thoas, newbie)
    save(newbie, 1)
    save(thoas, 2)
    Timeline(newbie).save(like := LikeAction(actor=thoas, target=film, date=october(3)))
    Timeline(thoas).save(like)
    before = [(action, action.reasons) for action in Timeline(newbie).get_private()]

    client.delete(key_of(newbie))

    assert [(action, action.reasons) for action in Timeline(newbie).get_private()] == before
    assert [reasons for _, reasons in before] == [{"direct", "followed"}, {"followed"}, {"own"}]


def test_a_long_timeline_keeps_800_and_is_cut_when_it_has_more_than_850(
    no_hurry: None, client: "redis.Redis", thoas: User, newbie: User
) -> None:
    follow(newbie, thoas)
    Timeline(newbie).get_private_count()
    key = registry.key_of(thoas)
    record_internal(
        [to_save(JoinAction(actor=thoas, date=october(1, minute=n % 60)), uuid4(), key) for n in range(850)]
    )
    before = Timeline(newbie).get_private_count()

    Timeline(thoas).save(JoinAction(actor=thoas))

    assert (before, Timeline(newbie).get_private_count()) == (850, 800)
    assert list(Timeline(newbie).get_private()) == list(Timeline(thoas).get_public()[:800])
    assert Timeline(thoas).get_public_count() == 851
    client.delete(key_of(newbie))
    assert list(Timeline(newbie).get_private()) == list(Timeline(thoas).get_public()[:800])


def test_actions_older_than_the_last_cut_are_not_shown(settings: Any, thoas: User, newbie: User) -> None:
    """Otherwise a timeline shortened by deletions would have a gap."""
    settings.SEQUERE_TIMELINE_MAX_LENGTH = 3
    follow(newbie, thoas)
    Timeline(newbie).get_private_count()
    actions = save(thoas, *range(11, 20))
    for action in actions[-2:]:
        Timeline(thoas).delete(action)

    save(thoas, 1, 18)

    assert days(newbie) == [17, 18]
    assert Timeline(newbie).get_private_count() == 2
    assert [action.date.day for action in Timeline(newbie).get_private()[:5]] == [18, 17]
    assert differences() == []


def test_a_cut_action_with_the_date_of_the_oldest_entry_does_not_come_back(
    settings: Any, thoas: User, newbie: User
) -> None:
    settings.SEQUERE_TIMELINE_MAX_LENGTH = 32
    follow(newbie, thoas)
    first, *others = save(thoas, *[1] * 40)
    before = list(Timeline(newbie).get_private())

    Timeline(newbie).save(first)

    assert list(Timeline(newbie).get_private()) == before == others[: -32 - 1 : -1]
    assert differences() == []
    Timeline(newbie).save(others[-32])
    assert Timeline(newbie).get_private()[-1].reasons == {"direct", "followed"}


@pytest.mark.parametrize("removed", [0, 1])
def test_a_reader_filling_a_timeline_starts_again_if_an_action_is_withdrawn(
    thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch, removed: int
) -> None:
    follow(newbie, thoas)
    actions = save(thoas, 1, 2)
    interrupted(monkeypatch, lambda: Timeline(thoas).delete(actions[removed]))

    assert days(newbie) == [2 - removed]


def test_a_reader_filling_a_timeline_gets_an_action_published_meanwhile(
    thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(newbie, thoas)
    save(thoas, 1)
    interrupted(monkeypatch, lambda: save(thoas, 2))

    assert days(newbie) == [1, 2]


def test_a_reader_filling_a_timeline_starts_again_after_a_rebuild(
    client: "redis.Redis", thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have read a public timeline that was not right yet."""
    follow(newbie, thoas)
    save(thoas, 1)
    client.delete(f"sequere:timeline:public:user:{thoas.pk}")
    interrupted(monkeypatch, lambda: rebuild("timelines"))

    assert days(newbie) == [1]
    assert differences() == []


@pytest.mark.parametrize(("change", "seen"), [(unfollow, []), (lambda one, other: None, [1])])
def test_a_reader_filling_a_timeline_sees_a_follow_that_ends_meanwhile(
    thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch, change: Callable[..., Any], seen: list[int]
) -> None:
    follow(newbie, thoas)
    save(thoas, 1)
    interrupted(monkeypatch, lambda: change(newbie, thoas))

    assert days(newbie) == seen


def test_an_action_leaves_the_public_timeline_first(client: "redis.Redis", thoas: User, newbie: User) -> None:
    """Otherwise a timeline filled in between would keep it."""
    follow(newbie, thoas)
    (action,) = save(thoas, 1)
    Timeline(newbie).get_private_count()

    with client.monitor() as monitor:
        Timeline(thoas).delete(action)
        client.ping()
        commands = list(takewhile(lambda command: command != "PING", (one["command"] for one in monitor.listen())))

    removals = [command.split()[1] for command in commands if command.startswith("ZREM ")]
    first, *others = [key.split(":")[2] for key in removals]
    assert first == "public"
    assert "private" in others


def interrupted(monkeypatch: pytest.MonkeyPatch, what: Callable[[], Any]) -> None:
    """Do something after a timeline to be filled has been read, and before it is written."""
    read = filling.content
    left = [what]

    def read_and_wait(*arguments: Any) -> Any:
        content = read(*arguments)
        if left:
            left.pop()()
        return content

    monkeypatch.setattr(filling, "content", read_and_wait)


@pytest.mark.django_db(transaction=True)
def test_readers_fill_timelines_during_writes(client: "redis.Redis") -> None:
    thoas, *newbies = UserFactory.create_batch(4)
    live: list[JoinAction] = []

    def publish(_: int) -> None:
        live.append(action := JoinAction(actor=thoas))
        Timeline(thoas).save(action)

    def delete(_: int) -> None:
        if len(live) > 2:
            Timeline(thoas).delete(live.pop(0))

    def follow_or_unfollow(round_: int) -> None:
        (unfollow if round_ % 3 == 2 else follow)(newbies[round_ % 3], thoas)

    def look() -> None:
        for newbie in newbies:
            list(Timeline(newbie).get_private()[:5])
            client.delete(key_of(newbie))

    with meanwhile(look, look):
        in_rounds(rounds(14, 14), publish, delete, follow_or_unfollow)

    assert differences() == []
    for newbie in newbies:
        expected = {action.uid for action in live} if newbie.is_following(thoas) else set()
        assert {action.uid for action in Timeline(newbie).get_private()} == expected


def test_a_page_costs_two_round_trips_and_a_count_one(thoas: User, newbie: User) -> None:
    """Queries do not grow with the actions."""
    film = ProjectFactory()
    for user in UserFactory.create_batch(25):
        follow(newbie, user)
        Timeline(user).save(LikeAction(actor=user, target=film))
    timeline = Timeline(newbie)
    timeline.get_private_count(), timeline.get_unread_count()  # loads the scripts

    # The actors and the targets are of two classes.
    with round_trips(2), exactly(2):
        page = list(timeline.get_private(action=LikeAction, target=film)[:25])
    first = timeline.get_private().page(5)
    with round_trips(2), exactly(2):
        assert list(timeline.get_private().page(5, first.next_cursor)) == page[5:10]
    with round_trips(1), exactly(0):
        counts = timeline.get_private_count()
    with round_trips(1), exactly(0):
        unread = timeline.get_unread_count(target=film)
    with round_trips(1), exactly(0):
        marked = timeline.read_at

    assert (len(page), counts, unread, marked) == (25, 25, 25, None)


def test_a_count_costs_the_same_for_many_entries_as_for_few(
    no_hurry: None, client: "redis.Redis", thoas: User, newbie: User
) -> None:
    def work() -> list[int]:
        """The number of commands that the server runs for each count, those of scripts included."""
        numbers = []
        for count in (
            Timeline(newbie).get_private_count,
            Timeline(thoas).get_public_count,
            lambda: get_followers_count(thoas),
            lambda: get_followings_count(newbie, identifier="user"),
        ):
            client.config_resetstat()
            count()
            stats = client.info("commandstats")
            numbers.append(sum(one["calls"] for name, one in stats.items() if name != "cmdstat_config|resetstat"))
        return numbers

    follow(newbie, thoas)
    save(thoas, 1)
    Timeline(newbie).get_private_count()
    few = work()

    follow_many((user, thoas) for user in User.objects.bulk_create(UserFactory.build_batch(200)))
    key = registry.key_of(thoas)
    record_internal([to_save(JoinAction(actor=thoas, date=october(1)), uuid4(), key) for _ in range(500)])

    assert Timeline(newbie).get_private_count() == 501
    assert work() == few


@pytest.mark.parametrize(("followers", "trips"), [(0, 3), (999, 3), (2500, 7)])
def test_a_fan_out_costs_two_round_trips_per_thousand_followers(
    no_hurry: None, thoas: User, followers: int, trips: int
) -> None:
    """Not a round trip for each follower."""
    newbies = User.objects.bulk_create(UserFactory.build_batch(followers))
    follow_many((newbie, thoas) for newbie in newbies)
    for newbie in newbies[:: max(1, followers // 5)]:
        Timeline(newbie).get_private_count()
    save(thoas, 1)

    # A token; then the followers and the timelines, for each thousand.
    with round_trips(trips):
        save(thoas, 2)

    for newbie in newbies[:: max(1, followers // 5)]:
        assert days(newbie) == [1, 2]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has functions")
def test_an_action_costs_four_statements_and_three_round_trips(thoas: User, newbie: User) -> None:
    """Recording and applying together. The first one creates its shard and its name."""
    follow(newbie, thoas)
    save(thoas, 1)

    with round_trips(3), exactly(4):
        save(thoas, 2)


@pytest.mark.parametrize(("followers", "trips"), [(0, 4), (999, 4), (2500, 8)])
def test_a_deletion_costs_two_round_trips_per_thousand_followers(
    no_hurry: None, thoas: User, followers: int, trips: int
) -> None:
    newbies = User.objects.bulk_create(UserFactory.build_batch(followers))
    follow_many((newbie, thoas) for newbie in newbies)
    _, action = save(thoas, 1, 2)
    for newbie in newbies[:: max(1, followers // 5)]:
        Timeline(newbie).get_private_count()

    with round_trips(trips):
        Timeline(thoas).delete(action)

    for newbie in newbies[:: max(1, followers // 5)]:
        assert days(newbie) == [1]


def test_a_list_is_streamed_in_constant_memory_and_never_repeats_a_row(
    thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor when rows are inserted."""
    from sequere_timeline.backends.redis import backend

    monkeypatch.setattr(backend, "ENTRIES_AT_ONCE", 3)
    follow(newbie, thoas)
    actions = save(thoas, 1, 2, 2, 2, 2, 2, 3, 4)

    walk = Timeline(newbie).get_private().iterator(chunk_size=1)
    seen = [next(walk) for _ in range(4)]
    save(thoas, 5)
    Timeline(thoas).delete(seen[-1])
    seen += walk

    assert seen == actions[::-1]
    assert (
        list(Timeline(newbie).get_private(desc=False).iterator(chunk_size=1))[:3]
        == [action for action in actions if action != seen[3]][:3]
    )


@pytest.mark.parametrize("desc", [True, False])
def test_a_page_continues_after_the_previous_one_although_the_timeline_was_dropped(
    client: "redis.Redis", thoas: User, newbie: User, desc: bool
) -> None:
    follow(newbie, thoas)
    actions = save(thoas, 1, 2, 2, 2, 3)
    first = Timeline(newbie).get_private(desc=desc).page(3)

    client.delete(key_of(newbie))
    save(thoas, 4)
    second = Timeline(newbie).get_private(desc=desc).page(2, first.next_cursor)

    assert [*first, *second] == (actions[::-1] if desc else actions)


@pytest.mark.parametrize("desc", [True, False])
def test_a_stream_continues_among_more_equal_dates_than_it_reads_at_once(
    thoas: User, desc: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sequere_timeline.backends.redis.backend.ENTRIES_AT_ONCE", 3)
    actions = save(thoas, *[1] * 70)  # their ids, as texts, have digits, capitals and small letters
    seen = []

    for action in Timeline(thoas).get_private(desc=desc).iterator(chunk_size=3):
        seen.append(action)
        Timeline(thoas).delete(action)

    assert seen == (actions[::-1] if desc else actions)


def test_creating_a_backend_does_no_io(settings: Any) -> None:
    settings.SEQUERE_TIMELINE_BACKEND_OPTIONS = {"url": "redis://nowhere.invalid:1"}

    assert get_backend() is not None
