"""Relations as they were some time ago."""

from typing import Any

import pytest

from sequere.exceptions import InvalidCursor, InvalidTimestamp
from sequere.models import (
    Event,
    are_friends_many,
    follow,
    follow_many,
    get_followers,
    get_followers_count,
    get_followings,
    get_followings_count,
    get_friends,
    get_friends_count,
    is_followed_by,
    is_following,
    is_following_many,
    is_friend,
    unfollow,
)
from sequere.testing.contracts.base import at
from sequere.testing.contracts.pages import pages_of
from tests.factories import UserFactory
from tests.statements import exactly
from tests.testapp.models import Project, User

pytestmark = pytest.mark.django_db


def last() -> Event:
    return Event.objects.latest("id")


def test_the_past_is_what_was_true_then(thoas: User, newbie: User, project: Project) -> None:
    """At each event: the same as the present was."""
    steps: list[Any] = [
        lambda: follow(thoas, project, timestamp=at(1)),
        lambda: follow(newbie, project, timestamp=at(2)),
        lambda: follow(thoas, newbie, timestamp=at(9)),
        lambda: follow(newbie, thoas, timestamp=at(4)),
        lambda: unfollow(thoas, project),
        lambda: follow(thoas, project, scope="watch"),
        lambda: unfollow(newbie, thoas),
        lambda: follow(thoas, project, timestamp=at(3)),
    ]

    def state(**when: Any) -> Any:
        return [
            *([*get(one, **when)] for get in (get_followers, get_followings, get_friends) for one in (thoas, project)),
            *(
                count(one, **when)
                for count in (get_followers_count, get_followings_count, get_friends_count)
                for one in (newbie, project)
            ),
            is_following_many(thoas, [project, newbie], **when),
            are_friends_many(newbie, [project, thoas], **when),
            (is_following(newbie, thoas, **when), is_friend(thoas, newbie, **when)),
            (is_followed_by(project, thoas, **when), newbie in get_followers(project, **when)),
            [*get_followers(project, scope="watch", identifier="user", desc=False, **when)],
            get_followings_count(thoas, identifier="project", **when),
        ]

    then = []
    for step in steps:
        step()
        then.append((last(), state()))

    for event, was in then:
        assert state(as_of=event) == was
        assert state(as_of=event.recorded_at) == was


def test_it_is_a_list_like_all_others(project: Project) -> None:
    fans = UserFactory.create_batch(5)
    follow_many((fan, project, at(n // 2)) for n, fan in enumerate(fans))
    now = last()
    for fan in fans:
        unfollow(fan, project)

    whole = list(get_followers(project, as_of=now))

    assert ([fan for fan, _ in whole], get_followers(project).count()) == (fans[::-1], 0)
    for size in (1, 2, 5):
        pages = list(pages_of(lambda: get_followers(project, as_of=now), size))
        assert [one for page in pages for one in page] == whole
    assert list(get_followers(project, as_of=now)[1:3]) == whole[1:3]
    assert get_followers(project, as_of=now)[-1] == whole[-1]
    assert list(get_followers(project, as_of=now, desc=False)) == list(reversed(get_followers(project, as_of=now)))
    with pytest.raises(InvalidCursor):
        get_followers(project).page(2, get_followers(project, as_of=now).page(2).next_cursor)
    with exactly(3):
        list(get_followers(project, as_of=now)[:2])
    with exactly(1):
        assert is_following(fans[0], project, as_of=now)


def test_who_was_deleted_since_is_hidden(thoas: User, newbie: User, project: Project) -> None:
    """Even if another one has the same key now."""
    follow_many([(thoas, project), (newbie, project)])
    before = last()
    key = thoas.pk
    thoas.delete()
    after = last()
    UserFactory(pk=key, username="another")

    then, now = get_followers(project, as_of=before), get_followers(project, as_of=after)

    assert ([fan for fan, _ in then], then.hidden, then.count()) == ([newbie], 1, 2)
    assert ([fan for fan, _ in now], now.hidden, now.count()) == ([newbie], 0, 1)


@pytest.mark.parametrize("as_of", ["yesterday", float("nan")])
def test_some_time_ago_is_an_event_or_a_moment(as_of: Any, project: Project) -> None:
    with pytest.raises(InvalidTimestamp):
        get_followers_count(project, as_of=as_of)
