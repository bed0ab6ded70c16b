"""Columns that store nothing for what is empty: a NULL is a bit, and the log has many of them."""

from typing import TYPE_CHECKING, Any

from django.db import models

if TYPE_CHECKING:
    Text = models.CharField[Any, Any]
else:
    Text = models.CharField


class OptionalText(Text):
    """A text that is NULL in the database if it is ''."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "null": True, "blank": True, "default": ""})

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.CharField", args, kwargs

    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(value) or None

    def from_db_value(self, value: str | None, *_: Any) -> str:
        return value or ""


class OptionalObject(models.JSONField):
    """A JSON object that is NULL in the database if it is {}."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "null": True, "blank": True, "default": dict})

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        return super().get_db_prep_save(value or None, connection)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        stored = super().from_db_value(value, expression, connection)
        # An expression may be a part of the object.
        return {} if value is None and getattr(expression, "target", None) is self else stored
