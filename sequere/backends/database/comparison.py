"""The follows that the log wants beside those that are stored, in SQL: rows pass through Python only to be shown.

Two relations are opposite when one is from → to and the other to → from; each knows of the friendship.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import connections

from sequere.backends.database.models import Follow, FollowCount
from sequere.base import ResourceKey
from sequere.events import FOLLOWED, Event, relation
from sequere.rows import parameter, table
from sequere.upsert import insert_into, on_conflict

#: Relations by their stream: from and to.
Relations = Mapping[UUID, tuple[ResourceKey, ResourceKey]]

COLUMNS = tuple(field.attname for field in Follow._meta.concrete_fields)
ENDS = ("from_identifier", "from_object_id", "to_identifier", "to_object_id")
COUNT_KEY = ("identifier", "object_id", "other_identifier")
NUMBERS = ("followers", "followings", "friends")

# The last event of a stream is looked up stream by stream: a join would let a planner read the whole log. Friends since
# the later of the two follows; two columns are compared at once, to order by time, ties by event.
_WANTED = """
WITH pair (stream, opposite) AS ({pairs}),
last AS (
    SELECT (SELECT id FROM {event} WHERE stream = pair.stream ORDER BY version DESC LIMIT 1) AS event_id,
           (SELECT id FROM {event} WHERE stream = pair.opposite ORDER BY version DESC LIMIT 1) AS back_id
    FROM pair
),
wanted AS (
    SELECT e.stream, e.actor_identifier AS from_identifier, e.actor_object_id AS from_object_id,
           e.target_identifier AS to_identifier, e.target_object_id AS to_object_id,
           e.occurred_at AS followed_at, e.id AS event_id,
           CASE WHEN (b.occurred_at, b.id) > (e.occurred_at, e.id) THEN b.occurred_at
                WHEN b.id IS NOT NULL THEN e.occurred_at END AS friends_at,
           CASE WHEN (b.occurred_at, b.id) > (e.occurred_at, e.id) THEN b.id
                WHEN b.id IS NOT NULL THEN e.id END AS friends_event_id
    FROM last
    JOIN {event} e ON e.id = last.event_id AND e.type = '{followed}'
    LEFT JOIN {event} b ON b.id = last.back_id AND b.type = '{followed}'
)
"""

# The streams that are not live by their last event; without a join that a planner could get wrong.
_GONE = """
WITH pair (stream, opposite) AS ({pairs})
SELECT stream FROM (
    SELECT stream, (SELECT type FROM {event} WHERE stream = pair.stream ORDER BY version DESC LIMIT 1) AS type FROM pair
) AS last WHERE type IS NULL OR type <> '{followed}'
"""

#: As an array, the streams are looked up once, whatever PostgreSQL thinks of the size of the table.
_ONE_OF = {"postgresql": "= ANY (ARRAY({}))", "sqlite": "IN ({})"}

_DIFFER = {"postgresql": "IS DISTINCT FROM", "sqlite": "IS NOT"}

_GAINED = """
, moved AS (
    SELECT {ends}, friends_event_id, 1 AS sign FROM wanted
    UNION ALL SELECT {ends}, friends_event_id, -1 FROM pair JOIN {follow} stored ON stored.stream = pair.stream
)
SELECT identifier, object_id, other_identifier, SUM(followers), SUM(followings), SUM(friends) FROM (
    SELECT to_identifier AS identifier, to_object_id AS object_id, from_identifier AS other_identifier,
           sign AS followers, 0 AS followings, 0 AS friends FROM moved
    UNION ALL
    SELECT from_identifier, from_object_id, to_identifier,
           0, sign, CASE WHEN friends_event_id IS NULL THEN 0 ELSE sign END FROM moved
) AS gained
GROUP BY identifier, object_id, other_identifier
HAVING SUM(followers) <> 0 OR SUM(followings) <> 0 OR SUM(friends) <> 0
"""


class Comparison:
    """Some relations in the log and in the read model."""

    def __init__(self, relations: Relations, using: str) -> None:
        self._connection = connections[using]
        # Both UUIDs of a pair as the text that every database reads.
        pairs = [(stream.hex, relation(to_key, from_key).hex) for stream, (from_key, to_key) in relations.items()]
        self._number = len(pairs)
        self._pairs = parameter(self._connection, pairs)

    def count(self) -> None:
        """Add to the counts what `write()` will change. 1 statement."""
        insert = insert_into(self._connection, FollowCount, (*COUNT_KEY, *NUMBERS))
        add = on_conflict(self._connection, FollowCount, COUNT_KEY, **dict.fromkeys(NUMBERS, "{old} + {new}"))
        self._execute(f"{insert} {_WANTED} {_GAINED} {add}")

    def write(self) -> None:
        """Store what the log wants in the place of what is stored. 2 statements."""
        self._execute(f"DELETE FROM {{follow}} WHERE stream {_ONE_OF[self._connection.vendor].format(_GONE)}")
        insert = insert_into(self._connection, Follow, COLUMNS)
        changed = (
            f"SELECT {_columns('wanted')} FROM wanted LEFT JOIN {{follow}} stored ON stored.stream = wanted.stream"
        )
        replace = on_conflict(self._connection, Follow, COLUMNS[:1], **dict.fromkeys(COLUMNS[1:], "{new}"))
        self._execute(f"{insert} {_WANTED} {changed} WHERE {self._differ()} {replace}")

    def differences(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """The rows that are stored and those that the log wants, where they differ; {} for none. 1 query."""
        both = (
            f"SELECT {_columns('stored')}, {_columns('wanted')} FROM pair"
            " LEFT JOIN {follow} stored ON stored.stream = pair.stream LEFT JOIN wanted ON wanted.stream = pair.stream"
        )
        rows = self._execute(f"{_WANTED} {both} WHERE {self._differ()}")
        return [(_row(row[: len(COLUMNS)]), _row(row[len(COLUMNS) :])) for row in rows]

    def _differ(self) -> str:
        return f"({_columns('stored')}) {_DIFFER[self._connection.vendor]} ({_columns('wanted')})"

    def _execute(self, sql: str) -> list[tuple[Any, ...]]:
        quote = self._connection.ops.quote_name
        stream = Event._meta.get_field("stream")
        filled = sql.format(
            pairs=table(self._connection, [stream, stream], self._number),
            event=quote(Event._meta.db_table),
            follow=quote(Follow._meta.db_table),
            followed=FOLLOWED,
            ends=", ".join(ENDS),
        )
        with self._connection.cursor() as cursor:
            cursor.execute(filled, [self._pairs])
            return cursor.fetchall() if cursor.description else []


def _columns(table: str) -> str:
    return ", ".join(f"{table}.{column}" for column in COLUMNS)


def _row(values: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(COLUMNS, values, strict=True)) if values[0] is not None else {}
