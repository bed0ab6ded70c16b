"""What lists have in common, suggestions, and questions about many: what they cost in Redis."""

import pytest

from sequere.base import ResourceKey
from sequere.models import (
    are_friends_many,
    common_followers,
    counts_many,
    follow_many,
    get_followers_count,
    is_following_many,
    suggest,
)
from tests.factories import UserFactory
from tests.redis.counting import round_trips
from tests.statements import exactly
from tests.testapp.models import User

pytestmark = pytest.mark.django_db(transaction=True)

MANY = [ResourceKey("user", str(10**6 + n)) for n in range(9000)]


def test_costs(thoas: User, newbie: User) -> None:
    fans = [UserFactory() for _ in range(3)]
    follow_many((fan, one) for fan in fans for one in (thoas, newbie))
    follow_many([(thoas, MANY[-1]), (thoas, newbie), (newbie, fans[0])])
    get_followers_count(thoas)  # the first read asks for the log

    with round_trips(3), exactly(0):
        assert [one for one, is_followed in is_following_many(thoas, MANY).items() if is_followed] == MANY[-1:]
        assert not any(are_friends_many(thoas, MANY).values())
        assert counts_many(MANY)[MANY[-1]].followers == 1
    with round_trips(2), exactly(1):
        assert len(common_followers(thoas, newbie).page(2)) == 2
    with round_trips(1), exactly(0):
        assert common_followers(thoas, newbie).count() == 3
    with round_trips(3), exactly(4):  # and the numbers of requests, blocks and mutes, and who is muted
        assert list(suggest(thoas)) == [(fans[0], 1)]
