"""The counts of followers, followings and friends, by kind of the other resource."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connections

from sequere.backends.database.comparison import COUNT_KEY, NUMBERS
from sequere.backends.database.models import Follow, FollowCount
from sequere.base import ResourceKey
from sequere.sql.conditions import among
from sequere.sql.upsert import insert_into, on_conflict


class CountKey(NamedTuple):
    identifier: str
    object_id: str
    other_identifier: str


class Numbers(NamedTuple):
    followers: int = 0
    followings: int = 0
    friends: int = 0


# A row of `changed` for each count that is not what the follows say: what it should be, and what it is. Each side is
# counted first, so that little is left to be sorted; added up and not joined, since PostgreSQL, wrong about sizes, may
# join each row with all others.
_CHANGED = """
WITH side ({key}, {numbers}, {old}) AS (
    SELECT to_identifier, to_object_id, from_identifier, COUNT(*), 0, 0, 0, 0, 0
    FROM {follow} WHERE {followed} GROUP BY to_identifier, to_object_id, from_identifier
    UNION ALL
    SELECT from_identifier, from_object_id, to_identifier, 0, COUNT(*), COUNT(friends_event_id), 0, 0, 0
    FROM {follow} WHERE {following} GROUP BY from_identifier, from_object_id, to_identifier
    UNION ALL
    SELECT {key}, 0, 0, 0, {numbers} FROM {count} WHERE {counted}
),
changed ({key}, {numbers}, {old}) AS (
    SELECT {key}, {sums} FROM side GROUP BY {key} HAVING {differ}
)
"""

_DELETE = "DELETE FROM {count} WHERE ({key}) IN (SELECT {key} FROM changed WHERE {is_nothing})"

_PUT = "{insert} SELECT {key}, {numbers} FROM changed WHERE NOT ({is_nothing}) {replace}"


class Range:
    """The counts of the resources behind one and up to another one, and what the follows say that they should be."""

    def __init__(
        self, after: Sequence[str] | None, until: Sequence[str] | None, resources: Sequence[ResourceKey], using: str
    ) -> None:
        """`resources` are those that the log knows; for others there should be no counts."""
        self._resources = resources
        self._connection = connections[using]
        self._bounds = [(sign, bound) for sign, bound in ((">", after), ("<=", until)) if bound]
        self._words = self._vocabulary()

    def __len__(self) -> int:
        return len(self._resources)

    def resources(self) -> set[ResourceKey]:
        """All of which there are counts, or should be. 1 query."""
        sql = "SELECT DISTINCT identifier, object_id FROM {count} WHERE {counted}".format_map(self._words)
        return {*self._resources, *(ResourceKey(*row) for row in self._execute(sql, times=1))}

    def differs(self) -> bool:
        """1 query."""
        ((differs,),) = self._changed("SELECT EXISTS (SELECT 1 FROM changed)")
        return bool(differs)

    def differences(self) -> list[tuple[CountKey, Numbers, Numbers]]:
        """What should be, and what is, where that is not the same. 1 query."""
        rows = self._changed("SELECT * FROM changed ORDER BY {key}")
        return [(CountKey(*row[:3]), Numbers(*map(int, row[3:6])), Numbers(*map(int, row[6:]))) for row in rows]

    def repair(self) -> int:
        """Make the counts what they should be; returns how many were not. 1 statement, on some databases 3."""
        if self._connection.vendor == "postgresql":
            ((wrong,),) = self._changed(f", gone AS ({_DELETE}), put AS ({_PUT}) SELECT COUNT(*) FROM changed")
        else:
            ((wrong,),) = self._changed("SELECT COUNT(*) FROM changed")
            for step in (_DELETE, _PUT):
                self._changed(step)
        return int(wrong)

    def _changed(self, sql: str) -> list[tuple[Any, ...]]:
        return self._execute(f"{_CHANGED} {sql}".format_map(self._words), times=3)

    def _execute(self, sql: str, times: int) -> list[tuple[Any, ...]]:
        """Run what has the bounds in it so many times."""
        bounds = [part for _, (identifier, object_id) in self._bounds for part in (identifier, identifier, object_id)]
        with self._connection.cursor() as cursor:
            cursor.execute(sql, bounds * times)
            return cursor.fetchall() if cursor.description else []

    def _between(self, prefix: str = "") -> str:
        # The first half is what an index can start from.
        return (
            " AND ".join(
                f"{prefix}identifier {sign[0]}= %s AND ({prefix}identifier, {prefix}object_id) {sign} (%s, %s)"
                for sign, _ in self._bounds
            )
            or "true"
        )

    def _vocabulary(self) -> dict[str, str]:
        connection, quote = self._connection, self._connection.ops.quote_name
        columns, old = (*COUNT_KEY, *NUMBERS), [f"old_{name}" for name in NUMBERS]
        return {
            "key": ", ".join(COUNT_KEY),
            "numbers": ", ".join(NUMBERS),
            "old": ", ".join(old),
            "sums": ", ".join(f"SUM({name})" for name in (*NUMBERS, *old)),
            "differ": " OR ".join(f"SUM({name}) <> SUM(old_{name})" for name in NUMBERS),
            "is_nothing": " AND ".join(f"{name} = 0" for name in NUMBERS),
            "follow": quote(Follow._meta.db_table),
            "count": quote(FollowCount._meta.db_table),
            "followed": self._between("to_"),
            "following": self._between("from_"),
            "counted": self._between(),
            "insert": insert_into(connection, FollowCount, columns),
            "replace": on_conflict(connection, FollowCount, COUNT_KEY, **dict.fromkeys(NUMBERS, "{new}")),
        }


def forget_empty(keys: Sequence[ResourceKey], using: str) -> None:
    """Remove the counts of `keys` that are zero. 1 statement."""
    zero = dict.fromkeys(NUMBERS, 0)
    FollowCount.objects.using(using).filter(among(keys), **zero).delete()
