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
TWO_RESOURCES = """
INSERT INTO sequere_resource (identifier, object_id) VALUES (%s, %s), (%s, %s) ON CONFLICT DO NOTHING
"""
RESOURCES = "INSERT INTO sequere_resource (identifier, object_id) VALUES (%s, %s) ON CONFLICT DO NOTHING"
LOCK = """
SELECT object_id, uid FROM sequere_resource WHERE identifier = 'user' AND object_id = ANY(%s)
ORDER BY uid FOR NO KEY UPDATE
"""
EVENT_COLUMNS = """occurred_at, recorded_at, stream, version, schema_version, type, actor_identifier, actor_object_id,
    target_identifier, target_object_id, verb, data"""
EVENT = f"""
INSERT INTO sequere_event ({EVENT_COLUMNS}) VALUES (%s, %s, %s, 1, 1, %s, %s, %s, %s, %s, %s, %s) RETURNING id
"""
COPY_EVENTS = f"COPY sequere_event ({EVENT_COLUMNS}) FROM STDIN"
GRAPH = "(SELECT number FROM sequere_graph WHERE type = 'follow' AND scope = '')"
USER = "(SELECT number FROM sequere_name WHERE role = 'kind' AND name = 'user')"
UID = "(SELECT uid FROM sequere_resource WHERE identifier = %s AND object_id = %s)"
FOLLOWS = f"""
INSERT INTO sequere_database_relation (graph, from_kind, to_kind, from_uid, to_uid, since, event_id, mutual_since)
SELECT {GRAPH}, {USER}, {USER}, new.from_uid, new.to_uid, e.occurred_at, e.id,
    CASE WHEN back.id IS NOT NULL THEN e.occurred_at END
FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[], %s::bigint[]) AS new (stream, opposite, from_uid, to_uid)
JOIN sequere_event e ON e.stream = new.stream AND e.version = 1
LEFT JOIN sequere_event back ON back.stream = new.opposite AND back.version = 1
"""
FRIENDS = f"""
UPDATE sequere_database_relation back SET mutual_since = new.since
FROM unnest(%s::bigint[], %s::bigint[]) AS pair (from_uid, to_uid), sequere_database_relation new
WHERE new.graph = {GRAPH} AND new.from_uid = pair.from_uid AND new.to_uid = pair.to_uid
    AND back.graph = new.graph AND back.from_uid = new.to_uid AND back.to_uid = new.from_uid
"""
#: By those who have followed first, ten each.
APPEND_ACTIONS = f"""
INSERT INTO sequere_event ({EVENT_COLUMNS})
SELECT now(), now(), gen_random_uuid(), 1, 1, 'action_saved', actor_identifier, actor_object_id, NULL, '', 'join',
    '{{}}'
FROM (SELECT actor_identifier, actor_object_id FROM sequere_event ORDER BY id LIMIT %s / 10) AS actor,
    generate_series(1, 10)
"""
COUNTS = f"""
INSERT INTO sequere_database_count (graph, kind, uid, incoming, outgoing, mutual)
SELECT {GRAPH}, {USER}, uid, incoming, outgoing, 0
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS more (uid, incoming, outgoing)
ON CONFLICT (graph, uid, kind) DO UPDATE SET
    incoming = sequere_database_count.incoming + EXCLUDED.incoming,
    outgoing = sequere_database_count.outgoing + EXCLUDED.outgoing
"""
IMPORT = """
INSERT INTO sequere_timeline_database_entry (feed, date, action_id)
SELECT %s, date, id FROM sequere_timeline_database_savedaction
WHERE actor_uid = %s AND published_event_id IS NOT NULL
ON CONFLICT (feed, date, action_id) DO UPDATE SET extra = sequere_timeline_database_entry.extra | 4
"""
ACTION = """
INSERT INTO sequere_timeline_database_savedaction (id, date, actor_uid, published_event_id, uid, target_deleted, verb)
VALUES (%s, %s, %s, %s, %s, false, %s)
"""
OWN_ENTRY = "INSERT INTO sequere_timeline_database_entry (feed, date, action_id, extra) VALUES (%s, %s, %s, 1)"
FAN_OUT = f"""
INSERT INTO sequere_timeline_database_entry (feed, date, action_id)
SELECT from_uid, %s, %s FROM sequere_database_relation WHERE graph = {GRAPH} AND to_uid = %s
"""
FOLLOWERS = f"""
SELECT r.object_id, f.since FROM sequere_database_relation f JOIN sequere_resource r ON r.uid = f.from_uid
WHERE f.graph = {GRAPH} AND f.to_uid = {UID} ORDER BY f.since DESC, f.from_uid DESC LIMIT 25
"""
ENTRIES = f"""
SELECT a.uid, a.verb, r.object_id, a.date, COALESCE(a.kwargs, '{{}}'), COALESCE(e.extra, 4)
FROM sequere_timeline_database_entry e
JOIN sequere_timeline_database_savedaction a ON a.id = e.action_id
JOIN sequere_resource r ON r.uid = a.actor_uid
WHERE e.feed = {UID} ORDER BY e.date DESC, e.action_id DESC LIMIT 25
"""
USERS = """
SELECT id, username, first_name, last_name, email, is_staff, is_active, is_superuser, password, last_login, date_joined
FROM testapp_user WHERE id = ANY(%s)
"""
COUNT = f"SELECT sum(incoming) FROM sequere_database_count WHERE graph = {GRAPH} AND uid = {UID}"
IS_FOLLOWING = f"""
SELECT 1 FROM sequere_database_relation WHERE graph = {GRAPH} AND from_uid = {UID} AND to_uid = {UID}
"""
REBUILT_FOLLOWS = f"""
WITH live AS (
    SELECT DISTINCT ON (e.stream) f.identifier AS from_identifier, t.identifier AS to_identifier,
        f.uid AS from_uid, t.uid AS to_uid, e.occurred_at AS since, e.id AS event_id
    FROM sequere_event e
    JOIN sequere_resource f ON (f.identifier, f.object_id) = (e.actor_identifier, e.actor_object_id)
    JOIN sequere_resource t ON (t.identifier, t.object_id) = (e.target_identifier, e.target_object_id)
    WHERE e.type = 'followed' ORDER BY e.stream, e.version DESC
)
INSERT INTO sequere_database_relation (graph, from_kind, to_kind, from_uid, to_uid, since, event_id, mutual_since)
SELECT {GRAPH}, from_.number, to_.number, live.from_uid, live.to_uid, live.since, live.event_id,
    CASE WHEN back.event_id IS NOT NULL THEN greatest(live.since, back.since) END
FROM live
JOIN sequere_name from_ ON from_.role = 'kind' AND from_.name = live.from_identifier
JOIN sequere_name to_ ON to_.role = 'kind' AND to_.name = live.to_identifier
LEFT JOIN live back ON back.from_uid = live.to_uid AND back.to_uid = live.from_uid
"""
REBUILT_COUNTS = """
INSERT INTO sequere_database_count (graph, kind, uid, incoming, outgoing, mutual)
SELECT graph, kind, uid, sum(incoming), sum(outgoing), sum(mutual) FROM (
    SELECT graph, from_kind, to_uid, 1, 0, 0 FROM sequere_database_relation
    UNION ALL
    SELECT graph, to_kind, from_uid, 0, 1, (mutual_since IS NOT NULL)::int FROM sequere_database_relation
) AS one (graph, kind, uid, incoming, outgoing, mutual)
GROUP BY graph, kind, uid
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


def counts(from_uids: list[int], to_uids: list[int]) -> list[list[int]]:
    """The parameters of COUNTS for new follows."""
    incoming, outgoing = Counter(to_uids), Counter(from_uids)
    uids = sorted(incoming | outgoing)
    return [uids, [incoming[uid] for uid in uids], [outgoing[uid] for uid in uids]]


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
            uids = dict(run(LOCK, [[from_key.object_id, to_key.object_id]]).fetchall())
            from_uid, to_uid = uids[from_key.object_id], uids[to_key.object_id]
            run(EVENT, [now, now, stream, "followed", *from_key, *to_key, None, None])
            run(FOLLOWS, [[stream], [opposite], [from_uid], [to_uid]])
            run(FRIENDS, [[from_uid], [to_uid]])
            run(COUNTS, [[from_uid, to_uid], [0, 1], [1, 0]])
            run(IMPORT, [from_uid, to_uid])

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
        now = datetime.now(UTC)
        cursor.executemany(RESOURCES, ends)
        uids = dict(cursor.execute(LOCK, [[key.object_id for key in ends]]).fetchall())
        with cursor.copy(COPY_EVENTS) as copy:
            for stream, (from_key, to_key) in zip(streams, batch, strict=True):
                if stream not in known:
                    copy.write_row((now, now, stream, 1, 1, "followed", *from_key, *to_key, None, None))
        from_uids, to_uids = ([uids[pair[end].object_id] for pair in batch] for end in (0, 1))
        cursor.execute(FOLLOWS, [streams, opposite, from_uids, to_uids])
        cursor.execute(FRIENDS, [from_uids, to_uids])
        cursor.execute(COUNTS, counts(from_uids, to_uids))

    def publish(self, actor: ResourceKey) -> None:
        uid, now = uuid4(), datetime.now(UTC)
        with self._connection.transaction():
            run = self._connection.execute
            run(LATEST, [[uid, lifecycle(actor)]]).fetchall()
            run(RESOURCES, actor)
            ((_, actor_uid),) = run(LOCK, [[actor.object_id]]).fetchall()
            data = Jsonb({"kwargs": {}, "owners": [[*actor, 0]], "generations": {"actor": 0, "target": None}})
            (pk,) = run(EVENT, [now, now, uid, "action_saved", *actor, None, "", "join", data]).fetchone()
            run(ACTION, [pk, now, actor_uid, pk, uid, "join"])
            run(OWN_ENTRY, [actor_uid, now, pk])
            run(FAN_OUT, [now, pk, actor_uid])

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
        return self._connection.execute(IS_FOLLOWING, [*from_key, *to_key]).fetchone() is not None

    def empty(self, *tables: str) -> None:
        self._connection.execute(f"TRUNCATE {', '.join(tables)}")

    def rebuild(self) -> None:
        with self._connection.transaction():
            self._connection.execute(REBUILT_FOLLOWS)
            self._connection.execute(REBUILT_COUNTS)

    def append_actions(self, number: int) -> None:
        """Events of actions of the followers, in the log alone."""
        self._connection.execute(APPEND_ACTIONS, [number])

    def analyze(self) -> None:
        self._connection.execute("VACUUM ANALYZE")
