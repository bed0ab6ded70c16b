"""The primary keys of a model as texts: one text for each key, whatever Python value it has."""

import math
from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import DecimalValidator
from django.db import connection, models
from django.utils import timezone

#: What Django's own fields prepare. The fields of some hosts prepare a value only when they know the database.
_PLAIN = (str, int, float, Decimal, UUID, date, time, timedelta, bytes, bytearray, memoryview)
#: A few characters can name a number with more digits than memory has room for.
_MOST_DIGITS = 1000
#: Python reads so many digits without a thought.
_FEW_DIGITS = 20


#: What columns of keys hold of which SQL makes the same texts as `PrimaryKey`.
INTEGERS, TEXTS, UUIDS, DECIMALS = "integers", "texts", "uuids", "decimals"
_HELD = {models.IntegerField: INTEGERS, models.CharField: TEXTS, models.TextField: TEXTS, models.UUIDField: UUIDS}
_HELD |= {models.DecimalField: DECIMALS}


class NotAKey(ValueError):
    """A value cannot be a primary key; the message says why."""


class PrimaryKey:
    """The primary key of a model. A key to another model is a key of that model.

    Its text is that of the value that the database is given, so that equal keys have equal texts: a field may have
    texts in Python and integers in its column, `1.50` may be `1.5`, and a moment has many time zones.
    """

    def __init__(self, model: type[models.Model]) -> None:
        field: Any = model._meta.pk
        self.attname: str = field.attname
        while isinstance(field, models.ForeignKey):
            field = field.target_field
        self.field = field
        # What Django itself has in such a column; `field` may be a host's own.
        column: Any = getattr(models, field.get_internal_type(), None)
        is_known = isinstance(column, type) and issubclass(column, models.Field)
        self._column = column() if is_known else field
        self._range = _range_of(field, self._column)
        self._integers = range(0)
        if isinstance(self._column, models.IntegerField):
            low, high = connection.ops.integer_field_range(self._column.get_internal_type())
            self._integers = range(low, high + 1)
        self._is_converted = hasattr(field, "from_db_value")
        is_plain = is_known and type(field).db_type is column.db_type
        #: INTEGERS, TEXTS, UUIDS or DECIMALS; None if the column holds something else.
        self.held = next((held for class_, held in _HELD.items() if is_plain and issubclass(column, class_)), None)
        #: The collation of the column, if it is not that of the database.
        self.collation: str | None = getattr(field, "db_collation", None)
        #: The integers whose texts are their digits, as they are of a field of Django itself: most keys there are.
        self._plain = self._integers if type(field) is type(self._column) else range(0)

    def text(self, value: Any) -> str:
        """The text of a key that an instance has. Raises NotAKey."""
        if type(value) is int and value in self._plain:
            return str(value)
        if value is None:
            raise NotAKey("it is None")
        try:
            prepared = self.field.get_prep_value(self.field.to_python(value))
            if not isinstance(prepared, _PLAIN):
                prepared = self._column.to_python(self.field.get_db_prep_value(value, connection))
            if type(prepared) is int and prepared in self._integers:  # most keys, and validators are slow
                return str(prepared)
            for check in self._range:
                check(prepared)
            return _text_of(prepared)
        except NotAKey:
            raise
        except Exception as error:  # a field of a host may raise anything
            raise NotAKey(_reason(error)) from error

    def value(self, given: Any) -> Any:
        """The Python value of the key that a caller names by its text, or by a value of the field's own type. Raises
        NotAKey."""
        if isinstance(given, str):
            if self._plain and given.isdecimal() and len(given) < _FEW_DIGITS:
                return int(given)
            stored = self._stored(given) if self._is_converted else None
            return self._understood(given) if stored is None else stored
        value = None if given is None else self._understood(given)
        own = () if value is None else (value, self._prepared(value))
        if not any(type(given) is type(one) and given == one for one in own):
            raise NotAKey(f"it is neither a text nor a key of a {type(self.field).__name__}")
        return value

    def _stored(self, text: str) -> Any:
        """The value that has a text; None if no value has it, such as another spelling of one."""
        try:
            value = self.field.from_db_value(self._column.to_python(text), self.field.cached_col, connection)
            return value if self.text(value) == text else None
        except Exception:  # noqa: BLE001  # a field of a host may raise anything
            return None

    def _understood(self, given: Any) -> Any:
        """The value that the field itself makes of something."""
        try:
            return self.field.to_python(given)
        except Exception as error:  # a field of a host may raise anything
            raise NotAKey(_reason(error)) from error

    def _prepared(self, value: Any) -> Any:
        try:
            return self.field.get_prep_value(value)
        except Exception as error:  # a field of a host may raise anything
            raise NotAKey(_reason(error)) from error


def _range_of(field: Any, column: Any) -> Sequence[Callable[[Any], None]]:
    """What checks that a key is in the range of its column: databases raise beyond it."""
    if isinstance(column, models.IntegerField):
        return tuple(column.validators)
    if isinstance(column, models.DecimalField) and isinstance(field, models.DecimalField):
        check = DecimalValidator(field.max_digits, field.decimal_places)
        return (lambda value: check(Decimal(_digits(value))),)
    return ()


def _text_of(prepared: Any) -> str:
    """Equal values have equal texts."""
    if isinstance(prepared, str):
        return str.__str__(prepared)  # a member of an enumeration is a text as well
    if isinstance(prepared, int) and not isinstance(prepared, bool):
        return str(int(prepared))
    if isinstance(prepared, Decimal):
        return _digits(prepared)
    if isinstance(prepared, float):
        if not math.isfinite(prepared):
            raise NotAKey("it is not finite")
        return repr(prepared + 0.0)  # -0.0 is 0.0
    if isinstance(prepared, datetime) and timezone.is_aware(prepared):
        return prepared.astimezone(UTC).isoformat()
    if isinstance(prepared, bytes | bytearray | memoryview):
        return b64encode(prepared).decode()
    if prepared is None:
        raise NotAKey("it is None")
    return str(prepared)


def _digits(number: Decimal) -> str:
    """A decimal number without an exponent and without needless zeros."""
    if not number:
        return "0"
    if not number.is_finite():
        raise NotAKey("it is not finite")
    if abs(number.adjusted()) > _MOST_DIGITS:
        raise NotAKey(f"it has more than {_MOST_DIGITS} digits")
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _reason(error: Exception) -> str:
    return (" ".join(error.messages) if isinstance(error, ValidationError) else str(error)).rstrip(".")
