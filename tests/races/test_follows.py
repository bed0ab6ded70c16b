"""Follows and unfollows of the same resources, at once."""

from functools import partial
from math import isqrt
from random import Random

import pytest
from django.dispatch import Signal

from sequere.api import changes
from sequere.exceptions import IdempotencyConflict
from sequere.log.models import Event
from sequere.models import (
    follow,
    follow_many,
    get_followers_count,
    get_followings_count,
    get_friends,
    get_friends_count,
    is_following,
    unfollow,
    unfollow_many,
)
from sequere.registry import registry
from sequere.relations.key import RelationKey
from sequere.relations.types import FOLLOWED, UNFOLLOWED
from sequere.signals import followed, unfollowed
from tests.factories import UserFactory
from tests.races.concurrently import concurrently, in_rounds
from tests.races.outcome import differences
from tests.rounds import rounds
from tests.testapp.models import User

pytestmark = pytest.mark.django_db(transaction=True)


def users(number: int) -> list[User]:
    return User.objects.bulk_create(UserFactory.build_batch(number))


def test_one_of_simultaneous_follows_of_a_pair_is_recorded():
    number = rounds(10, 4)
    thoas, *newbies = users(1 + number)

    outcomes = in_rounds(number, *[lambda n: follow(newbies[n], thoas)] * 6)

    assert [sum(event is not None for event in outcome) for outcome in outcomes] == [1] * number
    assert Event.objects.count() == get_followers_count(thoas) == number
    assert differences() == []


def test_simultaneous_follows_and_unfollows_of_one_pair_take_turns():
    newbie, thoas = users(2)

    outcomes = in_rounds(
        rounds(17, 4),
        *[lambda _: follow(newbie, thoas)] * 2,
        *[lambda _: unfollow(newbie, thoas)] * 2,
    )

    recorded = sorted((event.version, event.type) for outcome in outcomes for event in outcome if event)
    assert recorded == [(n + 1, (FOLLOWED, UNFOLLOWED)[n % 2]) for n in range(len(recorded))]
    following = len(recorded) % 2
    assert (is_following(newbie, thoas), get_followers_count(thoas)) == (bool(following), following)
    assert differences() == []


def test_a_celebrity_followed_by_many_at_once_has_the_right_count():
    number, threads = rounds(9, 2), 8
    thoas, *newbies = users(1 + number * threads)

    def follow_in_turn(position: int, n: int) -> None:
        newbie = newbies[n * threads + position]
        follow(newbie, thoas)
        if n % 2:
            unfollow(newbie, thoas)

    in_rounds(number, *(partial(follow_in_turn, position) for position in range(threads)))

    staying = (number - number // 2) * threads
    assert (get_followers_count(thoas), thoas.get_followers().count()) == (staying, staying)
    assert len(thoas.get_followers()) == staying
    assert differences() == []


def test_simultaneous_mutual_follows_make_friends():
    number = rounds(50, 4)
    thoas, newbies = users(number), users(number)

    in_rounds(
        number,
        lambda n: follow(thoas[n], newbies[n]),
        lambda n: follow(newbies[n], thoas[n]),
    )

    assert [friend for user in thoas for friend, _ in get_friends(user)] == newbies
    assert [friend for user in newbies for friend, _ in get_friends(user)] == thoas
    assert sum(get_friends_count(user) for user in thoas + newbies) == 2 * number
    assert differences() == []


def test_an_unfollow_while_the_other_follows_back_leaves_no_friends():
    number = rounds(20, 3)
    thoas, newbies = users(number), users(number)
    follow_many(zip(thoas, newbies, strict=True))

    in_rounds(
        number,
        lambda n: unfollow(thoas[n], newbies[n]),
        lambda n: follow(newbies[n], thoas[n]),
    )

    assert [get_friends_count(user) for user in thoas + newbies] == [0] * 2 * number
    assert [get_followers_count(user) for user in thoas] == [1] * number
    assert differences() == []


def test_simultaneous_unfollows_end_a_friendship_once():
    number = rounds(17, 3)
    thoas, newbies = users(number), users(number)
    follow_many([*zip(thoas, newbies, strict=True), *zip(newbies, thoas, strict=True)])

    in_rounds(
        number,
        lambda n: unfollow(thoas[n], newbies[n]),
        lambda n: unfollow(newbies[n], thoas[n]),
        lambda n: unfollow(thoas[n], newbies[n]),
    )

    assert [get_friends_count(user) for user in thoas + newbies] == [0] * 2 * number
    assert Event.objects.filter(type=UNFOLLOWED).count() == 2 * number
    assert differences() == []


def test_simultaneous_calls_send_one_signal():
    """No thread announces what another has recorded."""
    number = rounds(7, 3)
    thoas, newbies = users(number), users(number)
    heard: list[tuple[Signal, User, User]] = []

    def hear(signal: Signal, from_instance: User, to_instance: User, **_: object) -> None:
        heard.append((signal, from_instance, to_instance))

    for signal in (followed, unfollowed):
        signal.connect(hear)
    try:
        in_rounds(number, *[lambda n: follow(thoas[n], newbies[n])] * 3)
        in_rounds(number, *[lambda n: unfollow(thoas[n], newbies[n])] * 3)
    finally:
        for signal in (followed, unfollowed):
            signal.disconnect(hear)

    pairs = list(zip(thoas, newbies, strict=True))
    assert heard == [(followed, *pair) for pair in pairs] + [(unfollowed, *pair) for pair in pairs]


def test_overlapping_imports_in_different_orders_do_not_deadlock(monkeypatch):
    monkeypatch.setattr(changes, "PAIRS_PER_TRANSACTION", 40)  # many small transactions meet more often
    everybody = users(isqrt(rounds(192, 33)))  # each follows all others
    pairs = [(one, other) for one in everybody for other in everybody if one != other]

    def import_shuffled(seed: int) -> int:
        return follow_many(Random(seed).sample(pairs, len(pairs)))

    new = concurrently(*(partial(import_shuffled, seed) for seed in range(4)))

    assert sum(new) == Event.objects.count() == len(pairs)
    others = len(everybody) - 1
    for user in everybody:
        counts = (get_followers_count(user), get_followings_count(user), get_friends_count(user))
        assert counts == (others, others, others)
    assert differences() == []


def test_simultaneous_imports_and_removals_keep_to_the_log(monkeypatch):
    monkeypatch.setattr(changes, "PAIRS_PER_TRANSACTION", 25)
    everybody = users(isqrt(rounds(85, 21)))
    pairs = [(one, other) for one in everybody for other in everybody if one != other]

    def many(change, seed: int) -> int:
        return change(Random(seed).sample(pairs, len(pairs)))

    new = concurrently(*(partial(many, change, seed) for seed in range(2) for change in (follow_many, unfollow_many)))

    live = [pair for pair in pairs if is_following(*pair)]
    assert sum(new) == Event.objects.count()
    assert sum(get_followers_count(user) for user in everybody) == len(live)
    assert differences() == []


def test_one_idempotency_key_in_several_threads_is_one_event():
    number = rounds(9, 4)
    newbies, thoas = users(number), users(number)

    outcomes = in_rounds(number, *[lambda n: follow(newbies[n], thoas[n], idempotency_key=f"request {n}")] * 5)

    stored = {
        RelationKey(*map(registry.key_of, pair)).stream: n for n, pair in enumerate(zip(newbies, thoas, strict=True))
    }
    by_round = {stored[event.stream]: event for event in Event.objects.all()}
    assert len(by_round) == Event.objects.count() == number
    assert outcomes == [[by_round[n]] * 5 for n in range(number)]
    assert differences() == []


def test_one_idempotency_key_for_two_pairs_is_a_conflict_for_the_later_pair():
    number = rounds(10, 3)
    thoas, *newbies = users(1 + 2 * number)

    def follow_with_key(newbie: User, n: int) -> str:
        try:
            return "recorded" if follow(newbie, thoas, idempotency_key=f"request {n}") else "no news"
        except IdempotencyConflict:
            return "conflict"

    outcomes = in_rounds(
        number,
        lambda n: follow_with_key(newbies[2 * n], n),
        lambda n: follow_with_key(newbies[2 * n + 1], n),
    )

    assert [sorted(outcome) for outcome in outcomes] == [["conflict", "recorded"]] * number
    assert get_followers_count(thoas) == number
    assert differences() == []
