"""Friends: who follows, and is followed back."""

from datetime import UTC, datetime

import pytest

from sequere.base import ResourceKey
from sequere.models import (
    follow,
    get_followers_count,
    get_followings_count,
    get_friends,
    get_friends_count,
    is_following,
    unfollow,
)
from sequere.registry import registry
from tests.factories import ProjectFactory, UserFactory
from tests.statements import exactly
from tests.testapp.models import Project, User


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_who_follows_each_other_is_friends(thoas: User, newbie: User) -> None:
    follow(thoas, newbie, timestamp=1)

    follow(newbie, thoas, timestamp=2)

    assert (list(get_friends(thoas)), list(get_friends(newbie))) == ([(newbie, at(2))], [(thoas, at(2))])
    assert (get_friends_count(thoas), get_friends_count(newbie)) == (1, 1)


def test_a_friendship_began_with_the_later_follow(thoas: User, newbie: User) -> None:
    """R17: the time of the second call, whatever it said."""
    follow(thoas, newbie, timestamp=2)

    follow(newbie, thoas, timestamp=1)

    assert (list(get_friends(thoas)), list(get_friends(newbie))) == ([(newbie, at(2))], [(thoas, at(2))])


def test_one_follow_is_no_friendship(thoas: User, newbie: User) -> None:
    follow(thoas, newbie)

    assert (list(get_friends(thoas)), list(get_friends(newbie))) == ([], [])
    assert (get_friends_count(thoas), get_friends_count(newbie)) == (0, 0)


@pytest.mark.parametrize("who", ["thoas", "newbie"])
def test_a_friendship_ends_for_both_when_one_of_them_leaves(thoas: User, newbie: User, who: str) -> None:
    """D11: the other one stayed a friend. R3: counts fell below zero."""
    follow(thoas, newbie)
    follow(newbie, thoas)
    one, other = (thoas, newbie) if who == "thoas" else (newbie, thoas)

    unfollow(one, other)

    assert (list(get_friends(thoas)), list(get_friends(newbie))) == ([], [])
    assert (get_friends_count(thoas), get_friends_count(newbie)) == (0, 0)
    assert (is_following(one, other), is_following(other, one)) == (False, True)


def test_friends_part_and_meet_again(thoas: User, newbie: User) -> None:
    """Semantics, mutual flag."""
    follow(thoas, newbie, timestamp=1)
    follow(newbie, thoas, timestamp=2)
    unfollow(thoas, newbie, timestamp=3)
    unfollow(newbie, thoas, timestamp=4)
    parted = (get_friends_count(thoas), get_friends_count(newbie))
    follow(newbie, thoas, timestamp=5)

    follow(thoas, newbie, timestamp=6)

    assert parted == (0, 0)
    assert (list(get_friends(thoas)), list(get_friends(newbie))) == ([(newbie, at(6))], [(thoas, at(6))])


def test_a_list_of_friends_is_as_long_as_it_says(thoas: User, newbie: User, project: Project) -> None:
    """D5: count() was the number of followings, and a Paginator made empty pages."""
    follow(thoas, newbie)
    follow(newbie, thoas)
    follow(thoas, project)

    friends = get_friends(thoas)

    assert (friends.count(), len(friends), get_friends_count(thoas), get_followings_count(thoas)) == (1, 1, 1, 2)


def test_friends_of_one_kind(thoas: User, newbie: User, project: Project) -> None:
    for one, other in ((thoas, newbie), (thoas, project)):
        follow(one, other, timestamp=1)
        follow(other, one, timestamp=1)

    assert list(get_friends(thoas, identifier="project")) == [(project, at(1))]
    assert list(get_friends(thoas, identifier=User)) == [(newbie, at(1))]
    assert [get_friends_count(thoas, identifier=kind) for kind in (None, "project", User)] == [2, 1, 1]


@pytest.mark.django_db
def test_friends_are_in_the_order_of_their_friendships() -> None:
    thoas, *others = UserFactory.create_batch(4)
    for other, seconds in zip(others, (3, 1, 2), strict=True):
        follow(other, thoas, timestamp=0)
        follow(thoas, other, timestamp=seconds)

    newest_first = [friend for friend, _ in get_friends(thoas)]
    oldest_first = [friend for friend, _ in get_friends(thoas, desc=False)]

    assert newest_first == [others[0], others[2], others[1]]
    assert oldest_first == newest_first[::-1]


def test_the_same_key_of_another_kind_is_not_the_same_friend(db: None) -> None:
    thoas = UserFactory()
    user, project = UserFactory(pk=500), ProjectFactory(pk=500)
    follow(thoas, user)

    follow(project, thoas)

    assert (get_friends_count(thoas), get_friends_count(user), get_friends_count(project)) == (0, 0, 0)


@pytest.mark.database
def test_a_friendship_costs_two_queries_to_show_and_one_to_count(thoas: User) -> None:
    for friend in UserFactory.create_batch(3):
        follow(thoas, friend)
        follow(friend, thoas)

    with exactly(2):
        shown = len(get_friends(thoas))
    with exactly(1):
        counted = get_friends_count(thoas)

    assert (shown, counted) == (3, 3)


def test_counts_are_by_resource_and_not_by_event(thoas: User, newbie: User) -> None:
    """Semantics, counters: R1, R2, counts that drift away from the lists."""
    for _ in range(3):
        follow(thoas, newbie)
        follow(thoas, newbie)
        follow(newbie, thoas)
        unfollow(thoas, newbie)
        unfollow(thoas, newbie)

    key = registry.key_of(newbie)
    assert (get_followers_count(newbie), get_followings_count(newbie), get_friends_count(newbie)) == (0, 1, 0)
    assert get_followers_count(ResourceKey(*key)) == 0
