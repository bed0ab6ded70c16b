"""The same work by hand: the statements that somebody with psycopg and these tables would write."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.types.json import Jsonb

from sequere.base import ResourceKey
from sequere.log.streams import lifecycle
from sequere.relations.key import RelationKey
from tests.benchmarks.graph import Pair

BATCH_SIZE = 2000

LATEST = "SELECT stream, version, type FROM sequere_event WHERE stream = ANY(%s) ORDER BY version"
TWO_RESOURCES = "INSERT INTO sequere_resource VALUES (%s, %s), (%s, %s) ON CONFLICT DO NOTHING"
RESOURCES = "INSERT INTO sequere_resource VALUES (%s, %s) ON CONFLICT DO NOTHING"
LOCK = """
SELECT 1 FROM sequere_resource WHERE identifier = 'user' AND object_id = ANY(%s)
ORDER BY identifier, object_id FOR UPDATE
"""
EVENT = """
INSERT INTO sequere_event (type, stream, version, actor_identifier, actor_object_id, target_identifier,
    target_object_id, verb, occurred_at, recorded_at, data, metadata, schema_version)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 1) RETURNING id
"""
COPY_EVENTS = """
COPY sequere_event (type, stream, version, actor_identifier, actor_object_id, target_identifier,
    target_object_id, verb, occurred_at, recorded_at, data, metadata, schema_version) FROM STDIN
"""
FOLLOWS = """
INSERT INTO sequere_database_follow (stream, from_identifier, from_object_id, to_identifier, to_object_id,
    followed_at, event_id, friends_at, friends_event_id)
SELECT e.stream, e.actor_identifier, e.actor_object_id, e.target_identifier, e.target_object_id, e.occurred_at, e.id,
    CASE WHEN back.id IS NOT NULL THEN e.occurred_at END, CASE WHEN back.id IS NOT NULL THEN e.id END
FROM unnest(%s::uuid[], %s::uuid[]) AS new (stream, opposite)
JOIN sequere_event e ON e.stream = new.stream AND e.version = 1
LEFT JOIN sequere_event back ON back.stream = new.opposite AND back.version = 1
"""
FRIENDS = """
UPDATE sequere_database_follow f SET friends_at = new.followed_at, friends_event_id = new.event_id
FROM unnest(%s::uuid[], %s::uuid[]) AS pair (stream, opposite), sequere_database_follow new
WHERE f.stream = pair.opposite AND new.stream = pair.stream
"""
COUNTS = """
INSERT INTO sequere_database_followcount (identifier, object_id, other_identifier, followers, followings, friends)
SELECT 'user', object_id, 'user', followers, followings, 0
FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) AS more (object_id, followers, followings)
ON CONFLICT (identifier, object_id, other_identifier) DO UPDATE SET
    followers = sequere_database_followcount.followers + EXCLUDED.followers,
    followings = sequere_database_followcount.followings + EXCLUDED.followings
"""
IMPORT = """
INSERT INTO sequere_timeline_database_entry (action_id, owner_identifier, owner_object_id, date, reasons)
SELECT id, %s, %s, date, 4 FROM sequere_timeline_database_savedaction
WHERE actor_identifier = %s AND actor_object_id = %s AND published_event_id IS NOT NULL
ON CONFLICT (action_id, owner_identifier, owner_object_id) DO UPDATE SET
    reasons = sequere_timeline_database_entry.reasons | EXCLUDED.reasons
"""
ACTION = """
INSERT INTO sequere_timeline_database_savedaction (id, uid, actor_identifier, actor_object_id, verb, target_identifier,
    target_object_id, target_deleted, date, kwargs, published_event_id)
VALUES (%s, %s, %s, %s, %s, '', '', false, %s, %s, %s)
"""
OWN_ENTRY = """
INSERT INTO sequere_timeline_database_entry (action_id, owner_identifier, owner_object_id, date, reasons)
VALUES (%s, %s, %s, %s, 1)
"""
FAN_OUT = """
INSERT INTO sequere_timeline_database_entry (action_id, owner_identifier, owner_object_id, date, reasons)
SELECT %s, from_identifier, from_object_id, %s, 4 FROM sequere_database_follow
WHERE to_identifier = %s AND to_object_id = %s
"""
FOLLOWERS = """
SELECT from_object_id, followed_at FROM sequere_database_follow WHERE to_identifier = %s AND to_object_id = %s
ORDER BY followed_at DESC, event_id DESC LIMIT 25
"""
ENTRIES = """
SELECT a.uid, a.verb, a.actor_object_id, a.date, a.kwargs, e.reasons
FROM sequere_timeline_database_entry e JOIN sequere_timeline_database_savedaction a ON a.id = e.action_id
WHERE e.owner_identifier = %s AND e.owner_object_id = %s ORDER BY e.date DESC, e.action_id DESC LIMIT 25
"""
USERS = """
SELECT id, username, first_name, last_name, email, is_staff, is_active, is_superuser, password, last_login, date_joined
FROM testapp_user WHERE id = ANY(%s)
"""
COUNT = "SELECT sum(followers) FROM sequere_database_followcount WHERE identifier = %s AND object_id = %s"
IS_FOLLOWING = "SELECT 1 FROM sequere_database_follow WHERE stream = %s"
REBUILT_FOLLOWS = """
INSERT INTO sequere_database_follow (stream, from_identifier, from_object_id, to_identifier, to_object_id,
    followed_at, event_id, friends_at, friends_event_id)
SELECT DISTINCT ON (e.stream) e.stream, e.actor_identifier, e.actor_object_id, e.target_identifier, e.target_object_id,
    e.occurred_at, e.id, greatest(e.occurred_at, back.occurred_at), greatest(e.id, back.id)
FROM sequere_event e
LEFT JOIN sequere_event back
    ON (back.actor_identifier, back.actor_object_id) = (e.target_identifier, e.target_object_id)
    AND (back.target_identifier, back.target_object_id) = (e.actor_identifier, e.actor_object_id)
    AND back.type = 'followed'
WHERE e.type = 'followed' ORDER BY e.stream, e.version DESC
"""
REBUILT_COUNTS = """
INSERT INTO sequere_database_followcount (identifier, object_id, other_identifier, followers, followings, friends)
SELECT identifier, object_id, other, sum(followers), sum(followings), sum(friends) FROM (
    SELECT to_identifier, to_object_id, from_identifier, 1, 0, 0 FROM sequere_database_follow
    UNION ALL
    SELECT from_identifier, from_object_id, to_identifier, 0, 1, (friends_event_id IS NOT NULL)::int
    FROM sequere_database_follow
) AS one (identifier, object_id, other, followers, followings, friends)
GROUP BY identifier, object_id, other
"""


@dataclass(slots=True)
class User:
    id: int
    username: str
    first_name: str
    last_name: str
    email: str
    is_staff: bool
    is_active: bool
    is_superuser: bool
    password: str
    last_login: datetime | None
    date_joined: datetime


@dataclass(slots=True)
class Action:
    uid: Any
    verb: str
    actor: User
    date: datetime
    kwargs: dict[str, Any]
    reasons: int


class Raw:
    """The work by hand, on a connection."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def follow(self, from_key: ResourceKey, to_key: ResourceKey) -> None:
        stream, opposite, now = (
            RelationKey(from_key, to_key).stream,
            RelationKey(to_key, from_key).stream,
            datetime.now(UTC),
        )
        with self._connection.transaction():
            run = self._connection.execute
            if run(LATEST, [[stream]]).fetchall():
                return
            run(TWO_RESOURCES, [*min(from_key, to_key), *max(from_key, to_key)])
            run(LOCK, [[from_key.object_id, to_key.object_id]])
            run(EVENT, ["followed", stream, 1, *from_key, *to_key, "", now, now, Jsonb({}), Jsonb({})])
            run(FOLLOWS, [[stream], [opposite]])
            run(FRIENDS, [[stream], [opposite]])
            run(COUNTS, [[from_key.object_id, to_key.object_id], [0, 1], [1, 0]])
            run(IMPORT, [*from_key, *to_key])

    def follow_many(self, pairs: Iterable[Pair]) -> None:
        waiting = iter(pairs)
        while batch := list(islice(waiting, BATCH_SIZE)):
            with self._connection.transaction(), self._connection.cursor() as cursor:
                self._follow_batch(cursor, batch)

    def _follow_batch(self, cursor: psycopg.Cursor[Any], batch: list[Pair]) -> None:
        streams = [RelationKey(*pair).stream for pair in batch]
        opposite = [RelationKey(*reversed(pair)).stream for pair in batch]
        known = {row[0] for row in cursor.execute(LATEST, [streams])}
        ends = sorted({key for pair in batch for key in pair})
        object_ids = [key.object_id for key in ends]
        now = datetime.now(UTC)
        cursor.executemany(RESOURCES, ends)
        cursor.execute(LOCK, [object_ids])
        with cursor.copy(COPY_EVENTS) as copy:
            for stream, (from_key, to_key) in zip(streams, batch, strict=True):
                if stream not in known:
                    copy.write_row(("followed", stream, 1, *from_key, *to_key, "", now, now, "{}", "{}", 1))
        cursor.execute(FOLLOWS, [streams, opposite])
        cursor.execute(FRIENDS, [streams, opposite])
        followers = Counter(to_key.object_id for _, to_key in batch)
        followings = Counter(from_key.object_id for from_key, _ in batch)
        cursor.execute(
            COUNTS, [object_ids, [followers[key] for key in object_ids], [followings[key] for key in object_ids]]
        )

    def publish(self, actor: ResourceKey) -> None:
        uid, now = uuid4(), datetime.now(UTC)
        with self._connection.transaction():
            run = self._connection.execute
            run(LATEST, [[uid, lifecycle(actor)]]).fetchall()
            run(RESOURCES, actor)
            run(LOCK, [[actor.object_id]])
            data = Jsonb({"kwargs": {}, "owners": [[*actor, 0]], "generations": {"actor": 0, "target": None}})
            event = ["action_saved", uid, 1, *actor, "", "", "join", now, now, data, Jsonb({})]
            (pk,) = run(EVENT, event).fetchone()
            run(ACTION, [pk, uid, *actor, "join", now, Jsonb({}), pk])
            run(OWN_ENTRY, [pk, *actor, now])
            run(FAN_OUT, [pk, now, *actor])

    def followers(self, key: ResourceKey) -> list[tuple[User, datetime]]:
        rows = self._connection.execute(FOLLOWERS, key).fetchall()
        users = self._users(int(row[0]) for row in rows)
        return [(users[int(object_id)], since) for object_id, since in rows]

    def timeline(self, key: ResourceKey) -> list[Action]:
        rows = self._connection.execute(ENTRIES, key).fetchall()
        users = self._users(int(row[2]) for row in rows)
        return [
            Action(uid, verb, users[int(actor)], date, kwargs, reasons)
            for uid, verb, actor, date, kwargs, reasons in rows
        ]

    def _users(self, ids: Iterable[int]) -> dict[int, User]:
        return {row[0]: User(*row) for row in self._connection.execute(USERS, [list(set(ids))])}

    def count(self, key: ResourceKey) -> int:
        return int(self._connection.execute(COUNT, key).fetchone()[0])

    def is_following(self, from_key: ResourceKey, to_key: ResourceKey) -> bool:
        return self._connection.execute(IS_FOLLOWING, [RelationKey(from_key, to_key).stream]).fetchone() is not None

    def empty(self, *tables: str) -> None:
        self._connection.execute(f"TRUNCATE {', '.join(tables)}")

    def rebuild(self) -> None:
        with self._connection.transaction():
            self._connection.execute(REBUILT_FOLLOWS)
            self._connection.execute(REBUILT_COUNTS)

    def analyze(self) -> None:
        self._connection.execute("VACUUM ANALYZE")
