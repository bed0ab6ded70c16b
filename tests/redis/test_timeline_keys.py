"""The keys of timelines in Redis: docs/redis-keys.md."""

from typing import Any

import pytest
import redis

from sequere.contrib.timeline import Timeline
from sequere.models import Name, Resource, block, follow, mute, unmute
from sequere_timeline.backends.redis.members import DIGITS, Member, parse, to_digits, to_number
from sequere_timeline.backends.redis.names import number_of_target
from tests.factories import PackageFactory, ProjectFactory, UserFactory
from tests.redis.counting import round_trips
from tests.statements import exactly
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction, LikeAction

pytestmark = pytest.mark.django_db

DAY = 24 * 60 * 60


def keys_of(client: "redis.Redis") -> dict[str, str]:
    """The keys of timelines without their prefix, and their types."""
    prefix = "sequere:timeline:"
    return {key.removeprefix(prefix): client.type(key) for key in client.scan_iter(f"{prefix}*")}


def test_the_keys_of_a_story(client: "redis.Redis", thoas: User, newbie: User) -> None:
    project = ProjectFactory()
    follow(newbie, thoas)
    event = Timeline(thoas).save(LikeAction(actor=thoas, target=project))
    Timeline(newbie).save(JoinAction(actor=thoas))
    Timeline(newbie).mark_as_read()
    before = keys_of(client)
    Timeline(newbie).get_private_count()

    assert event is not None
    written = {
        "global:built:timelines": "string",
        "global:token": "string",
        "global:log:timelines": "hash",
        "names": "hash",
        f"action:{event.pk}": "hash",
        f"action:{event.pk + 1}": "hash",
        f"public:user:{thoas.pk}": "zset",
        f"direct:user:{newbie.pk}": "zset",
        f"resource:user:{thoas.pk}": "hash",
        f"resource:user:{newbie.pk}": "hash",
    }
    assert before == written
    assert keys_of(client) == {**written, f"private:user:{newbie.pk}": "zset"}


def test_a_deleted_action_leaves_nothing(client: "redis.Redis", thoas: User, newbie: User) -> None:
    """Neither its hash nor copies for the followers."""
    follow(newbie, thoas)
    Timeline(thoas).save(action := JoinAction(actor=thoas))
    Timeline(newbie).get_private_count()

    Timeline(thoas).delete(action)

    left = keys_of(client)
    assert not any(key.startswith(("action:", "public:", "direct:")) for key in left)
    assert client.zcard(f"sequere:timeline:private:user:{newbie.pk}") == 1  # the marker that it is stored


def test_a_key_may_have_a_colon_in_it(client: "redis.Redis", thoas: User) -> None:
    """No two resources share a key."""
    package = PackageFactory(name="lib:c6:amd64")
    follow(thoas, package)
    Timeline(package).save(JoinAction(actor=package))

    assert [action.actor for action in Timeline(thoas).get_private()] == [package]
    assert "public:package:lib:c6:amd64" in keys_of(client)


def test_reading_an_empty_timeline_allocates_nothing(client: "redis.Redis", thoas: User, newbie: User) -> None:
    follow(newbie, thoas)
    before = keys_of(client)

    seen = [
        list(Timeline(thoas).get_public()),
        Timeline(thoas).get_public_count(action="unheard of", target=newbie),
        Timeline(thoas).read_at,
    ]

    assert seen == [[], 0, None]
    assert keys_of(client) == before


def test_a_score_is_the_date_in_microseconds(client: "redis.Redis", thoas: User) -> None:
    """Not in whole seconds, nor in local time."""
    Timeline(thoas).save(JoinAction(actor=thoas, date=1382676091.612067))

    ((_, score),) = client.zrange(f"sequere:timeline:public:user:{thoas.pk}", 0, -1, withscores=True)

    assert score == 1382676091612067


@pytest.mark.parametrize("number", [0, 1, 63, 64, 4095, 4096, 10**9, 2**62])
def test_numbers_are_written_in_base_64(number: int) -> None:
    assert to_number(to_digits(number)) == number
    assert parse(str(Member(number, 4, "a.b.c"))) == Member(number, 4, "a.b.c")


def test_members_are_ordered_like_their_ids() -> None:
    """Redis orders them by bytes, which is not the order of numbers."""
    ids = [1, 9, 10, 63, 64, 65, 4095, 4096, 99_999, 10**6, 10**9, 2**40]
    members = [str(Member(id_, 4, "1")).encode() for id_ in ids]

    assert sorted(members) == members
    assert list(DIGITS) == sorted(DIGITS)


@pytest.mark.parametrize(("days", "left"), [(30, 30 * DAY), (0.5, DAY // 2), (None, -1)])
def test_a_private_timeline_expires_unless_it_is_read(
    client: "redis.Redis", thoas: User, settings: Any, days: float | None, left: int
) -> None:
    settings.SEQUERE_TIMELINE_EXPIRES_AFTER = days
    key = f"sequere:timeline:private:user:{thoas.pk}"
    within_a_minute = [left] if days is None else range(left - 59, left + 1)
    Timeline(thoas).get_private_count()

    assert client.ttl(key) in within_a_minute
    if days is not None:
        client.expire(key, 600)
        Timeline(thoas).save(JoinAction(actor=thoas))
        assert 0 < client.ttl(key) <= 600
        list(Timeline(thoas).get_private())
        assert client.ttl(key) in within_a_minute


def test_a_reset_leaves_other_keys_alone(client: "redis.Redis", thoas: User, newbie: User) -> None:
    """The default prefixes nest."""
    from sequere.backends.base import get_backend as follows
    from sequere_timeline.backends.base import get_backend as timelines

    follow(newbie, thoas)
    Timeline(thoas).save(JoinAction(actor=thoas))
    client.set("somebody else's", 1)
    all_keys = set(client.scan_iter("*"))
    of_timelines = {key for key in all_keys if key.startswith("sequere:timeline:")}

    timelines().reset("default")
    left = set(client.scan_iter("*"))
    assert left == all_keys - of_timelines | {"sequere:timeline:global:token"}

    follows().reset("default")
    left = set(client.scan_iter("*"))
    assert {key for key in left if not key.startswith(("sequere:global:", "sequere:timeline:global:"))} == {
        "somebody else's"
    }


def test_a_reset_of_the_follows_leaves_the_timelines(client: "redis.Redis", thoas: User, newbie: User) -> None:
    """Although their prefix begins with that of the follows."""
    from sequere.backends.base import get_backend as follows

    follow(newbie, thoas)
    Timeline(thoas).save(action := JoinAction(actor=thoas))
    list(Timeline(newbie).get_private())
    before = keys_of(client)

    follows().reset("default")

    assert keys_of(client) == before
    assert list(Timeline(newbie).get_private()) == [action]
    assert not [*client.scan_iter("sequere:uid:*")]


def test_the_numbers_of_names_are_those_of_the_database(client: "redis.Redis", thoas: User) -> None:
    users = UserFactory.create_batch(3)
    for user in users:
        Timeline(thoas).save(LikeAction(actor=thoas, target=user))
    names = client.hgetall("sequere:timeline:names")

    Timeline(thoas).save(LikeAction(actor=thoas, target=users[0]))

    numbers = {(name.role, name.name): to_digits(name.number) for name in Name.objects.all()}
    assert client.hgetall("sequere:timeline:names") == names
    assert names == {
        "verb:like": numbers["verb", "like"],
        "kind:user": numbers["kind", "user"],
        **{
            f"target:user:{user.pk}": to_digits(Resource.objects.get(identifier="user", object_id=user.pk).uid)
            for user in users
        },
    }


def test_who_hides_nobody_has_nothing_stored_and_pays_nothing(client: "redis.Redis", thoas: User, newbie: User) -> None:
    """And who does pays no round trip and no query more."""
    project = ProjectFactory()
    uids = dict(Resource.objects.values_list("identifier", "uid")) if follow(newbie, project) else {}
    key = f"sequere:timeline:resource:user:{newbie.pk}"
    Timeline(newbie).save(JoinAction(actor=thoas))
    timeline = Timeline(newbie)
    timeline.get_private_count()
    read = []

    for until in (None, 2_000_000_000, 1):
        read.append(client.hget(key, "hidden"))
        with round_trips(3), exactly(0):
            rows = timeline.get_private()._source.page(10, None)
            assert (len(rows), timeline.get_private_count(), timeline.get_unread_count()) == (1, 1, 1)
        mute(newbie, project, until)
    block(thoas, newbie)
    read.append(client.hget(key, "hidden"))
    unmute(newbie, project)

    target = number_of_target(uids["project"], 0)
    uid = to_digits(Resource.objects.get(identifier="user", object_id=thoas.pk).uid)
    muted = f"{target},{target}"
    assert read[:3] == [None, muted, f"{muted},2000000000000000"]
    assert {*read[3].split()} == {f"{muted},1000000", uid}
    assert client.hget(key, "hidden") == uid
