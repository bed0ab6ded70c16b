"""Points in time as the scores of sorted sets: microseconds since 1970, as integers.

A score is a double: it tells all microseconds of the years 1684 to 2255 apart, and beyond them only every few.
"""

from datetime import UTC, datetime, timedelta

from django.conf import settings

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_score(moment: datetime) -> int:
    # Without USE_TZ datetimes have no zone; as if in UTC they come back as they were.
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // MICROSECOND


def from_score(score: float | str | bytes) -> datetime:
    moment = EPOCH + timedelta(microseconds=round(float(score)))
    return moment if settings.USE_TZ else moment.replace(tzinfo=None)
