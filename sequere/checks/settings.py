"""The checks of single settings, and of how they are named."""

from collections.abc import Sequence
from difflib import get_close_matches
from inspect import isabstract
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage, Error
from django.db import connections, router

from sequere import conf
from sequere.checks.values import imported, is_number, is_pooled, reason
from sequere.log.models import Event
from sequere.log.validation import SCOPE_MAX_LENGTH
from sequere.tenants import Tenants
from sequere.texts import is_storable


def check_names() -> list[CheckMessage]:
    return [
        checks.Warning(
            f"{name} is not a setting of Sequere, and has no effect.",
            hint=f"Did you mean {likely}? See docs/settings.md for all of them.",
            id="sequere.W005",
        )
        for name, likely in misspelt(conf.SETTINGS)
        if not name.startswith("SEQUERE_TIMELINE")
    ]


def check_page_size() -> list[CheckMessage]:
    size: Any = conf.page_size()
    if is_number(size, int) and size > 0:
        return []
    return [
        Error(
            f"SEQUERE_PAGE_SIZE is {size!r}, which is not a number of entries above 0.",
            hint="Use the number of entries that a page of a list has by default.",
            id="sequere.E027",
        )
    ]


def check_max_followings() -> list[CheckMessage]:
    limit: Any = conf.max_followings()
    if limit is None or (is_number(limit, int) and limit >= 0):
        return []
    return [
        Error(
            f"SEQUERE_MAX_FOLLOWINGS is {limit!r}, which is not a number.",
            hint="Use the number of resources that one may follow, or None for any number.",
            id="sequere.E028",
        )
    ]


def check_health() -> list[CheckMessage]:
    max_lag: Any = conf.health_max_lag()
    max_parked: Any = conf.health_max_parked()
    messages: list[CheckMessage] = []
    if not is_number(max_lag, int | float) or max_lag <= 0:
        messages.append(
            Error(
                f"SEQUERE_HEALTH_MAX_LAG is {max_lag!r}, which is not a number of seconds above 0.",
                hint="Use the number of seconds that an event may be pending before the health view answers 503.",
                id="sequere.E011",
            )
        )
    if max_parked is not None and (not is_number(max_parked, int) or max_parked < 0):
        messages.append(
            Error(
                f"SEQUERE_HEALTH_MAX_PARKED is {max_parked!r}, which is not a number of events.",
                hint="Use the number of events that may be parked before the health view answers 503, or None.",
                id="sequere.E011",
            )
        )
    return messages


def check_follower() -> list[CheckMessage]:
    choose = conf.follower_of_request()
    found = imported(choose) if isinstance(choose, str) else choose
    if found is None or callable(found):
        return []
    return [
        Error(
            f"SEQUERE_FOLLOWER_OF_REQUEST is {choose!r}, which cannot be called: {reason(found)}.",
            hint="Use a function that takes a request and returns an instance, a ResourceKey, or None; or its path.",
            id="sequere.E019",
        )
    ]


def check_tenants() -> list[CheckMessage]:
    path = conf.tenants()
    found = imported(path) if path else None
    if path is None or (isinstance(found, type) and issubclass(found, Tenants) and not isabstract(found)):
        return []
    return [
        Error(
            f"SEQUERE_TENANTS is {path!r}, which does not say what the tenants are: {reason(found)}.",
            hint="Give the dotted path of a subclass of sequere.tenants.Tenants.",
            id="sequere.E025",
        )
    ]


def check_scopes() -> list[CheckMessage]:
    scopes: Any = conf.scopes()
    is_list = isinstance(scopes, list | tuple | set | frozenset)
    if scopes is None or (is_list and all(is_storable(one, SCOPE_MAX_LENGTH) for one in scopes)):
        return []
    return [
        Error(
            f"SEQUERE_SCOPES is {scopes!r}, which is not a list of scopes.",
            hint="Use a list of texts of at most 50 characters, such as ['watch', 'star'].",
            id="sequere.E026",
        )
    ]


def check_transaction_mode() -> list[CheckMessage]:
    settings = connections.settings[router.db_for_write(Event)]
    if settings["ENGINE"] != "django.db.backends.sqlite3":
        return []
    mode = settings.get("OPTIONS", {}).get("transaction_mode")
    if str(mode).upper() in {"IMMEDIATE", "EXCLUSIVE"}:
        return []
    return [
        checks.Warning(
            "The event log is in an SQLite database whose transactions begin DEFERRED: simultaneous follows fail with"
            " 'database is locked'.",
            hint='Add "OPTIONS": {"transaction_mode": "IMMEDIATE"} to the database.',
            id="sequere.W001",
        )
    ]


def check_cursors() -> list[CheckMessage]:
    settings = connections.settings[router.db_for_write(Event)]
    is_postgresql = "postg" in settings["ENGINE"]
    if not (is_postgresql and is_pooled(settings)) or settings.get("DISABLE_SERVER_SIDE_CURSORS"):
        return []
    return [
        checks.Warning(
            "The event log is behind PgBouncer, and server-side cursors are not disabled: in transaction mode,"
            " .iterator() outside a transaction fails.",
            hint='Add "DISABLE_SERVER_SIDE_CURSORS": True to the database, unless PgBouncer is in session mode.',
            id="sequere.W009",
        )
    ]


def misspelt(names: Sequence[str]) -> list[tuple[str, str]]:
    """The names of the project's settings that are none of these, each with the most similar one."""
    unknown = sorted({*conf.named_like_settings()} - {*names})
    return [(name, get_close_matches(name, names, n=1, cutoff=0)[0]) for name in unknown]
