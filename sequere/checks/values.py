"""What the values of settings are."""

from collections.abc import Mapping
from typing import Any

from django.utils.module_loading import import_string

#: Where PgBouncer listens.
PGBOUNCER_PORT = "6432"


def is_number(value: Any, kinds: Any) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


def imported(path: str) -> Any:
    try:
        return import_string(path)
    except ImportError as error:
        return error


def reason(found: Any) -> str:
    return str(found) if isinstance(found, ImportError) else f"it is {found!r}"


def is_pooled(settings: Mapping[str, Any]) -> bool:
    """Whether the settings of a database look like those of PgBouncer."""
    return str(settings["PORT"]) == PGBOUNCER_PORT or "pgbouncer" in str(settings["HOST"]).lower()
