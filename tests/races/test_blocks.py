"""Blocks, and what they refuse, at once."""

from contextlib import suppress
from functools import partial

import pytest

from sequere.contrib.timeline import Timeline
from sequere.exceptions import Blocked
from sequere.models import block, follow, follow_many, get_friends_count, is_blocked, is_following, unblock
from tests.factories import UserFactory
from tests.races.concurrently import in_rounds
from tests.races.outcome import differences
from tests.rounds import rounds
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db(transaction=True)


def users(number: int) -> list[User]:
    return User.objects.bulk_create(UserFactory.build_batch(number))


def follow_if_one_may(one: User, other: User, scope: str = "") -> None:
    with suppress(Blocked):
        follow(one, other, scope=scope)


def test_nobody_follows_one_who_has_blocked_them() -> None:
    """In no scope, not in one that is new, and nothing of the other stays in a timeline."""
    number = rounds(12, 4)
    thoas, newbies = users(number), users(number)

    def publish(n: int) -> None:
        Timeline(thoas[n]).save(JoinAction(actor=thoas[n]))

    in_rounds(
        number,
        lambda n: follow_if_one_may(newbies[n], thoas[n]),
        lambda n: follow_if_one_may(thoas[n], newbies[n]),
        lambda n: follow_if_one_may(newbies[n], thoas[n], f"scope {n}"),
        lambda n: follow_many([(newbies[n], thoas[n])], scope="watch"),
        lambda n: block(thoas[n], newbies[n]),
        lambda n: block(newbies[n], thoas[n]),
        publish,
    )

    assert all(map(is_blocked, thoas, newbies))
    for n, (one, other) in enumerate(zip(thoas, newbies, strict=True)):
        for scope in ("", "watch", f"scope {n}"):
            asked = partial(is_following, scope=scope)
            assert (asked(one, other), asked(other, one)) == (False, False)
        assert (get_friends_count(one), Timeline(other).get_private_count()) == (0, 0)
    assert differences() == []


def test_blocks_and_their_ends_take_turns() -> None:
    thoas, newbie = users(2)

    in_rounds(
        rounds(10, 3),
        *[lambda _: block(thoas, newbie)] * 2,
        *[lambda _: unblock(thoas, newbie)] * 2,
        lambda _: follow_if_one_may(newbie, thoas),
    )

    block(thoas, newbie)
    assert not is_following(newbie, thoas)
    assert differences() == []
