"""Points in time as the scores of sorted sets: microseconds since 1970, as integers.

A score is a double: it distinguishes all microseconds of the years 1684 to 2255, and is rounded beyond.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
LATEST = datetime.max.replace(tzinfo=UTC) - EPOCH


def to_score(moment: datetime) -> int:
    # Without USE_TZ, datetimes have no time zone. Taken as UTC both ways, they come back unchanged.
    microseconds = ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // _MICROSECOND
    return int(float(microseconds))  # as the server rounds


def from_score(score: float | str | bytes) -> datetime:
    # The end of the year 9999 is rounded to a moment after it.
    moment = EPOCH + min(timedelta(microseconds=round(float(score))), LATEST)
    return moment if settings.USE_TZ else moment.replace(tzinfo=None)


class Score(models.Func):
    """`to_score()` of a column, in SQL: in Python, hundreds of thousands of datetimes take seconds."""

    output_field = models.BigIntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # Without USE_TZ, the local time is taken as UTC.
        moment = "%(expressions)s" if settings.USE_TZ else "%(expressions)s::timestamp"
        template = f"(EXTRACT(EPOCH FROM {moment}) * 1000000)::bigint"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        # The format is YYYY-MM-DD HH:MM:SS, with .ffffff unless that is zero.
        seconds = "CAST(strftime('%%%%s', substr(%(expressions)s, 1, 19)) AS INTEGER)"
        rest = "CAST(substr(substr(%(expressions)s, 21) || '000000', 1, 6) AS INTEGER)"
        return self.as_sql(compiler, connection, template=f"({seconds} * 1000000 + {rest})", **context)
