"""What lists have in common, suggestions, and questions about many: what they cost in the database."""

import pytest
from django.db import connection

from sequere.base import ResourceKey
from sequere.models import (
    are_friends_many,
    common_followers,
    counts_many,
    follow_many,
    followed_by_followings,
    followed_by_followings_count,
    is_following_many,
    is_friend,
    is_pending_many,
    suggest,
)
from tests.factories import UserFactory
from tests.statements import exactly
from tests.testapp.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.database]

THOUSAND = [ResourceKey("user", str(10**6 + n)) for n in range(1000)]


def test_questions_about_a_thousand_are_one_query(thoas: User) -> None:
    follow_many((thoas, one) for one in THOUSAND[:9])

    with exactly(4):
        assert sum(is_following_many(thoas, THOUSAND).values()) == 9
        assert not any(are_friends_many(thoas, THOUSAND).values())
        assert not any(is_pending_many(thoas, THOUSAND).values())
        assert [one.followers for one in counts_many(THOUSAND).values()][8:10] == [1, 0]
    with exactly(1):
        assert not is_friend(thoas, THOUSAND[0])


def test_what_lists_have_in_common_is_two_queries_and_its_instances(thoas: User, newbie: User) -> None:
    fans = [UserFactory() for _ in range(3)]
    follow_many((fan, one) for fan in fans for one in (thoas, newbie))

    with exactly(3):
        assert len(common_followers(thoas, newbie).page(2)) == 2
    with exactly(2):
        assert common_followers(thoas, newbie).count() == 3
    with exactly(2):
        assert fans[0] in common_followers(thoas, newbie)


def test_suggestions_are_one_query_and_their_instances(thoas: User, newbie: User) -> None:
    follow_many([(thoas, newbie), (newbie, UserFactory())])

    with exactly(2):
        assert len(suggest(thoas)) == 1


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite does not say how many rows it reads")
def test_followers_of_a_celebrity_are_not_read(thoas: User, newbie: User) -> None:
    """Only a lookup for each of the two whom newbie follows, though the celebrity has a thousand followers."""
    follow_many((one, thoas) for one in THOUSAND)
    follow_many((newbie, one) for one in THOUSAND[:2])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    before = _read()

    assert followed_by_followings_count(newbie, thoas) == 2
    assert len(followed_by_followings(newbie, thoas).page(2)) == 0, "nobody has a row"

    scans, rows = (after - then for after, then in zip(_read(), before, strict=True))
    assert (scans, rows <= 8) == (0, True)


def _read() -> tuple[int, int]:
    """How often this transaction has read all relations, and how many it has fetched by an index."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT seq_scan, idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'sequere_database_relation'"
        )
        scans, rows = cursor.fetchone()
        return scans, rows
