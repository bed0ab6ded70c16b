"""Lists and counts: their cost, and what they survive."""

from itertools import chain
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sequere.backends.base import get_backend
from sequere.backends.redis import rows
from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.models import (
    follow,
    follow_many,
    get_followers,
    get_followers_count,
    is_following,
    is_following_many,
    unfollow,
    unfollow_many,
)
from sequere.registry import registry
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from sequere.testing.contracts.base import follower_pages
from tests.factories import ProjectFactory, UserFactory
from tests.redis.counting import round_trips
from tests.redis.test_follow_keys import uids
from tests.statements import exactly
from tests.testapp.models import Project, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def fans(project: Project) -> list[User]:
    """Nine of them, newest first."""
    fans = UserFactory.create_batch(9)
    follow_many((fan, project, moment) for moment, fan in enumerate(fans, 1))
    return fans[::-1]


def test_costs(project: Project, fans: list[User], thoas: User) -> None:
    """A follow is two round trips."""
    newbie = UserFactory()

    with round_trips(1), exactly(0):
        assert get_followers_count(project) == 9
    with round_trips(1), exactly(0):
        assert is_following(fans[0], project)
    with round_trips(1), exactly(0):
        assert sum(is_following_many(fans[0], [project, *fans[1:]]).values()) == 1
    with round_trips(2), exactly(1):
        assert len(list(get_followers(project)[2:7])) == 5
    with round_trips(0), exactly(0):
        assert list(get_followers(project)[:0]) == []
    first = get_followers(project).page(2)
    with round_trips(2), exactly(1):
        assert [fan for fan, _ in get_followers(project).page(2, first.next_cursor)] == fans[2:4]
    with round_trips(1), exactly(0):
        assert sum(map(len, follower_pages(get_backend(), project))) == 9
    follow(thoas, newbie)
    # The timelines are sent what they need together with the follow.
    with round_trips(2):
        follow(thoas, fans[0])
    with round_trips(2):
        follow_many([(thoas, other) for other in UserFactory.create_batch(30)])
    with round_trips(0), exactly(1):
        follow(thoas, fans[0])


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has functions")
def test_a_follow_costs_two_statements_and_a_round_trip(thoas: User, newbie: User, project: Project) -> None:
    """Recording and applying together. The first ones create their shards and resources."""
    follow(newbie, project)
    follow(thoas, newbie)

    with round_trips(1), exactly(2):
        follow(thoas, project)
    with round_trips(1), exactly(2):
        unfollow(thoas, project)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has functions")
def test_follows_together_cost_three_statements_and_two_round_trips(
    thoas: User, newbie: User, project: Project
) -> None:
    for change in (follow_many, unfollow_many):
        change([(thoas, project), (newbie, thoas)])

    with round_trips(2), exactly(3):
        follow_many([(thoas, project), (newbie, thoas)])
    with round_trips(2), exactly(3):
        unfollow_many([(thoas, project), (newbie, thoas)])


def test_a_batch_costs_one_query_of_the_log(project: Project, fans: list[User]) -> None:
    events = list(Event.objects.all())

    with CaptureQueriesContext(connection) as captured, round_trips(2):
        get_backend().projector.apply(events, using="default")

    assert len(captured) == 1


@pytest.mark.parametrize("desc", [True, False])
def test_a_streamed_list_continues_after_its_last_row(
    project: Project, fans: list[User], desc: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither new rows nor removed ones shift the rows still to come."""
    monkeypatch.setattr(rows, "FOLLOWS_PER_PAGE", 2)
    expected = fans if desc else fans[::-1]
    stream = get_followers(project, desc=desc).iterator(2)

    seen = [next(stream)[0] for _ in range(2)]
    follow(UserFactory(), project, timestamp=100 if desc else -100)
    unfollow(seen[0], project)
    unfollow(seen[1], project)
    unfollow(expected[2], project)
    seen += [fan for fan, _ in stream]

    assert seen == [*expected[:2], *expected[3:]]


@pytest.mark.parametrize("desc", [True, False])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_ties_are_read_once_although_the_last_one_is_gone(
    project: Project, desc: bool, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order of equal times is stable."""
    monkeypatch.setattr(rows, "FOLLOWS_PER_PAGE", size)
    fans = UserFactory.create_batch(12)
    follow_many((fan, project, 1) for fan in fans)
    order = [fan for fan, _ in get_followers(project, desc=desc)]
    assert sorted(fan.pk for fan in order) == sorted(fan.pk for fan in fans)

    seen = []
    for fan, _ in get_followers(project, desc=desc).iterator(size):
        seen.append(fan)
        unfollow(fan, project)

    assert seen == order


def test_the_follows_of_an_import_keep_its_order(project: Project) -> None:
    """Although they have the same time."""
    fans = UserFactory.create_batch(12)

    follow_many((fan, project) for fan in fans)

    assert [fan for fan, _ in get_followers(project)] == fans[::-1]


def test_slices_are_those_of_a_list(project: Project, fans: list[User]) -> None:
    """Nothing sends a negative LIMIT, which would mean no limit."""
    whole = list(get_followers(project))

    for start in (None, 0, 1, 8, 9, 12, -1, -4, -12):
        for stop in (None, 0, 1, 8, 9, 12, -1, -4, -12):
            assert list(get_followers(project)[start:stop]) == whole[start:stop]


def test_a_missing_name_hides_one_row(client: Any, project: Project, fans: list[User]) -> None:
    """The rest of the page is shown."""
    client.delete(f"sequere:uid::{client.get(f'sequere:uid:user:{fans[3].pk}')}")

    followers = get_followers(project)

    assert [fan for fan, _ in followers] == [*fans[:3], *fans[4:]]
    assert (followers.hidden, followers.count()) == (1, 9)
    assert sum(map(len, follower_pages(get_backend(), project))) == 8
    rebuild("follows")
    assert [fan for fan, _ in get_followers(project)] == fans


def test_more_followers_than_a_page_and_more_than_a_small_set_holds(client: Any, project: Project) -> None:
    """Beyond 128 members the server uses another encoding, and scans it in parts."""
    fans = User.objects.bulk_create(UserFactory.build_batch(2500))
    follow_many((fan, project, moment) for moment, fan in enumerate(fans))

    with round_trips(4):
        assert [fan for fan, _ in get_followers(project)] == fans[::-1]
    pages = follower_pages(get_backend(), project)
    assert len(pages) in {2, 3}
    assert {*chain.from_iterable(pages)} == {str(registry.key_of(fan)) for fan in fans}
    assert get_followers_count(project, identifier="user") == 2500
    client.set(f"sequere:uid:{uids(project)[0]}:followers:count", 3)
    assert rebuild("follows").wrong == 1
    assert verify("follows").wrong == 0
    assert get_followers_count(project) == 2500


def test_a_walk_over_followers_leaves_a_small_set_small(client: Any, project: Project, fans: list[User]) -> None:
    """SORT would convert it to a skip list, several times as large, for good."""
    key = f"sequere:uid:{client.get(f'sequere:uid:project:{project.pk}')}:followers"

    (names,) = follower_pages(get_backend(), project)

    assert names == [str(registry.key_of(fan)) for fan in fans[::-1]]
    assert client.object("encoding", key) == "listpack"


@pytest.mark.parametrize("kinds", [["user"], ["user", "project"]])
@pytest.mark.parametrize("size", [10, 300])
def test_a_walk_over_followers_leaves_out_followers_without_a_name(
    client: Any, project: Project, size: int, kinds: list[str]
) -> None:
    """In a large set, followers of a single kind are named in another way."""
    fans = [ResourceKey(kinds[number % len(kinds)], f"{10**6 + number}") for number in range(size)]
    follow_many((fan, project) for fan in fans)
    client.delete(f"sequere:uid::{client.get(f'sequere:uid:{fans[3]}')}")

    assert follower_pages(get_backend(), project) == [[str(fan) for fan in fans if fan != fans[3]]]


@pytest.mark.parametrize("size", [9, 300])
def test_a_walk_over_followers_starts_again_if_it_has_begun_in_another_log(
    project: Project, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """There, another resource had another uid."""
    monkeypatch.setattr("sequere.backends.redis.followers.FOLLOWER_NAMES_PER_PAGE", size // 3 + 1)
    fans = User.objects.bulk_create(UserFactory.build_batch(size))
    follow_many((fan, project, 0) for fan in fans)
    backend, key = get_backend(), registry.key_of(project)
    _, *place = backend.follower_page(key).next or ()

    names: set[str] = set()
    next_: list[Any] | None = ["0", *place]
    while next_:
        with round_trips(1):
            page = backend.follower_page(key, next_)
        names |= {*page.names}
        next_ = page.next

    assert names == {str(registry.key_of(fan)) for fan in fans}


@pytest.mark.parametrize("size", [9, 300])
def test_a_walk_over_followers_continues_after_the_last_follower(
    project: Project, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Whether that follower is gone or follows again; followers with the same time may be repeated."""
    monkeypatch.setattr("sequere.backends.redis.followers.FOLLOWER_NAMES_PER_PAGE", size // 3)
    fans = User.objects.bulk_create(UserFactory.build_batch(size))
    follow_many((fan, project, number // 2) for number, fan in enumerate(fans))
    backend, key = get_backend(), registry.key_of(project)
    by_name = {str(registry.key_of(fan)): fan for fan in fans}

    first = backend.follower_page(key)
    last = by_name[first.names[-1]]
    unfollow(last, project)
    second = backend.follower_page(key, first.next)
    last_again = by_name[second.names[-1]]
    unfollow(last_again, project)
    follow(last_again, project)
    seen = [*first.names, *second.names]
    page = second
    while page.next:
        page = backend.follower_page(key, page.next)
        seen += page.names

    assert {*seen} == {*by_name}
    assert len(seen) <= size + 3


def test_equal_keys_of_different_kinds(thoas: User) -> None:
    other = ProjectFactory(pk=thoas.pk)
    fan = UserFactory()
    follow(fan, thoas)
    follow(fan, other)

    assert is_following_many(fan, [thoas, other]) == {thoas: True, other: True}
    assert [get_followers_count(one) for one in (thoas, other)] == [1, 1]


def test_follows_of_the_distant_past_and_future(project: Project) -> None:
    """A timestamp of 0 is a time, too."""
    fans = UserFactory.create_batch(3)
    for fan, moment in zip(fans, (-10_000_000_000.000001, 0, 7_000_000_000.000001), strict=True):
        follow(fan, project, timestamp=moment)

    times = [moment.timestamp() for _, moment in get_followers(project, desc=False)]

    assert times == pytest.approx([-10_000_000_000.000001, 0, 7_000_000_000.000001], abs=1e-6)
    assert verify("follows").wrong == 0
