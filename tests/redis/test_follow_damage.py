"""Every kind of damage is found, and repaired from the log."""

from collections.abc import Callable
from typing import Any

import pytest

import sequere
from sequere.backends.base import get_backend
from sequere.backends.redis.counts import Numbers
from sequere.exceptions import ReadModelLost
from sequere.log.locks import Resource
from sequere.log.models import Event
from sequere.models import follow, get_followers, get_followers_count, get_followings, get_friends, unfollow
from sequere.registry import registry
from sequere.relations.key import FOLLOWS
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from tests.factories import ProjectFactory, UserFactory
from tests.redis.test_follow_keys import everything

pytestmark = pytest.mark.django_db


class Site:
    """thoas (1) and newbie (2) are friends, fan (3) follows thoas and a film (4), and ex (5) has followed thoas."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.everybody = []
        for name in ("thoas", "newbie", "fan"):
            self.everybody.append(UserFactory(username=name))
        thoas, newbie, fan = self.everybody
        film, ex = ProjectFactory(name="La classe americaine"), UserFactory(username="ex")
        self.everybody += [film, ex]
        self.ex, self.thoas = ex, thoas
        for one, other in zip(self.everybody, self.everybody[1:], strict=False):
            follow(one, other)
            unfollow(one, other)
        for one, other in [(thoas, newbie), (newbie, thoas), (fan, thoas), (fan, film), (ex, thoas)]:
            follow(one, other)
        unfollow(ex, thoas)

    def key(self, number: int, suffix: str) -> str:
        """A key of the resource with this number."""
        return f"sequere:uid:{self.uid(number)}:{suffix}"

    def uid(self, number: int) -> str:
        return str(self.client.get(self.name(number)))

    def name(self, number: int) -> str:
        return "sequere:uid:{}:{}".format(*registry.key_of(self.everybody[number - 1]))

    def answers(self) -> list[Any]:
        return [
            [
                (list(get(one)), list(get(one, identifier="user")))
                for one in self.everybody
                for get in (get_followers, get_followings, get_friends)
            ],
            [
                get_backend().count(what, FOLLOWS, registry.key_of(one), kind)
                for one in self.everybody
                for what in ("followers", "followings", "friends")
                for kind in (None, "user", "project")
            ],
        ]


@pytest.fixture
def site(client: Any) -> Site:
    return Site(client)


def delete(number: int, *suffixes: str) -> Callable[[Site], Any]:
    return lambda site: site.client.delete(*(site.key(number, suffix) for suffix in suffixes))


def put(number: int, other: int, score: int, *suffixes: str) -> Callable[[Site], Any]:
    return lambda site: [site.client.zadd(site.key(number, suffix), {site.uid(other): score}) for suffix in suffixes]


def take(number: int, other: int, *suffixes: str) -> Callable[[Site], Any]:
    return lambda site: [site.client.zrem(site.key(number, suffix), site.uid(other)) for suffix in suffixes]


def unfollow_that_is_not_applied(site: Site) -> None:
    follow(site.ex, site.thoas)
    kept = {
        key: (
            site.client.zrange(key, 0, -1, withscores=True) if site.client.type(key) == "zset" else site.client.get(key)
        )
        for key in site.client.scan_iter("sequere:uid:*")
        if site.client.type(key) != "hash"
    }
    unfollow(site.ex, site.thoas)
    for key, value in kept.items():
        site.client.zadd(key, dict(value)) if isinstance(value, list) else site.client.set(key, value)


def retyped(name: Callable[[Site], str]) -> Callable[[Site], Any]:
    def retype(site: Site) -> None:
        key = name(site)
        site.client.delete(key)
        site.client.rpush(key, "somebody else's")

    return retype


#: The id of no user; any other may belong to a user in the site.
NOBODY = "0"


def unknown_resource(site: Site) -> None:
    uid = site.client.incr("sequere:global:uid")
    site.client.hset(f"sequere:uid::{uid}", mapping={"identifier": "user", "object_id": NOBODY})
    site.client.set(f"sequere:uid:user:{NOBODY}", uid)
    site.client.zadd(f"sequere:uid:{uid}:followers", {site.uid(1): 1})
    site.client.set(f"sequere:uid:{uid}:followers:count", 1)
    site.client.zadd(site.key(1, "followings"), {uid: 1})


def second_uid(site: Site) -> None:
    uid = site.client.incr("sequere:global:uid")
    site.client.hset(f"sequere:uid::{uid}", mapping={"identifier": "user", "object_id": str(site.ex.pk)})
    for suffix in ("followers", "followers:user"):
        site.client.zadd(site.key(1, suffix), {uid: 1})


DAMAGES: dict[str, Callable[[Site], Any]] = {
    "a side is gone": delete(1, "followers", "followers:user", "followers:count", "followers:user:count"),
    "a set is gone": delete(1, "followers"),
    "a set of a kind is gone": delete(3, "followings:project"),
    "a follower is missing": take(1, 3, "followers", "followers:user"),
    "a following is missing": take(3, 1, "followings"),
    "a follow has another time": put(1, 3, 5, "followers", "followers:user"),
    "a follow has another time by kind": put(1, 3, 5, "followers:user"),
    "a follow that never was": put(2, 3, 5, "followers", "followers:user"),
    "a follow that is over": put(1, 5, 5, "followers", "followers:user"),
    "an unfollow that is not applied": unfollow_that_is_not_applied,
    "a follow of an unknown kind": put(1, 4, 5, "followers:project"),
    "a follower of another kind": put(1, 4, 5, "followers:user"),
    "an unknown follower": lambda site: site.client.zadd(site.key(1, "followers"), {"4711": 1}),
    "a friend is missing": take(1, 2, "friends", "friends:user"),
    "a friend has another time": put(1, 2, 5, "friends"),
    "a friend who is not one": put(1, 3, 5, "friends", "friends:user"),
    "a friend by kind who is not one": put(1, 3, 5, "friends:user"),
    "a friend who does not even follow": put(5, 4, 5, "friends"),
    "a count is too large": lambda site: site.client.incr(site.key(1, "followers:count")),
    "a count is negative": lambda site: site.client.set(site.key(1, "friends:user:count"), -1),
    "a count is missing": delete(3, "followings:count"),
    "a count of a kind is missing": delete(3, "followings:project:count"),
    "a count of an unknown kind": lambda site: site.client.set(site.key(1, "followers:project:count"), 3),
    "a count is not a number": lambda site: site.client.set(site.key(1, "followers:count"), "many"),
    "a name is gone": lambda site: site.client.delete(f"sequere:uid::{site.uid(3)}"),
    "a name is another one": lambda site: site.client.hset(f"sequere:uid::{site.uid(3)}", "object_id", NOBODY),
    "a name is none": lambda site: site.client.hset(
        f"sequere:uid::{site.uid(3)}", mapping={"identifier": "", "object_id": site.uid(1)}
    ),
    "a name is too long": lambda site: site.client.hset(f"sequere:uid::{site.uid(3)}", "object_id", "3" * 300),
    "a uid is gone": lambda site: site.client.delete(site.name(3)),
    "a resource has two uids": second_uid,
    "an unknown resource": unknown_resource,
    "all but the marker is gone": lambda site: [
        site.client.delete(key) for key in site.client.scan_iter("sequere:uid:*")
    ],
    "sets of nobody": lambda site: site.client.zadd("sequere:uid:4711:friends:user", {"1": 1}),
    "a set of an unknown kind": lambda site: site.client.zadd(site.key(1, "followers:alien"), {"1": 1}),
    # A resource that was locked to be looked at has a uid, and no relation.
    "a set of a kind without relations": lambda site: [
        Resource.objects.create(identifier="alien", object_id="1"),
        site.client.zadd(site.key(1, "followers:alien"), {"1": 1}),
        site.client.set(site.key(1, "followers:alien:count"), 1),
    ],
    **{
        f"{what} is of another type": retyped(name)
        for what, name in {
            "a set": lambda site: site.key(1, "followers"),
            "a count": lambda site: site.key(1, "followers:user:count"),
            "a hash": lambda site: f"sequere:uid::{site.uid(1)}",
            "a name": lambda site: site.name(1),
            "the highest uid": lambda site: "sequere:global:uid",
            "the note about the log": lambda site: "sequere:global:log:follows",
        }.items()
    },
    "the highest uid is not a number": lambda site: site.client.set("sequere:global:uid", "many"),
    "a name has a field of somebody else": lambda site: site.client.hset(f"sequere:uid::{site.uid(1)}", "read", "1"),
    **{
        f"a token is {token}": lambda site, token=token: site.client.hset(f"sequere:uid::{site.uid(1)}", "token", token)
        for token in ("many", "", 10**20)
    },
    "everything is gone": lambda site: site.client.flushall(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_found_and_repaired(site: Site, damage: Callable[[Site], Any]) -> None:
    before = site.answers()
    assert verify("follows").wrong == 0
    damage(site)
    said: list[str] = []

    assert verify("follows", on_difference=lambda difference: said.append(str(difference))).wrong == len(said) > 0
    assert rebuild("follows").wrong > 0

    assert all("expected" in line and "found" in line for line in said)
    assert site.answers() == before
    assert verify("follows", on_difference=print).wrong == 0


def test_relations_with_a_model_no_longer_registered_stay_and_nothing_else_of_its_kind(site: Site) -> None:
    film, uid = type(site.everybody[3]), site.uid(4)
    options = type(registry.options_of(film))
    sequere.unregister(film)
    try:
        assert verify("follows", on_difference=print).wrong == 0
        site.client.zadd(site.key(1, "followings:project"), {uid: 1})
        verify("follows", repair=True)
        left = [site.client.zscore(site.key(number, "followings:project"), uid) for number in (1, 3)]
    finally:
        sequere.register(film, options)

    assert [score is not None for score in left] == [False, True]


@pytest.mark.parametrize("name", ["sequere:global:tokens", "sequere:uid:", "sequere:uid:1:fans", "sequere:theirs:1"])
def test_a_foreign_key_is_named_and_never_removed(site: Site, name: str) -> None:
    site.client.set(name, "theirs")
    said: list[str] = []

    for _ in range(2):
        report = verify("follows", on_difference=lambda difference: said.append(difference.what))
        verify("follows", repair=True)
        rebuild("follows")

    assert (report.wrong, report.failed) == (1, 1)
    assert said == [f"key {name}"] * 2
    assert site.client.get(name) == "theirs"


def test_keys_under_a_prefix_within_ours_are_not_foreign(site: Site) -> None:
    """Those of the timelines, or of a tenant."""
    site.client.hset("sequere:acme:global:log:follows", mapping={"id": "1"})
    site.client.set("sequere:acme:uid:user:1", 1)
    site.client.set("sequere:timeline:global:token", 1)

    assert verify("follows", on_difference=print).wrong == 0


@pytest.mark.parametrize(
    "damage", [retyped(lambda _: "sequere:global:token"), lambda site: site.client.set("sequere:global:token", "many")]
)
def test_a_token_that_is_none_is_replaced_by_the_next_one(site: Site, damage: Callable[[Site], Any]) -> None:
    damage(site)

    follow(site.ex, site.thoas)

    assert get_followers_count(site.thoas) == 3
    assert verify("follows", on_difference=print).wrong == 0


@pytest.mark.parametrize("suffix", ["followers", "followers:count", "followers:user"])
def test_readers_notice_a_lost_key(site: Site, suffix: str) -> None:
    before = site.answers()
    site.client.delete(site.key(1, suffix))

    with pytest.raises(ReadModelLost):
        site.answers()
    rebuild("follows")
    assert site.answers() == before


def test_verify_says_where(site: Site) -> None:
    fan, thoas = (f"user:{one.pk}" for one in (site.everybody[2], site.thoas))
    since = dict(get_followers(site.thoas))[site.everybody[2]]
    site.client.zrem(site.key(3, "followings"), site.uid(1))
    site.client.incr(site.key(1, "followers:count"))
    said: list[str] = []

    verify("follows", on_difference=lambda difference: said.append(str(difference)))

    assert said[0] == (
        f"follow {fan} → {thoas}: expected {since}, found in the followings none, by kind {since};"
        " in the friends none, by kind none where none was expected"
    )
    assert set(said[1:]) == {  # in the order of their ids as text: user:11 is before user:9
        f"counts of {one}: expected {expected}, found {found}, counted as {counted}"
        for one, expected, found, counted in (
            (thoas, Numbers(2, 1, 1), Numbers(2, 1, 1), Numbers(3, 1, 1)),
            (fan, Numbers(0, 2, 0), Numbers(0, 1, 0), Numbers(0, 2, 0)),
        )
    }
    assert len(said) == 3


def test_verify_changes_nothing(site: Site) -> None:
    site.client.zrem(site.key(3, "followings"), site.uid(1))
    unknown_resource(site)
    site.client.delete(site.key(1, "followers:count"))
    before = everything(site.client)

    verify("follows")

    after = everything(site.client)
    assert {key for key in {*before, *after} if before.get(key) != after.get(key)} <= {"sequere:global:token"}


def test_counts_never_drift_when_events_are_applied_again(site: Site) -> None:
    """Applying events again, in any order, leaves counts as they are."""
    before = site.answers()
    for events in (list(Event.objects.order_by("id")), list(Event.objects.order_by("-id"))):
        get_backend().projector.apply(events, using="default")
        for event in events:
            get_backend().projector.apply([event], using="default")

    assert site.answers() == before
    assert get_followers_count(site.thoas) == 2
    assert verify("follows").wrong == 0
