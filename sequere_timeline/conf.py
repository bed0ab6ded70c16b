"""The settings of sequere_timeline, read when they are used. Each docstring is the manual of its setting."""

from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.conf import settings

#: All settings of timelines.
TIMELINE_SETTINGS = (
    "SEQUERE_TIMELINE_BACKEND",
    "SEQUERE_TIMELINE_BACKEND_OPTIONS",
    "SEQUERE_TIMELINE_EXPIRES_AFTER",
    "SEQUERE_TIMELINE_IMPORT_ACTIONS_ON_FOLLOW",
    "SEQUERE_TIMELINE_MAX_LENGTH",
    "SEQUERE_TIMELINE_REMOVE_ACTIONS_ON_UNFOLLOW",
)
#: The name of the projection.
TIMELINES = "timelines"
DATABASE = "sequere_timeline.backends.database.DatabaseBackend"
REDIS = "sequere.contrib.timeline.redis.RedisBackend"


def timeline_backend() -> str:
    """`SEQUERE_TIMELINE_BACKEND`: the dotted path of the backend that keeps the timelines. By default the database
    backend if its app is installed, otherwise the Redis backend."""
    return str(getattr(settings, "SEQUERE_TIMELINE_BACKEND", DATABASE if _is_database_installed() else REDIS))


def is_backend_chosen() -> bool:
    """Whether the project chooses where timelines are kept."""
    return _is_database_installed() or getattr(settings, "SEQUERE_TIMELINE_BACKEND", None) is not None


def _is_database_installed() -> bool:
    return apps.is_installed("sequere_timeline.backends.database")


def timeline_backend_options() -> Mapping[str, Any]:
    """`SEQUERE_TIMELINE_BACKEND_OPTIONS`: the options of the backend of the timelines, such as the address of its
    server."""
    options: Mapping[str, Any] = getattr(settings, "SEQUERE_TIMELINE_BACKEND_OPTIONS", {})
    return options


def import_actions_on_follow() -> bool:
    """`SEQUERE_TIMELINE_IMPORT_ACTIONS_ON_FOLLOW`: whether a follow brings earlier actions (True)."""
    return bool(getattr(settings, "SEQUERE_TIMELINE_IMPORT_ACTIONS_ON_FOLLOW", True))


def remove_actions_on_unfollow() -> bool:
    """`SEQUERE_TIMELINE_REMOVE_ACTIONS_ON_UNFOLLOW`: whether an unfollow removes the actions of the follow
    (True)."""
    return bool(getattr(settings, "SEQUERE_TIMELINE_REMOVE_ACTIONS_ON_UNFOLLOW", True))


def only_live_follows_count() -> bool:
    """Whether, by these two, a live follow justifies everything, and any other nothing. Then its last event is
    enough."""
    return import_actions_on_follow() and remove_actions_on_unfollow()


def max_length(default: int | None = None) -> int | None:
    """`SEQUERE_TIMELINE_MAX_LENGTH`: how many entries a private timeline keeps, or None for all. The default is None in
    the database, 800 in Redis.

    A timeline may exceed the cap by a sixteenth before it is trimmed, so that not every action trims it.
    """
    length: int | None = getattr(settings, "SEQUERE_TIMELINE_MAX_LENGTH", default)
    return length


#: A fan-out trims a timeline that exceeds the cap by the cap divided by this.
HYSTERESIS = 16
DAY = 24 * 60 * 60


def expires_after() -> float | None:
    """`SEQUERE_TIMELINE_EXPIRES_AFTER`: the number of days after which Redis drops a private timeline that nobody
    reads, or None for never (30). When it is read again, it is filled again."""
    days: float | None = getattr(settings, "SEQUERE_TIMELINE_EXPIRES_AFTER", 30)
    return days


def seconds_to_keep() -> int:
    """The same in seconds; 0 for never."""
    days = expires_after()
    return 0 if days is None else max(1, round(days * DAY))
