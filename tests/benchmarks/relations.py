"""Questions about many, lists that are made from others, and querysets, each beside the same work by hand; and
verbs of requests, blocks and mutes, each beside follow()."""

from collections.abc import Iterator
from typing import Any

import psycopg
import redis

import sequere
from sequere.base import ModelBase, ResourceKey
from sequere.models import (
    accept,
    block,
    counts_many,
    follow,
    follow_many,
    followed_by_followings,
    is_following_many,
    mute,
    suggest,
)
from sequere.querysets import followed_by, most_followed
from sequere.registry import registry
from tests.benchmarks.graph import people
from tests.benchmarks.measuring import Line, Work, compare
from tests.benchmarks.raw import GRAPH, UID, USERS
from tests.testapp.models import Package, Project, User

IS_FOLLOWING_MANY = f"""
SELECT r.object_id FROM sequere_resource r JOIN sequere_database_relation f ON f.to_uid = r.uid
WHERE r.identifier = 'user' AND r.object_id = ANY(%s) AND f.graph = {GRAPH} AND f.from_uid = {UID}
"""
COUNTS_MANY = f"""
SELECT r.object_id, sum(c.incoming), sum(c.outgoing), sum(c.mutual)
FROM sequere_resource r JOIN sequere_database_count c ON c.graph = {GRAPH} AND c.uid = r.uid
WHERE r.identifier = 'user' AND r.object_id = ANY(%s) GROUP BY r.uid
"""
FOLLOWED_BY_FOLLOWINGS = f"""
SELECT r.object_id, theirs.since
FROM sequere_database_relation mine
JOIN sequere_database_relation theirs
    ON theirs.graph = mine.graph AND theirs.from_uid = mine.to_uid AND theirs.to_uid = {UID}
JOIN sequere_resource r ON r.uid = mine.to_uid
WHERE mine.graph = {GRAPH} AND mine.from_uid = {UID} ORDER BY theirs.since DESC, mine.to_uid DESC LIMIT 25
"""
FOLLOWED_BY = f"""
SELECT id, name FROM testapp_project WHERE id IN (
    SELECT r.object_id::bigint FROM sequere_database_relation f JOIN sequere_resource r ON r.uid = f.to_uid
    WHERE f.graph = {GRAPH} AND f.from_uid = {UID} AND r.identifier = 'project'
)
"""
MOST_FOLLOWED = f"""
SELECT p.id, p.name, COALESCE(n, 0) FROM testapp_project p LEFT JOIN (
    SELECT r.object_id::bigint AS id, sum(c.incoming) AS n
    FROM sequere_resource r JOIN sequere_database_count c ON c.graph = {GRAPH} AND c.uid = r.uid
    WHERE r.identifier = 'project' GROUP BY r.uid
) AS counted ON counted.id = p.id ORDER BY COALESCE(n, 0) DESC, p.id LIMIT 10
"""


class Crowd:
    """A celebrity, whom 1,000,000 follow, and a viewer who follows 200 of them, and 50 of 100,000 projects."""

    def __init__(self, scale: int) -> None:
        self.viewer, self.celebrity, *known = User.objects.bulk_create(User(username=f"crowd{n}") for n in range(202))
        others = people(2 * 10**9, 1_000_000 // scale)
        follow_many((other, self.celebrity) for other in [*others, *known])
        follow_many((self.viewer, one) for one in known)
        follow_many((one, other) for one in known for other in known[:20] if one != other)
        self.projects = Project.objects.bulk_create(Project(name=f"project {n}") for n in range(100_000 // scale))
        follow_many((known[n % 200], project) for n, project in enumerate(self.projects))
        follow_many((self.viewer, project) for project in self.projects[::2000])
        self.thousand = [*map(registry.key_of, known), *others[:800]]
        self.ids = [key.object_id for key in self.thousand]


def in_database(connection: psycopg.Connection[Any], *, rounds: int, scale: int) -> Iterator[Line]:
    crowd = Crowd(scale)
    connection.execute("VACUUM ANALYZE")
    viewer, celebrity = map(registry.key_of, (crowd.viewer, crowd.celebrity))

    def run(sql: str, *values: Any) -> list[Any]:
        return connection.execute(sql, values).fetchall()

    def shown_by_hand() -> list[Any]:
        rows = run(FOLLOWED_BY_FOLLOWINGS, *celebrity, *viewer)
        users = {row[0]: row for row in run(USERS, [int(object_id) for object_id, _ in rows])}
        return [(users[int(object_id)], since) for object_id, since in rows]

    for name, ours, raw in (
        (
            "is_following_many of 1,000",
            lambda _: is_following_many(viewer, crowd.thousand),
            lambda _: run(IS_FOLLOWING_MANY, crowd.ids, *viewer),
        ),
        ("counts_many of 1,000", lambda _: counts_many(crowd.thousand), lambda _: run(COUNTS_MANY, crowd.ids)),
        (
            f"followed_by_followings, {1_000_000 // scale:,} followers",
            lambda _: followed_by_followings(viewer, celebrity).page(25),
            lambda _: shown_by_hand(),
        ),
        (
            f"filter(followed_by()), {len(crowd.projects):,} instances",
            lambda _: list(Project.objects.filter(followed_by(viewer))),
            lambda _: run(FOLLOWED_BY, *viewer),
        ),
        (
            f"most_followed, {len(crowd.projects):,} instances",
            lambda _: list(most_followed(Project)[:10]),
            lambda _: run(MOST_FOLLOWED),
        ),
        ("suggest", lambda _: suggest(viewer).page(25), None),
    ):
        yield compare(name, ours, raw, rounds=rounds, calls=3)


def in_redis(client: "redis.Redis", *, rounds: int, scale: int) -> Iterator[Line]:
    crowd = Crowd(scale)
    viewer, celebrity = map(registry.key_of, (crowd.viewer, crowd.celebrity))

    def named(*keys: ResourceKey) -> list[Any]:
        return client.mget([f"sequere:uid:{key}" for key in keys])

    def set_of(key: ResourceKey, what: str) -> bytes:
        (uid,) = named(key)
        return b"sequere:uid:%b:%b" % (uid, what.encode())

    def shown_by_hand() -> list[Any]:
        sets = {set_of(viewer, "followings"): 0, set_of(celebrity, "followers"): 1}
        found = client.zinter(sets, withscores=True)[:-26:-1]
        pipeline = client.pipeline(transaction=False)
        for uid, _ in found:
            pipeline.hget(b"sequere:uid::%b" % uid, "object_id")
        ids = [*map(int, pipeline.execute())]
        users = User.objects.in_bulk(ids)
        return [(users[id_], since) for id_, (_, since) in zip(ids, found, strict=True)]

    def counts_by_hand() -> list[Any]:
        lists = ("followers", "followings", "friends")
        return client.mget(
            [b"sequere:uid:%b:%b:count" % (uid, what.encode()) for uid in named(*crowd.thousand) for what in lists]
        )

    for name, ours, raw in (
        (
            "is_following_many of 1,000",
            lambda _: is_following_many(viewer, crowd.thousand),
            lambda _: client.zmscore(set_of(viewer, "followings"), named(*crowd.thousand)),
        ),
        ("counts_many of 1,000", lambda _: counts_many(crowd.thousand), lambda _: counts_by_hand()),
        (
            f"followed_by_followings, {1_000_000 // scale:,} followers",
            lambda _: followed_by_followings(viewer, celebrity).page(25),
            lambda _: shown_by_hand(),
        ),
        (
            f"filter(followed_by()), {len(crowd.projects):,} instances",
            lambda _: list(Project.objects.filter(followed_by(viewer))),
            None,
        ),
        ("suggest", lambda _: suggest(viewer).page(25), None),
    ):
        yield compare(name, ours, raw, rounds=rounds, calls=3)


class Private(ModelBase):
    """Who follows it has to ask."""

    def requires_approval(self, *_: Any) -> bool:
        return True


def verbs(*, rounds: int, scale: int) -> Iterator[Line]:
    """Each verb between two who have nothing in common yet, beside follow() between two others."""
    calls = 100 // scale
    number = rounds * calls
    strangers = iter(people(3 * 10**9, 12 * number))
    askers = User.objects.bulk_create(User(username=f"asker{n}") for n in range(number))
    sequere.unregister(Package)
    sequere.register(Package, Private)
    packages = Package.objects.bulk_create(Package(name=f"package {n}") for n in range(number))

    def with_strangers(verb: Any) -> Work:
        return lambda _: verb(next(strangers), next(strangers))

    for name, ours in (
        ("follow, which asks", lambda n: follow(askers[n], packages[n])),
        ("accept", lambda n: accept(packages[n], askers[n])),
        ("block", with_strangers(block)),
        ("mute", with_strangers(mute)),
    ):
        yield compare(name, ours, with_strangers(follow), rounds=rounds, calls=calls)
