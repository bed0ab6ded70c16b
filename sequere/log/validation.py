"""Validation: what a caller gives, in the form in which the log can keep it."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone

from sequere.exceptions import InvalidEventData, InvalidTimestamp

VERB_MAX_LENGTH = 255
#: How deep data may be nested. Databases and versions of Python have other limits, all of them beyond this one.
MAX_DEPTH = 100


def check_text(text: Any, where: str, max_length: int) -> None:
    """Raise InvalidEventData unless every database can store the text."""
    if not isinstance(text, str):
        raise InvalidEventData(where=where, reason=f"it is {text!r}, not a text")
    if len(text) > max_length:
        raise InvalidEventData(where=where, reason=f"it is longer than {max_length} characters")
    check_json(text, where)


def is_storable(text: str) -> bool:
    """Whether every database can store a text: without NUL and lone surrogates."""
    return "\x00" not in text and (text.isascii() or not any("\ud800" <= one <= "\udfff" for one in text))


def storable(text: str) -> str:
    """A text as every database can store it."""
    return text.encode(errors="replace").decode().replace("\x00", "\ufffd")


def check_data(data: Any) -> None:
    """Raise InvalidEventData unless these can be the data of an event."""
    where = "the data of the event"
    if not isinstance(data, dict):
        raise InvalidEventData(where=where, reason=f"it is {data!r}, not a dict")
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
        raise InvalidEventData(where=where, reason=f"{value!r} would come back as {text}")
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
    """The moment that a caller means: a datetime, read as the fields of Django read it, or seconds since 1970. Raises
    InvalidTimestamp."""
    if isinstance(timestamp, int | float) and not isinstance(timestamp, bool):
        try:
            timestamp = datetime.fromtimestamp(timestamp, UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise InvalidTimestamp(timestamp=timestamp) from error
    if not isinstance(timestamp, datetime):
        raise InvalidTimestamp(timestamp=timestamp)
    zone = timezone.get_default_timezone()
    try:
        aware = timestamp if timezone.is_aware(timestamp) else timezone.make_aware(timestamp, zone)
        aware.astimezone(UTC)
        return aware if settings.USE_TZ else timezone.make_naive(aware, zone)
    except (ValueError, OverflowError) as error:
        raise InvalidTimestamp(timestamp=timestamp) from error
