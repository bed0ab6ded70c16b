"""The follows that the log wants beside those that are stored, in SQL: rows pass through Python only to be shown.

Two relations are opposite when one is from → to and the other to → from; each knows of the friendship.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

from django.db import connections

from sequere.backends.database.models import Follow, FollowCount
from sequere.log.reading import last_event
from sequere.log.types import FOLLOWED
from sequere.sql.upsert import insert_into, on_conflict

#: A SELECT, and the parameters that it takes.
SQL: TypeAlias = tuple[str, Sequence[Any]]

COLUMNS = tuple(field.attname for field in Follow._meta.concrete_fields)
COUNT_KEY = ("identifier", "object_id", "other_identifier")
NUMBERS = ("followers", "followings", "friends")

#: The same columns in the stored half of a row of `changed`.
OLD = tuple(f"old_{column}" for column in COLUMNS)

#: The columns of an event that become those of a follow.
OF_EVENT = (
    "stream",
    "actor_identifier",
    "actor_object_id",
    "target_identifier",
    "target_object_id",
    "occurred_at",
    "id",
)

# A row of `wanted` for each relation: what the log wants to be stored, with NULLs for nothing. Friends since the later
# of the two follows, which is the same for both of them; two columns are compared at once, to order by time, ties by
# event. PostgreSQL, unless it materializes, may make an opposite more than once.
_WANTED = """
WITH given (stream, opposite) AS MATERIALIZED ({given}),
pair AS (
    SELECT given.stream AS one, given.opposite AS other, {of_event}, {of_back},
           CASE WHEN (b.occurred_at, b.id) > (e.occurred_at, e.id) THEN b.occurred_at
                WHEN b.id IS NOT NULL THEN e.occurred_at END AS friends_at,
           CASE WHEN (b.occurred_at, b.id) > (e.occurred_at, e.id) THEN b.id
                WHEN b.id IS NOT NULL THEN e.id END AS friends_event_id
    FROM given LEFT JOIN {last_event} LEFT JOIN {last_back}
),
wanted (relation, {new}) AS ({sides})
"""

# A row of `changed` for each relation that is not stored as the log wants it: both, with NULLs for none.
_CHANGED = f"""{_WANTED},
changed ({{old}}, {{new}}) AS (
    SELECT {{of_stored}}, {{of_wanted}} FROM wanted LEFT JOIN {{stored}}
    WHERE ({{of_stored}}) {{differs_from}} ({{of_wanted}})
)
"""

_DIFFERS_FROM = {"postgresql": "IS DISTINCT FROM", "sqlite": "IS NOT"}

# LIMIT lets PostgreSQL look up a row for each relation, whatever it thinks of the size of the table.
_STORED = {
    "postgresql": "LATERAL (SELECT * FROM {follow} WHERE stream = wanted.relation LIMIT 1) stored ON true",
    "sqlite": "{follow} stored ON stored.stream = wanted.relation",
}

_COUNT = """
{insert_counts}
SELECT identifier, object_id, other_identifier, SUM(followers), SUM(followings), SUM(friends) FROM (
    SELECT to_identifier AS identifier, to_object_id AS object_id, from_identifier AS other_identifier,
           1 AS followers, 0 AS followings, 0 AS friends FROM changed WHERE stream IS NOT NULL
    UNION ALL
    SELECT old_to_identifier, old_to_object_id, old_from_identifier, -1, 0, 0 FROM changed WHERE old_stream IS NOT NULL
    UNION ALL
    SELECT from_identifier, from_object_id, to_identifier,
           0, 1, CASE WHEN friends_event_id IS NULL THEN 0 ELSE 1 END FROM changed WHERE stream IS NOT NULL
    UNION ALL
    SELECT old_from_identifier, old_from_object_id, old_to_identifier,
           0, -1, CASE WHEN old_friends_event_id IS NULL THEN 0 ELSE -1 END FROM changed WHERE old_stream IS NOT NULL
) AS moved
GROUP BY identifier, object_id, other_identifier
HAVING SUM(followers) <> 0 OR SUM(followings) <> 0 OR SUM(friends) <> 0
{add_numbers}
"""

_DELETE = "DELETE FROM {follow} WHERE stream {unwanted}"

#: As an array, the streams are looked up once, whatever PostgreSQL thinks of the size of the table.
_UNWANTED = {
    "postgresql": "= ANY (ARRAY(SELECT relation FROM wanted WHERE stream IS NULL))",
    "sqlite": "IN (SELECT relation FROM wanted WHERE stream IS NULL)",
}

_PUT = "{insert_follows} SELECT {new} FROM changed WHERE stream IS NOT NULL {replace}"

# Where most is missing, it takes long to look for it first.
_PUT_WANTED = """
{insert_follows} SELECT {new} FROM wanted WHERE stream IS NOT NULL
{replace} WHERE ({of_follow}) {differs_from} ({of_new})
"""


class Comparison:
    """Some relations in the log and in the read model."""

    def __init__(self, relations: SQL, using: str, *, both: bool) -> None:
        """`relations` SELECTs the stream of each, and that of the relation the other way round, which is compared as
        well if `both` are."""
        self._connection = connections[using]
        select, self._parameters = relations
        self._words = {"given": select, **self._vocabulary(both)}

    def write(self) -> None:
        """Store what the log wants in the place of what is stored, and add the change to the counts.

        1 statement, on databases that have no statement for it 3.
        """
        if self._connection.vendor == "postgresql":
            self._execute(f"{_CHANGED}, counted AS ({_COUNT}), gone AS ({_DELETE}) {_PUT}")
        else:
            for step in (_COUNT, _DELETE, _PUT):
                self._execute(f"{_CHANGED} {step}")

    def differs(self) -> bool:
        """Whether anything is not stored as the log wants it. 1 query."""
        ((differs,),) = self._execute(f"{_CHANGED} SELECT EXISTS (SELECT 1 FROM changed)")
        return bool(differs)

    def repair(self) -> int:
        """The same without counting; returns how many follows were wrong. 1 statement, on some databases 2."""
        gone, put = (f"{step} RETURNING 1" for step in (_DELETE, _PUT_WANTED))
        if self._connection.vendor == "postgresql":
            both = "SELECT 1 FROM gone UNION ALL SELECT 1 FROM put"
            ((wrong,),) = self._execute(
                f"{_WANTED}, gone AS ({gone}), put AS ({put}) SELECT COUNT(*) FROM ({both}) AS changed"
            )
            return int(wrong)
        return sum(len(self._execute(f"{_WANTED} {step}")) for step in (gone, put))

    def differences(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """The rows that are stored and those that the log wants, where they differ; {} for none. 1 query."""
        rows = self._execute(f"{_CHANGED} SELECT * FROM changed")
        return [(_row(row[: len(COLUMNS)]), _row(row[len(COLUMNS) :])) for row in rows]

    def _execute(self, sql: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql.format_map(self._words), self._parameters)
            return cursor.fetchall() if cursor.description else []

    def _vocabulary(self, both: bool) -> dict[str, str]:
        connection, vendor = self._connection, self._connection.vendor
        follow = connection.ops.quote_name(Follow._meta.db_table)
        sides = [("one", "e"), ("other", "b")] if both else [("one", "e")]
        return {
            "of_event": ", ".join(f"e.{column} AS e_{column}" for column in OF_EVENT),
            "of_back": ", ".join(f"b.{column} AS b_{column}" for column in OF_EVENT),
            "last_event": last_event(connection, "e", "given.stream", f"e.type = '{FOLLOWED}'"),
            "last_back": last_event(connection, "b", "given.opposite", f"b.type = '{FOLLOWED}'"),
            "sides": " UNION ALL ".join(_side(*side) for side in sides),
            "follow": follow,
            "stored": _STORED[vendor].format(follow=follow),
            "old": ", ".join(OLD),
            "new": ", ".join(COLUMNS),
            "of_stored": ", ".join(f"stored.{column}" for column in COLUMNS),
            "of_follow": ", ".join(f"{follow}.{column}" for column in COLUMNS),
            "of_new": ", ".join(f"EXCLUDED.{column}" for column in COLUMNS),
            "of_wanted": ", ".join(f"wanted.{column}" for column in COLUMNS),
            "differs_from": _DIFFERS_FROM[vendor],
            "unwanted": _UNWANTED[vendor],
            "insert_counts": insert_into(connection, FollowCount, (*COUNT_KEY, *NUMBERS)),
            "add_numbers": on_conflict(connection, FollowCount, COUNT_KEY, **dict.fromkeys(NUMBERS, "{old} + {new}")),
            "insert_follows": insert_into(connection, Follow, COLUMNS),
            "replace": on_conflict(connection, Follow, COLUMNS[:1], **dict.fromkeys(COLUMNS[1:], "{new}")),
        }


def _row(values: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(COLUMNS, values, strict=True)) if values[0] is not None else {}


def _side(relation: str, event: str) -> str:
    columns = ", ".join(f"{event}_{column}" for column in OF_EVENT)
    return f"SELECT {relation}, {columns}, friends_at, friends_event_id FROM pair"
