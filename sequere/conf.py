"""The settings of Sequere, read when they are used. Each docstring is the manual of its setting."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest

#: All settings, except those of timelines.
SETTINGS = (
    "SEQUERE_BACKEND",
    "SEQUERE_BACKEND_OPTIONS",
    "SEQUERE_CELERY_QUEUES",
    "SEQUERE_FAIL_SILENTLY",
    "SEQUERE_FOLLOWER_OF_REQUEST",
    "SEQUERE_HEALTH_MAX_LAG",
    "SEQUERE_HEALTH_MAX_PARKED",
    "SEQUERE_MAX_FOLLOWINGS",
    "SEQUERE_PAGE_SIZE",
    "SEQUERE_PROJECTION_MODES",
    "SEQUERE_PROJECTORS",
    "SEQUERE_SCOPES",
    "SEQUERE_TENANTS",
)


def named_like_settings() -> list[str]:
    """The settings of the project that begin like those of Sequere."""
    return [name for name in dir(settings) if name.startswith("SEQUERE_")]


def backend() -> str:
    """`SEQUERE_BACKEND`: the dotted path of the backend that keeps the follows."""
    return str(getattr(settings, "SEQUERE_BACKEND", "sequere.backends.database.DatabaseBackend"))


def backend_options() -> Mapping[str, Any]:
    """`SEQUERE_BACKEND_OPTIONS`: the options of the backend of the follows, such as the address of its server."""
    options: Mapping[str, Any] = getattr(settings, "SEQUERE_BACKEND_OPTIONS", {})
    return options


#: The variable of the environment that lets a migration destroy the log, with the value "yes".
DESTROY_LOG = "SEQUERE_DESTROY_LOG"


def may_destroy_log() -> bool:
    """Not a setting: it is meant for one command, and must not stay behind in a file."""
    return os.environ.get(DESTROY_LOG) == "yes"


def fail_silently() -> bool:
    """`SEQUERE_FAIL_SILENTLY`: whether a second follow, or an unfollow without a follow, does nothing (True, the
    default) or raises."""
    return bool(getattr(settings, "SEQUERE_FAIL_SILENTLY", True))


def follower_of_request() -> Callable[[HttpRequest], Any] | str | None:
    """`SEQUERE_FOLLOWER_OF_REQUEST`: a callable that takes a request and returns who follows for it, or the dotted path
    of one. It returns an instance, a ResourceKey, or None for nobody; by default, the user of the request."""
    follower: Callable[[HttpRequest], Any] | str | None = getattr(settings, "SEQUERE_FOLLOWER_OF_REQUEST", None)
    return follower


def max_followings() -> int | None:
    """`SEQUERE_MAX_FOLLOWINGS`: how many a resource may follow in a scope; by default, None, any number. It is compared
    with the counts, so follows at the same moment may exceed it by a few."""
    number: int | None = getattr(settings, "SEQUERE_MAX_FOLLOWINGS", None)
    return number


def page_size() -> int:
    """`SEQUERE_PAGE_SIZE`: how many entries a page of a list has, if nobody says so: `page()`, and lists over HTTP."""
    number: int = getattr(settings, "SEQUERE_PAGE_SIZE", 25)
    return number


def scopes() -> Sequence[str] | None:
    """`SEQUERE_SCOPES`: all scopes that relations may have; the default scope '' is always one of them. By default,
    None, a relation may have any scope, except over HTTP."""
    names: Sequence[str] | None = getattr(settings, "SEQUERE_SCOPES", None)
    return names


def projectors() -> Mapping[str, str]:
    """`SEQUERE_PROJECTORS`: the projectors of the host, as {name of the projection: dotted path}."""
    paths: Mapping[str, str] = getattr(settings, "SEQUERE_PROJECTORS", {})
    return paths


def tenants() -> str | None:
    """`SEQUERE_TENANTS`: the dotted path of a subclass of `sequere.tenants.Tenants`, on a site whose tenants have a log
    each, in a schema or in a database."""
    path: str | None = getattr(settings, "SEQUERE_TENANTS", None)
    return path


INLINE = "inline"
ON_COMMIT = "on_commit"
CELERY = "celery"
MODES = (INLINE, ON_COMMIT, CELERY)


def projection_modes() -> Mapping[str, str]:
    """`SEQUERE_PROJECTION_MODES`: when each projection is applied, as {name: mode}: `inline`, in the transaction that
    records the event (the default for read models in the database); `on_commit`, after it, by the same process (the
    default for all others); `celery`, after it, by Celery workers."""
    modes: Mapping[str, str] = getattr(settings, "SEQUERE_PROJECTION_MODES", {})
    return modes


def celery_queues() -> Mapping[str, str]:
    """`SEQUERE_CELERY_QUEUES`: the queues of the tasks: `default`, and `fan_out` for the fan-outs of celebrities, which
    would delay everything else. By default, `sequere` and `sequere.fanout`."""
    return {"default": "sequere", "fan_out": "sequere.fanout", **getattr(settings, "SEQUERE_CELERY_QUEUES", {})}


def health_max_lag() -> float:
    """`SEQUERE_HEALTH_MAX_LAG`: how many seconds an event may be pending before the health view answers 503."""
    seconds: float = getattr(settings, "SEQUERE_HEALTH_MAX_LAG", 60)
    return seconds


def health_max_parked() -> int | None:
    """`SEQUERE_HEALTH_MAX_PARKED`: how many events of a projection may be parked before the health view answers 503;
    0 by default, None for any number."""
    number: int | None = getattr(settings, "SEQUERE_HEALTH_MAX_PARKED", 0)
    return number
