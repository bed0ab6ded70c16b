"""Every kind of damage to the timelines in Redis is found, and repaired from the log."""

from collections.abc import Callable
from typing import Any

import pytest
import redis
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sequere.contrib.timeline import Timeline
from sequere.exceptions import ReadModelLost
from sequere.models import follow
from tests.commands import run
from tests.factories import ProjectFactory, UserFactory
from tests.sequere_timeline.dates import october
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction, LikeAction

pytestmark = pytest.mark.django_db

PREFIX = "sequere:timeline:"


class Site:
    """newbie follows thoas, who has joined, and likes a film that is gone; newbie has a direct entry."""

    def __init__(self, client: "redis.Redis") -> None:
        self.client = client
        self.thoas, self.newbie = UserFactory(username="thoas"), UserFactory(username="newbie")
        film = ProjectFactory(name="La classe americaine")
        follow(self.newbie, self.thoas)
        self.joined = JoinAction(actor=self.thoas, date=october(1))
        self.liked = LikeAction(actor=self.thoas, target=film, date=october(2), stars=5)
        self.deleted = JoinAction(actor=self.thoas, date=october(3))
        self.told = JoinAction(actor=self.thoas, date=october(4))
        events = [Timeline(self.thoas).save(action) for action in (self.joined, self.liked, self.deleted)]
        events.append(Timeline(self.newbie).save(self.told))
        self.ids = [event.pk for event in events if event]
        Timeline(self.thoas).delete(self.deleted)
        Timeline(self.newbie).mark_as_read(october(1))
        film.delete()
        self.answers()  # so that the timelines are stored

    def answers(self) -> list[Any]:
        return [
            (
                [(action.uid, action.date, action.reasons, action.kwargs, action.target_deleted) for action in private],
                [action.uid for action in timeline.get_public()],
                timeline.get_private_count(),
                timeline.get_public_count(target="project"),
                timeline.read_at,
                timeline.get_unread_count(),
            )
            for timeline in (Timeline(self.thoas), Timeline(self.newbie))
            for private in [timeline.get_private()]
        ]

    def key(self, kind: str, user: Any) -> str:
        return f"{PREFIX}{kind}:user:{user.pk}"

    def action(self, number: int) -> str:
        return f"{PREFIX}action:{self.ids[number]}"

    def members(self, key: str) -> list[str]:
        members: list[str] = self.client.zrange(key, 0, -1)
        return [member for member in members if member]


@pytest.fixture
def site(client: "redis.Redis") -> Site:
    return Site(client)


def drop(kind: str, who: str) -> Callable[[Site], Any]:
    """The first entry of a timeline is gone."""
    return lambda site: site.client.zrem(
        site.key(kind, getattr(site, who)), site.members(site.key(kind, getattr(site, who)))[0]
    )


def move(kind: str, who: str) -> Callable[[Site], Any]:
    """The first entry of a timeline has another date."""
    return lambda site: site.client.zincrby(
        site.key(kind, getattr(site, who)), 1000, site.members(site.key(kind, getattr(site, who)))[0]
    )


def add(kind: str, who: str) -> Callable[[Site], Any]:
    """A timeline has an entry of an action that never existed."""
    return lambda site: site.client.zadd(site.key(kind, getattr(site, who)), {"34RI41": 1_380_600_000_000_000})


def change(number: int, **fields: Any) -> Callable[[Site], Any]:
    """An action has other values."""
    return lambda site: site.client.hset(site.action(number), mapping=fields)


DAMAGES: dict[str, Callable[[Site], Any]] = {
    "an action is missing": lambda site: site.client.delete(site.action(0)),
    "an action has another verb": change(0, verb="leave"),
    "an action has other keyword arguments": change(1, kwargs="{}"),
    "an action has its target again": change(1, target_deleted="0"),
    "an action has another date": change(0, date="1"),
    "an action was published by another event": change(0, published="1"),
    "an action has not reached anybody": lambda site: site.client.hdel(site.action(0), "reached"),
    "an action has reached somebody without being published": lambda site: site.client.hset(
        site.action(3), "reached", "1"
    ),
    "an action that was deleted": lambda site: site.client.copy(site.action(0), site.action(2)),
    "an action that never was": lambda site: site.client.copy(site.action(0), f"{PREFIX}action:{10**9}"),
    **{
        f"the {kind} timeline of {who} {what}": damage(kind, who)
        for what, damage in {"lacks an entry": drop, "has another date": move, "has one too many": add}.items()
        for kind, who in (("public", "thoas"), ("direct", "newbie"), ("private", "newbie"), ("private", "thoas"))
    },
    **{
        f"the {kind} timeline of newbie has an entry of a foreign form": lambda site, kind=kind: site.client.zadd(
            site.key(kind, site.newbie), {"4711": 1_380_600_000_000_000}
        )
        for kind in ("private", "direct")
    },
    "a generation is missing": lambda site: site.client.hdel(
        f"{PREFIX}names", *(name for name in site.client.hkeys(f"{PREFIX}names") if name.startswith("generation:"))
    ),
    "a generation that never was": lambda site: site.client.hset(
        f"{PREFIX}names", f"generation:user:{site.newbie.pk}", "1"
    ),
    "a name that nobody knows": lambda site: site.client.hset(f"{PREFIX}names", "verb:theirs", "7"),
    "a verb has another number": lambda site: site.client.hset(f"{PREFIX}names", "verb:join", "7"),
    "the names are of another type": lambda site: (
        site.client.delete(f"{PREFIX}names"),
        site.client.set(f"{PREFIX}names", "theirs"),
    ),
    "a private timeline is of another type": lambda site: (
        site.client.delete(site.key("private", site.newbie)),
        site.client.set(site.key("private", site.newbie), "theirs"),
    ),
    "a read mark is missing": lambda site: site.client.hdel(site.key("resource", site.newbie), "read"),
    "a read mark has another time": lambda site: site.client.hincrby(site.key("resource", site.newbie), "read", 1),
    "a read mark that never was": lambda site: site.client.hset(site.key("resource", site.thoas), "read", 1),
    **{
        f"a read mark is {text!r}": lambda site, text=text: site.client.hset(
            site.key("resource", site.newbie), "read", text
        )
        for text in ("", "many", f"-{10**30}")
    },
    "an unknown resource has published": lambda site: site.client.hset(f"{PREFIX}resource:user:4711", "published", 1),
    "one who never published has": lambda site: site.client.hset(site.key("resource", site.newbie), "published", 1),
    "an action has a field of somebody else": change(0, identifier="user"),
    "a resource has a field of somebody else": lambda site: site.client.hset(
        site.key("resource", site.newbie), "identifier", "user"
    ),
    **{
        f"a token is {token}": lambda site, token=token: site.client.hset(
            site.key("resource", site.newbie), "token", token
        )
        for token in ("many", "", 10**20)
    },
    "everything is gone": lambda site: site.client.flushall(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_found_and_repaired(site: Site, damage: Callable[[Site], Any]) -> None:
    before = site.answers()
    damage(site)

    found, said = run("verify_projections")
    repaired, _ = run("verify_projections", repair=True)

    assert (found, repaired) == (1, 0)
    assert "expected" in said
    assert run("verify_projections")[0] == 0
    assert site.answers() == before


def test_verify_changes_nothing(site: Site) -> None:
    for damage in (drop("public", "thoas"), drop("private", "newbie"), change(0, verb="leave")):
        damage(site)

    def everything() -> list[Any]:
        return sorted((key, site.client.dump(key)) for key in site.client.scan_iter("*"))

    site.client.connection_pool.connection_kwargs["decode_responses"] = False
    site.client.connection_pool.disconnect()
    before = everything()

    run("verify_projections")

    assert everything() == before


def test_an_emptied_server_is_not_mistaken_for_an_unused_one(site: Site) -> None:
    before = site.answers()
    site.client.flushall()

    for look in (
        lambda: list(Timeline(site.newbie).get_private()),
        lambda: Timeline(site.thoas).get_public_count(),
        lambda: Timeline(site.newbie).get_unread_count(),
        lambda: Timeline(site.newbie).read_at,
    ):
        with pytest.raises(ReadModelLost, match="rebuild_projections --projection timelines"):
            look()
    Timeline(site.thoas).save(late := JoinAction(actor=site.thoas, date=october(5)))
    with pytest.raises(ReadModelLost):
        Timeline(site.thoas).get_public_count()

    assert run("rebuild_projections")[0] == 0

    assert late in Timeline(site.newbie).get_private()
    Timeline(site.thoas).delete(late)
    assert site.answers() == before


def test_that_nothing_was_published_is_found_out_once(client: Any, thoas: User, newbie: User) -> None:
    """It takes a walk through the whole log."""
    follow(newbie, thoas)
    asked = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert Timeline(newbie).get_private_count() == 0
        asked.append(any('FROM "sequere_event"' in query["sql"] for query in queries))
    Timeline(thoas).save(JoinAction(actor=thoas))
    assert Timeline(newbie).get_private_count() == 1
    client.flushall()

    with pytest.raises(ReadModelLost):
        Timeline(newbie).get_private_count()

    assert asked == [True, False]
