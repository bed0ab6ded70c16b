"""Points in time of any year, as scores."""

from datetime import UTC, datetime, timedelta

import pytest

from sequere.contrib.timeline import Timeline
from sequere.models import follow_many, get_followings
from sequere.redis.scores import from_score, to_score
from tests.races.outcome import differences
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction

MICROSECOND = timedelta(microseconds=1)
DAY = timedelta(days=1)
FIRST, LAST = datetime.min.replace(tzinfo=UTC) + DAY, datetime.max.replace(tzinfo=UTC) - DAY
MOMENTS = [
    FIRST,
    FIRST + MICROSECOND,
    datetime(1700, 1, 1, microsecond=1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2200, 1, 1, microsecond=1, tzinfo=UTC),
    datetime(3000, 1, 1, microsecond=1, tzinfo=UTC),
    LAST - 17 * MICROSECOND,
    LAST,
]


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_a_score_converts_to_a_moment_with_the_same_score(moment: datetime) -> None:
    score = to_score(moment)

    assert float(score) == score
    assert abs(from_score(score) - moment) <= 16 * MICROSECOND
    assert to_score(from_score(score)) == score


@pytest.mark.django_db
@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_follows_actions_and_read_marks_may_be_of_any_year(thoas: User, newbie: User, moment: datetime) -> None:
    follow_many([(newbie, thoas, moment)])
    actions = [JoinAction(actor=thoas, date=moment) for _ in range(2)]
    for action in actions:
        Timeline(thoas).save(action)
    timeline = Timeline(newbie)

    page = timeline.get_private().page(size=1)
    next_page = timeline.get_private().page(size=1, cursor=page.next_cursor)
    timeline.mark_as_read(moment)

    assert [one for one, _ in get_followings(newbie)] == [thoas]
    assert [action.uid for action in (*page, *next_page)] == [action.uid for action in reversed(actions)]
    assert timeline.get_unread_count() == 0
    assert differences() == []
