"""The layout of keys in the server, as documented."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

import sequere
from sequere.backends.base import get_backend
from sequere.base import ModelBase, ResourceKey
from sequere.exceptions import ReadModelLost
from sequere.models import (
    Log,
    Resource,
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
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
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


def uids(*resources: Any) -> list[str]:
    """The uids that the database has given to resources."""
    return [str(Resource.objects.get(**registry.key_of(one)._asdict()).uid) for one in resources]


def test_the_keys_are_as_documented(client: Any, thoas: User, project: Project) -> None:
    """Times are microseconds, and uids are those of the database."""
    event = follow(thoas, project, timestamp=MOMENT)

    keys = everything(client)

    token = keys.pop("sequere:global:token")
    assert event is not None
    one, two = uids(project, thoas)
    seen = {"seen": str(event.pk)} if connection.vendor == "postgresql" else {}
    assert keys == {
        "sequere:global:built:follows": "1",
        "sequere:global:log:follows": {"id": Log.objects.get().identity.hex, "event": str(event.pk)},
        "sequere:global:uid": two,
        f"sequere:uid:project:{project.pk}": one,
        f"sequere:uid:user:{thoas.pk}": two,
        f"sequere:uid::{one}": {"identifier": "project", "object_id": str(project.pk), "token": token, **seen},
        f"sequere:uid::{two}": {"identifier": "user", "object_id": str(thoas.pk), "token": token, **seen},
        f"sequere:uid:{one}:followers": {two: SCORE},
        f"sequere:uid:{one}:followers:count": "1",
        f"sequere:uid:{one}:followers:user": {two: SCORE},
        f"sequere:uid:{one}:followers:user:count": "1",
        f"sequere:uid:{two}:followings": {one: SCORE},
        f"sequere:uid:{two}:followings:count": "1",
        f"sequere:uid:{two}:followings:project": {one: SCORE},
        f"sequere:uid:{two}:followings:project:count": "1",
    }


def test_friends_have_keys_with_the_time_of_the_later_follow(client: Any, thoas: User, newbie: User) -> None:
    """Not since the follow that was recorded second."""
    follow(thoas, newbie, timestamp=MOMENT)
    follow(newbie, thoas, timestamp=1)

    one, two = uids(thoas, newbie)
    friends = {key: value for key, value in everything(client).items() if "friends" in key}

    assert friends == {
        f"sequere:uid:{uid}:friends{suffix}": value
        for uid, other in ((one, two), (two, one))
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
        *(f"sequere:uid::{uid}" for uid in uids(thoas, newbie)),
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
        (uid,) = uids(thoas)
        assert client.type(f"sequere:uid:{uid}:followers:count:") == "zset"
        assert client.get(f"sequere:uid:{uid}:followers:count::count") == "1"

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
    everybody = [thoas, UserFactory(), ProjectFactory(pk=thoas.pk), PackageFactory(name=str(thoas.pk))]
    for other in everybody[1:]:
        follow(thoas, other)

    given = uids(*everybody)

    assert len({*given}) == 4
    assert [client.get("sequere:uid:{}:{}".format(*registry.key_of(one))) for one in everybody] == given
    assert [client.hget(f"sequere:uid::{uid}", "object_id") for uid in given] == [str(one.pk) for one in everybody]


def test_what_the_server_has_forgotten_is_not_given_to_another_resource(
    client: Any, thoas: User, project: Project
) -> None:
    """The server hands out nothing: its last uid, and the name of a uid, may be gone."""
    follow(thoas, project)
    client.delete("sequere:global:uid", *(f"sequere:uid::{uid}" for uid in uids(project)))

    newbie, other = UserFactory(), ProjectFactory()
    follow(newbie, other)

    assert len({*uids(thoas, project, newbie, other)}) == 4
    assert client.get("sequere:global:uid") == uids(newbie)[0]
    assert [follower for follower, _ in get_followers(other)] == [newbie]
    with pytest.raises(ReadModelLost):
        list(get_followers(project))
    rebuild("follows")
    assert [follower for follower, _ in get_followers(project)] == [thoas]
    assert verify("follows", on_difference=print).wrong == 0


def test_reset_removes_only_our_keys(client: Any, thoas: User, project: Project) -> None:
    """The highest uid stays, so that a new database hands out larger ones."""
    for key in ("sequere:timeline:uid:1", "sequere", "other:sequere:uid:1"):
        client.set(key, "theirs")
    follow(thoas, project)
    token = client.get("sequere:global:token")

    get_backend().reset("default")

    assert everything(client) == {
        "sequere:timeline:uid:1": "theirs",
        "sequere": "theirs",
        "other:sequere:uid:1": "theirs",
        "sequere:global:uid": uids(thoas)[0],
        "sequere:global:token": token,
    }
