"""Relations that end by themselves: the event that begins one may say until when it lasts.

The log says so, and nobody records that the moment has come: whoever asks looks at the clock.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from sequere.log.models import Event
from sequere.log.reading import History, latest_of
from sequere.log.validation import point_in_time
from sequere.relations.intents import RelationChange, is_live, saying
from sequere.relations.key import RelationKey
from sequere.sql.dialects import Dialect, dialect

#: In the data of an event.
UNTIL = "until"
#: Of the text of a moment, and what is later than all of them.
_LENGTH, _NEVER = 32, "~"


def data_until(end: datetime | None) -> dict[str, Any]:
    """The data of an event that begins a relation until some moment; None for no end."""
    return {} if end is None else {UNTIL: in_log(end)}


def in_log(moment: datetime) -> str:
    """A moment as data have it. These texts have the order of the moments."""
    aware = moment if timezone.is_aware(moment) else timezone.make_aware(moment, timezone.get_default_timezone())
    return aware.astimezone(UTC).isoformat(timespec="microseconds")


def end_of(event: Event) -> datetime | None:
    """Until when the relation lasts that an event has begun; None for no end."""
    until = event.data.get(UNTIL)
    return None if until is None else point_in_time(datetime.fromisoformat(until))


def over_among(relations: Iterable[RelationKey], using: str) -> set[RelationKey]:
    """Those of some live relations that have ended by themselves. 1 query."""
    by_stream = {relation.stream: relation for relation in relations}
    if not by_stream:
        return set()
    now = in_log(timezone.now())
    latest = latest_of(by_stream, using)
    return {by_stream[stream] for stream, event in latest.items() if event.data.get(UNTIL, _NEVER) <= now}


class Until(models.Func):
    """In SQL, until when a relation lasts, from the data of the event that began it: as `in_log()` says it."""

    output_field = models.TextField()

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper, *args: Any, **kwargs: Any) -> tuple[str, Any]:
        return super().as_sql(compiler, connection, template=until_in_sql(dialect(connection), "%(expressions)s"))


def until_in_sql(words: Dialect, data: str) -> str:
    """The same, from a column with data."""
    return f"COALESCE({words.json_text(data, UNTIL, _LENGTH)}, '{_NEVER}') COLLATE {words.order_of_python}"


def changes_until(end: datetime | None) -> tuple[RelationChange, RelationChange]:
    """The relation should last until some moment: one that has another end ends, and begins again."""
    return (
        RelationChange(begins=False, decide=partial(_unless_until, end)),
        RelationChange(begins=True, decide=partial(saying, data_until(end))),
    )


def lasts_until(end: datetime | None, history: History) -> bool:
    """Whether the relation with this history is live, and has this end; even one that has come."""
    return is_live(history) and history.last is not None and history.last.data == data_until(end)


def _unless_until(end: datetime | None, history: History) -> Mapping[str, Any] | None:
    return {} if is_live(history) and not lasts_until(end, history) else None
