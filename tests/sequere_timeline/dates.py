"""Days of the month when the documentation was written."""

from datetime import UTC, datetime


def october(day: int, **time: int) -> datetime:
    return datetime(2013, 10, day, tzinfo=UTC).replace(**time)
