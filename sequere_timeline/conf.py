"""The settings of sequere_timeline, read when they are used. Each docstring is the manual of its setting."""

from collections.abc import Mapping
from typing import Any

from django.apps import apps

from sequere.conf import get_setting

#: All of them.
NAMES = (
    "SEQUERE_TIMELINE_BACKEND",
    "SEQUERE_TIMELINE_BACKEND_OPTIONS",
    "SEQUERE_TIMELINE_EXPIRES_AFTER",
    "SEQUERE_TIMELINE_IMPORT_ACTIONS_ON_FOLLOW",
    "SEQUERE_TIMELINE_MAX_LENGTH",
    "SEQUERE_TIMELINE_REMOVE_ACTIONS_ON_UNFOLLOW",
)
DATABASE = "sequere_timeline.backends.database.DatabaseBackend"
REDIS = "sequere.contrib.timeline.redis.RedisBackend"


def backend() -> str:
    """`SEQUERE_TIMELINE_BACKEND`: the dotted path of the backend that keeps the timelines. The one in the database
    when its app is installed, else the one in Redis."""
    return str(get_setting("TIMELINE_BACKEND", DATABASE if _is_database_installed() else REDIS))


def is_backend_chosen() -> bool:
    """Whether the project says where timelines are kept."""
    return _is_database_installed() or get_setting("TIMELINE_BACKEND", None) is not None


def _is_database_installed() -> bool:
    return apps.is_installed("sequere_timeline.backends.database")


def backend_options() -> Mapping[str, Any]:
    """`SEQUERE_TIMELINE_BACKEND_OPTIONS`: what the backend of the timelines needs to know, such as the address of its
    server."""
    options: Mapping[str, Any] = get_setting("TIMELINE_BACKEND_OPTIONS", {})
    return options


def import_actions_on_follow() -> bool:
    """`SEQUERE_TIMELINE_IMPORT_ACTIONS_ON_FOLLOW`: whether a follow brings the earlier actions too (True)."""
    return bool(get_setting("TIMELINE_IMPORT_ACTIONS_ON_FOLLOW", True))


def remove_actions_on_unfollow() -> bool:
    """`SEQUERE_TIMELINE_REMOVE_ACTIONS_ON_UNFOLLOW`: whether an unfollow takes its actions away (True)."""
    return bool(get_setting("TIMELINE_REMOVE_ACTIONS_ON_UNFOLLOW", True))


def max_length(default: int | None = None) -> int | None:
    """`SEQUERE_TIMELINE_MAX_LENGTH`: how many entries a private timeline keeps, or None for all. The default is None in
    the database, 800 in Redis.

    It may grow a sixteenth longer before it is trimmed, so that not every action trims it.
    """
    length: int | None = get_setting("TIMELINE_MAX_LENGTH", default)
    return length


#: A fan-out cuts a timeline that is longer than the cap by the cap divided by this.
HYSTERESIS = 16
DAY = 24 * 60 * 60


def expires_after() -> float | None:
    """`SEQUERE_TIMELINE_EXPIRES_AFTER`: the days after which Redis forgets a private timeline that nobody reads, or
    None for never. It is filled again when somebody does (30)."""
    days: float | None = get_setting("TIMELINE_EXPIRES_AFTER", 30)
    return days


def seconds_to_keep() -> int:
    """The same in seconds, 0 for ever."""
    days = expires_after()
    return 0 if days is None else max(1, round(days * DAY))
