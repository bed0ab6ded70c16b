"""The follows that the log wants compared with those that are stored, in SQL: rows come to Python only to be shown.

Two relations are opposite if one is from → to and the other is to → from. Each knows of the friendship.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple, TypeAlias

from django.db import connections

from sequere.backends.database.models import Follow, FollowCount
from sequere.log.reading import last_event
from sequere.relations.types import FOLLOWED
from sequere.sql.dialects import Dialect, dialect
from sequere.sql.statements import statement

#: A SELECT, and the parameters that it takes.
Subselect: TypeAlias = tuple[str, Sequence[Any]]

FOLLOW_COLUMNS = tuple(field.attname for field in Follow._meta.concrete_fields)
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
COUNT_KEY = ("identifier", "object_id", "other_identifier")
COUNT_NUMBERS = ("followers", "followings", "friends")


class FollowStatements:
    """Some relations in the log and in the read model."""

    def __init__(self, relations: Subselect, using: str, *, both: bool) -> None:
        """`relations` SELECTs the stream of each, and that of the opposite relation, which is compared too if `both`
        are."""
        self._connection = connections[using]
        self._relations, self._parameters = relations
        self._texts = _texts(using, both)

    def write(self) -> None:
        """Store what the log wants instead of what is stored, and add the change to the counts.

        1 statement, 3 on databases that cannot write in a WITH clause.
        """
        for text in self._texts.write:
            self._execute(text)

    def differs(self) -> bool:
        """Whether anything is not stored as the log wants it. 1 query."""
        ((differs,),) = self._execute(self._texts.differs)
        return bool(differs)

    def repair(self) -> int:
        """The same as `write()` without the counts; returns how many follows were wrong. 1 statement, or 2."""
        return sum(wrong for text in self._texts.repair for (wrong,) in self._execute(text))

    def differences(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """The rows that are stored and those that the log wants, where they differ; {} for none. 1 query."""
        half = len(FOLLOW_COLUMNS)
        return [(_row(row[:half]), _row(row[half:])) for row in self._execute(self._texts.differences)]

    def _execute(self, text: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(text.replace("{given}", self._relations), self._parameters)
            return cursor.fetchall() if cursor.description else []


def _row(values: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(FOLLOW_COLUMNS, values, strict=True)) if values[0] is not None else {}


class _Texts(NamedTuple):
    """The statements for one database, with {given} for the relations."""

    write: Sequence[str]
    differs: str
    #: Each answers rows of a number, and they add up.
    repair: Sequence[str]
    differences: str


@cache
def _texts(using: str, both: bool) -> _Texts:
    """Put together once for each database."""
    words = dialect(connections[using])
    fragments = _fragments(using, words, both=both)
    wanted, changed, count, delete, put, put_wanted = (
        statement(__package__, name).format_map(fragments)
        for name in ("wanted", "changed", "move_counts", "delete_unwanted", "put_changed", "put_wanted")
    )
    changed = wanted + changed
    delete_counted, put_counted = (f"{step} {words.returning('1')}" for step in (delete, put_wanted))
    if words.writes_in_with:
        write = [f"{changed}, counted AS ({count}), gone AS ({delete}) {put}"]
        number = "SELECT COUNT(*) FROM (SELECT 1 FROM gone UNION ALL SELECT 1 FROM put) AS changed"
        repair = [f"{wanted}, gone AS ({delete_counted}), put AS ({put_counted}) {number}"]
    else:
        write = [f"{changed} {step}" for step in (count, delete, put)]
        repair = [f"{wanted} {step}" for step in (delete_counted, put_counted)]
    return _Texts(
        write=write,
        differs=f"{changed} SELECT EXISTS (SELECT 1 FROM changed)",
        repair=repair,
        differences=f"{changed} SELECT * FROM changed",
    )


def _fragments(using: str, words: Dialect, *, both: bool) -> dict[str, str]:
    follow = Follow._meta.db_table
    sides = [("one", "e"), ("other", "b")] if both else [("one", "e")]
    return {
        "given": "{given}",
        "of_event": _each("e.{0} AS e_{0}", OF_EVENT),
        "of_opposite": _each("b.{0} AS b_{0}", OF_EVENT),
        "last_event": last_event(using, "e", "given.stream", f"e.type = '{FOLLOWED}'"),
        "last_of_opposite": last_event(using, "b", "given.opposite", f"b.type = '{FOLLOWED}'"),
        "sides": " UNION ALL ".join(
            f"SELECT {relation}, {_each(f'{event}_{{0}}', OF_EVENT)}, friends_at, friends_event_id FROM pair"
            for relation, event in sides
        ),
        "stored": words.join_row(follow, "stored", "stream", "wanted.relation"),
        "columns": _each("{0}", FOLLOW_COLUMNS),
        "old_columns": _each("old_{0}", FOLLOW_COLUMNS),
        "of_stored": _each("stored.{0}", FOLLOW_COLUMNS),
        "of_wanted": _each("wanted.{0}", FOLLOW_COLUMNS),
        "of_follow": _each(f"{follow}.{{0}}", FOLLOW_COLUMNS),
        "of_new": _each(words.new_value("{0}"), FOLLOW_COLUMNS),
        "differs_from": words.differs_from,
        "unwanted": words.is_among("SELECT relation FROM wanted WHERE stream IS NULL"),
        "insert_counts": words.insert_into(FollowCount, (*COUNT_KEY, *COUNT_NUMBERS)),
        "add_numbers": words.on_conflict_update(
            FollowCount, COUNT_KEY, **dict.fromkeys(COUNT_NUMBERS, "{old} + {new}")
        ),
        "insert_follows": words.insert_into(Follow, FOLLOW_COLUMNS),
        "replace": words.on_conflict_update(Follow, FOLLOW_COLUMNS[:1], **dict.fromkeys(FOLLOW_COLUMNS[1:], "{new}")),
    }


def _each(form: str, columns: Sequence[str]) -> str:
    return ", ".join(form.format(column) for column in columns)
