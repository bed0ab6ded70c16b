"""The layout of keys in the server, as documented."""

from datetime import UTC, datetime
from typing import Any

import pytest

import sequere
from sequere.backends.base import get_backend
from sequere.base import ModelBase, ResourceKey
from sequere.models import (
    follow,
    follow_many,
    get_followers,
    get_followers_count,
    get_followings,
    get_friends,
    get_friends_count,
    is_following,
    is_following_many,
    unfollow,
)
from sequere.registry import registry
from sequere.testing.contracts.base import follower_pages
from tests.factories import PackageFactory, ProjectFactory, StrangerFactory, UserFactory
from tests.testapp.models import Project, Stranger, User

pytestmark = pytest.mark.django_db

MOMENT = datetime(2013, 10, 25, 4, 41, 31, 612067, tzinfo=UTC)
SCORE = 1382676091612067


def everything(client: Any) -> dict[str, Any]:
    keys = list(dict.fromkeys(client.scan_iter(count=1000)))
    pipeline = client.pipeline(transaction=False)
    read = {
        "string": pipeline.get,
        "hash": pipeline.hgetall,
        "zset": lambda key: pipeline.zrange(key, 0, -1, withscores=True),
    }
    for key in keys:
        pipeline.type(key)
    types = pipeline.execute()
    for key, type_ in zip(keys, types, strict=True):
        read[type_](key)
    return {
        key: dict(value) if type_ == "zset" else value
        for key, type_, value in zip(keys, types, pipeline.execute(), strict=True)
    }


def test_the_keys_are_as_documented(client: Any, thoas: User, project: Project) -> None:
    """Times are microseconds."""
    follow(thoas, project, timestamp=MOMENT)

    keys = everything(client)

    token = keys.pop("sequere:global:token")
    assert keys == {
        "sequere:global:built:follows": "1",
        "sequere:global:uid": "2",
        f"sequere:uid:project:{project.pk}": "1",
        f"sequere:uid:user:{thoas.pk}": "2",
        "sequere:uid::1": {"identifier": "project", "object_id": str(project.pk), "token": token},
        "sequere:uid::2": {"identifier": "user", "object_id": str(thoas.pk), "token": token},
        "sequere:uid:1:followers": {"2": SCORE},
        "sequere:uid:1:followers:count": "1",
        "sequere:uid:1:followers:user": {"2": SCORE},
        "sequere:uid:1:followers:user:count": "1",
        "sequere:uid:2:followings": {"1": SCORE},
        "sequere:uid:2:followings:count": "1",
        "sequere:uid:2:followings:project": {"1": SCORE},
        "sequere:uid:2:followings:project:count": "1",
    }


def test_friends_have_keys_with_the_time_of_the_later_follow(client: Any, thoas: User, newbie: User) -> None:
    """Not since the follow that was recorded second."""
    follow(thoas, newbie, timestamp=MOMENT)
    follow(newbie, thoas, timestamp=1)

    friends = {key: value for key, value in everything(client).items() if "friends" in key}

    assert friends == {
        f"sequere:uid:{uid}:friends{suffix}": value
        for uid, other in (("1", "2"), ("2", "1"))
        for suffix, value in (
            ("", {other: SCORE}),
            (":user", {other: SCORE}),
            (":count", "1"),
            (":user:count", "1"),
        )
    }


def test_ended_follows_leave_only_the_names(client: Any, thoas: User, newbie: User) -> None:
    """No count stays, or goes below zero."""
    follow(thoas, newbie)
    follow(newbie, thoas)
    unfollow(thoas, newbie)
    unfollow(newbie, thoas)

    keys = {key for key in everything(client) if not key.startswith("sequere:global:")}

    assert keys == {
        "sequere:uid::1",
        "sequere:uid::2",
        f"sequere:uid:user:{thoas.pk}",
        f"sequere:uid:user:{newbie.pk}",
    }


def test_reading_allocates_nothing(client: Any, thoas: User, project: Project) -> None:
    follow(thoas, UserFactory())
    before = everything(client)

    for one, other in ((thoas, project), (project, thoas), (UserFactory(), project)):
        assert not is_following(one, other)
        assert is_following_many(one, [other, UserFactory()]).get(other) is False
        assert (get_followers_count(one), get_friends_count(one, identifier="project")) == (0, 0)
        assert (list(get_followers(one)), list(get_friends(one)[:2])) == ([], [])
        assert follower_pages(get_backend(), ResourceKey("project", "404")) == [[]]

    assert everything(client) == before


def test_an_unfollow_that_changes_nothing_allocates_nothing(client: Any, thoas: User, project: Project) -> None:
    unfollow(thoas, project)

    assert everything(client) == {}


def test_the_kind_count_has_keys_of_its_own(client: Any, thoas: User) -> None:
    """A set of the kind "count" does not share the key of a counter."""

    class Count(ModelBase):
        identifier = "count"

    sequere.register(Stranger, Count)
    try:
        stranger = StrangerFactory()
        follow(stranger, thoas)
        follow(thoas, stranger)

        assert [get_followers_count(thoas), get_followers_count(thoas, identifier="count")] == [1, 1]
        assert [one for one, _ in get_friends(thoas, identifier="count")] == [stranger]
        assert client.type("sequere:uid:2:followers:count:") == "zset"
        assert client.get("sequere:uid:2:followers:count::count") == "1"

        fans = [ResourceKey("count", str(number)) for number in range(10**6, 10**6 + 200)]
        follow_many((fan, thoas) for fan in fans)
        assert follower_pages(get_backend(), thoas) == [[str(registry.key_of(stranger)), *map(str, fans)]]
    finally:
        sequere.unregister(Stranger)


def test_a_colon_in_a_key_or_a_prefix_does_not_separate(client: Any, thoas: User, settings: Any) -> None:
    """No two pairs share a key."""
    settings.SEQUERE_BACKEND_OPTIONS = {**settings.SEQUERE_BACKEND_OPTIONS, "prefix": "a:[b]?:"}
    one, other = PackageFactory(name="followers"), PackageFactory(name="followers:count")

    follow(thoas, one)
    follow(thoas, other)
    unfollow(thoas, one)

    assert [package for package, _ in get_followings(thoas)] == [other]
    assert (get_followers_count(one), get_followers_count(other)) == (0, 1)
    assert all(key.startswith("a:[b]?:") for key in client.scan_iter())


def test_two_resources_never_share_a_uid(client: Any, thoas: User) -> None:
    """Nor has a resource two."""
    others = [UserFactory(), ProjectFactory(pk=thoas.pk), PackageFactory(name=str(thoas.pk))]
    for other in others:
        follow(thoas, other)

    uids = [client.get(key) for key in client.scan_iter("sequere:uid:*") if client.type(key) == "string"]

    names = [client.hget(f"sequere:uid::{uid}", "object_id") for uid in range(1, 5)]
    assert sorted(names) == sorted([str(thoas.pk), *(str(other.pk) for other in others)])
    assert len([uid for uid in uids if uid]) >= 4


def test_a_uid_in_use_is_not_given_to_another_resource(client: Any, thoas: User, project: Project) -> None:
    """For example, after a failover to a replica that lacks the last ones."""
    follow(thoas, project)
    client.set("sequere:global:uid", 0)

    newbie = UserFactory()
    follow(newbie, project)

    assert client.get(f"sequere:uid:user:{newbie.pk}") == "3"
    assert [follower for follower, _ in get_followers(project)] == [newbie, thoas]


def test_reset_removes_only_our_keys(client: Any, thoas: User, project: Project) -> None:
    """The last uid stays, so that no late writer meets another resource under it."""
    for key in ("sequere:timeline:uid:1", "sequere", "other:sequere:uid:1"):
        client.set(key, "theirs")
    follow(thoas, project)
    token = client.get("sequere:global:token")

    get_backend().reset("default")

    assert everything(client) == {
        "sequere:timeline:uid:1": "theirs",
        "sequere": "theirs",
        "other:sequere:uid:1": "theirs",
        "sequere:global:uid": "2",
        "sequere:global:token": token,
    }
