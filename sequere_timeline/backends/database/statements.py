"""The words of this read model's statements. A statement is put together once for each database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connections

from sequere.backends.database.statements import uid_of
from sequere.sql.dialects import Dialect
from sequere.sql.statements import statement
from sequere_timeline.backends.base import Reason
from sequere_timeline.backends.database.models import TimelineState

Answer = list[tuple[Any, ...]]

#: Parameters of what is asked about a timeline: the key of its owner, and now, as the log has the ends of relations.
IDENTIFIER, OBJECT_ID, NOW = "%(identifier)s", "%(object_id)s", "%(now)s"


def ask(sql: str, values: Sequence[Any] | Mapping[str, Any], using: str) -> Answer:
    """The rows that a statement answers. Times are as the driver gives them."""
    with connections[using].cursor() as cursor:
        cursor.execute(sql, values)
        rows: Answer = cursor.fetchall()
    return rows


def change(sql: str, values: Sequence[Any], using: str) -> int:
    """How many rows a statement has changed."""
    with connections[using].cursor() as cursor:
        cursor.execute(sql, values)
        return int(cursor.rowcount)


def moment(date: datetime, using: str) -> Any:
    """A time as a parameter."""
    return connections[using].ops.adapt_datetimefield_value(date)


def filled(name: str, **fragments: str) -> str:
    """The statement in a file of this package."""
    return statement(__package__, name).format_map(fragments)


def uid_of_owner(words: Dialect) -> str:
    """SELECTs the uid of the owner."""
    return uid_of(words) % (IDENTIFIER, OBJECT_ID)


def uid_of_shown_owner(words: Dialect) -> str:
    """The same, NULL for one that is suspended: nothing of it is shown."""
    return uid_of(words, unless_suspended=True) % (IDENTIFIER, OBJECT_ID)


def above_floor(words: Dialect, feed: str, date: str, action_id: str) -> str:
    """The condition that a place is not older than what a trimmed feed keeps."""
    return (
        f"NOT EXISTS (SELECT 1 FROM {words.table(TimelineState)} s WHERE s.feed = {feed}"
        f" AND (s.floor_date, s.floor_action_id) > ({date}, {action_id}))"
    )


def has_reason(reason: Reason, extra: str) -> str:
    """The condition that an entry with some `extra` has a reason."""
    bits = f"{extra} & {reason:d} > 0"
    return f"({extra} IS NULL OR {bits})" if reason is Reason.FOLLOWED else f"({bits})"
