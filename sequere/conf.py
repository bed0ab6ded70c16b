"""The settings of Sequere, read when they are used. Each docstring is the manual of its setting."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

#: All of them, but for those of timelines.
NAMES = (
    "SEQUERE_BACKEND",
    "SEQUERE_BACKEND_OPTIONS",
    "SEQUERE_CELERY_QUEUES",
    "SEQUERE_FAIL_SILENTLY",
    "SEQUERE_HEALTH_MAX_LAG",
    "SEQUERE_HEALTH_MAX_PARKED",
    "SEQUERE_PROJECTION_MODES",
    "SEQUERE_PROJECTORS",
)


def get_setting(name: str, default: Any) -> Any:
    return getattr(settings, f"SEQUERE_{name}", default)


def named_like_settings() -> list[str]:
    """What the settings of the project have that begins as those of Sequere do."""
    return [name for name in dir(settings) if name.startswith("SEQUERE_")]


def backend() -> str:
    """`SEQUERE_BACKEND`: the dotted path of the backend that keeps the follows."""
    return str(get_setting("BACKEND", "sequere.backends.database.DatabaseBackend"))


def backend_options() -> Mapping[str, Any]:
    """`SEQUERE_BACKEND_OPTIONS`: what the backend of the follows needs to know, such as the address of its server."""
    options: Mapping[str, Any] = get_setting("BACKEND_OPTIONS", {})
    return options


def fail_silently() -> bool:
    """`SEQUERE_FAIL_SILENTLY`: whether a second follow, or an unfollow of nothing, is a no-op (True, the
    default) or raises."""
    return bool(get_setting("FAIL_SILENTLY", True))


def projectors() -> Mapping[str, str]:
    """`SEQUERE_PROJECTORS`: projectors of the host, as {name of the projection: dotted path}."""
    paths: Mapping[str, str] = get_setting("PROJECTORS", {})
    return paths


INLINE = "inline"
ON_COMMIT = "on_commit"
CELERY = "celery"
MODES = (INLINE, ON_COMMIT, CELERY)


def projection_modes() -> Mapping[str, str]:
    """`SEQUERE_PROJECTION_MODES`: when each projection is applied, as {name: mode}: `inline`, in the transaction that
    records the event (the default for read models in the database); `on_commit`, after it, by the same process (for
    all others); `celery`, after it, by the workers of Celery."""
    modes: Mapping[str, str] = get_setting("PROJECTION_MODES", {})
    return modes


def celery_queues() -> Mapping[str, str]:
    """`SEQUERE_CELERY_QUEUES`: the queues that the tasks are sent to: `default`, and `fan_out` for what a celebrity has
    published, so that it delays nothing else. They are `sequere` and `sequere.fanout`."""
    return {"default": "sequere", "fan_out": "sequere.fanout", **get_setting("CELERY_QUEUES", {})}


def health_max_lag() -> float:
    """`SEQUERE_HEALTH_MAX_LAG`: for how many seconds an event may wait before the health view answers 503."""
    seconds: float = get_setting("HEALTH_MAX_LAG", 60)
    return seconds


def health_max_parked() -> int | None:
    """`SEQUERE_HEALTH_MAX_PARKED`: how many events of a projection may be parked before the health view answers 503;
    None, the default, for any number."""
    number: int | None = get_setting("HEALTH_MAX_PARKED", None)
    return number
