"""Validation: what a caller gives, in the form in which the log can keep it."""

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone

from sequere.exceptions import InvalidEventData, InvalidTimestamp, shown
from sequere.texts import why_not_storable

VERB_MAX_LENGTH = 255
SCOPE_MAX_LENGTH = 50
#: How deep data may be nested. Databases and versions of Python have other limits, all of them beyond this one.
MAX_DEPTH = 100
#: The first and the last moment: any time zone has them, too, and can show them.
FIRST_MOMENT = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)
LAST_MOMENT = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)


def check_text(text: Any, where: str, max_length: int | None = None) -> None:
    """Raise InvalidEventData unless every database can store the text."""
    if not isinstance(text, str):
        raise InvalidEventData(where=where, reason=f"it is {shown(text, repr)}, not a text")
    if reason := why_not_storable(text, max_length):
        raise InvalidEventData(where=where, reason=reason)


def check_data(data: Any, where: str = "the data of the event") -> None:
    """Raise InvalidEventData unless these can be the data of an event, or a part of them that is an object."""
    if not isinstance(data, dict):
        raise InvalidEventData(where=where, reason=f"it is {shown(data, repr)}, not a dict")
    check_json(data, where)


def check_json(value: Any, where: str) -> None:
    """Raise InvalidEventData unless the log returns `value` exactly as it was given."""
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidEventData(where=where, reason=str(error)) from error
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(value) > MAX_DEPTH:
        raise InvalidEventData(where=where, reason=f"it is nested deeper than {MAX_DEPTH} levels")
    if json.loads(text, parse_float=_as_stored) != value:
        raise InvalidEventData(where=where, reason=f"{shown(value, repr)} would come back as {shown(text)}")
    if "\\u0000" in text.replace("\\\\", ""):
        raise InvalidEventData(where=where, reason="it contains a NUL character")


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while nested := [one for one in level if isinstance(one, dict | list | tuple)]:
        depth += 1
        level = [child for one in nested for child in (one.values() if isinstance(one, dict) else one)]
    return depth


def _as_stored(number: str) -> float:
    """PostgreSQL keeps the decimal digits of a number: a large one without a fraction comes back as an int."""
    exact = Decimal(number)
    return int(exact) if "e" in number.lower() and exact == exact.to_integral_value() else float(number)


def point_in_time(timestamp: datetime | float) -> datetime:
    """The moment that a caller means, in UTC: a datetime, read as the fields of Django read it, or seconds since 1970.
    Without USE_TZ, in the local time of the project. Raises InvalidTimestamp.

    Datetimes of other zones are not kept: in the hour that summer time repeats, they are not even equal to what the
    database returns for them.
    """
    try:
        moment = _in_utc(timestamp)
    except Exception as error:  # the tzinfo of a host may raise anything
        raise InvalidTimestamp(timestamp=timestamp) from error
    if moment is None or not FIRST_MOMENT <= moment <= LAST_MOMENT:
        raise InvalidTimestamp(timestamp=timestamp)
    return moment if settings.USE_TZ else timezone.make_naive(moment, timezone.get_default_timezone())


def midnight(day: date, days: int = 0) -> datetime:
    """The moment at which a day begins, or one some days after it. Raises InvalidTimestamp."""
    point_in_time(datetime.combine(day, time.min))  # so that there is a day after it
    return point_in_time(datetime.combine(day + timedelta(days=days), time.min))


def _in_utc(timestamp: Any) -> datetime | None:
    """None for what is neither a datetime nor a number, and on the first and the last day of any calendar."""
    if isinstance(timestamp, datetime):
        if timestamp.date() in {date.min, date.max}:
            return None
        aware = timezone.is_aware(timestamp)
        return (timestamp if aware else timezone.make_aware(timestamp, timezone.get_default_timezone())).astimezone(UTC)
    is_number = isinstance(timestamp, int | float) and not isinstance(timestamp, bool)
    return datetime.fromtimestamp(timestamp, UTC) if is_number else None
