"""System checks of the settings of timelines."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  # Django's name
from django.utils.module_loading import import_string

from sequere.checks.settings import misspelt
from sequere_timeline import conf
from sequere_timeline.actions import get_actions
from sequere_timeline.backends.base import BaseTimelineBackend
from sequere_timeline.exceptions import TimelineException


def check_timeline_settings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    return [
        *_check_order(),
        *_check_choice(),
        *_check_backend(),
        *_check_max_length(),
        *_check_expires_after(),
        *_check_verbs(),
        *_check_names(),
    ]


def _check_order() -> list[CheckMessage]:
    if apps.is_installed("sequere"):
        return []
    hint = "Add 'sequere' to INSTALLED_APPS."
    return [Error("sequere_timeline is installed without sequere.", hint=hint, id="sequere_timeline.E001")]


def _check_choice() -> list[CheckMessage]:
    if conf.is_backend_chosen():
        return []
    return [
        Warning(
            f"Timelines are kept by {conf.REDIS!r}, the default without SEQUERE_TIMELINE_BACKEND and without"
            " 'sequere_timeline.backends.database' in INSTALLED_APPS.",
            hint="Set SEQUERE_TIMELINE_BACKEND to it to confirm that, or add the app to keep them in the database.",
            id="sequere_timeline.W001",
        )
    ]


def _check_backend() -> list[CheckMessage]:
    path = conf.timeline_backend()
    try:
        backend = import_string(path)
    except ImportError as error:
        return [
            Error(
                f"The backend of timelines is {path!r}, which cannot be imported: {error}.",
                hint=f"Use {conf.DATABASE!r} or {conf.REDIS!r}, or correct the path of your own backend.",
                id="sequere_timeline.E002",
            )
        ]
    if isinstance(backend, type) and issubclass(backend, BaseTimelineBackend):
        return backend.check()
    return [
        Error(
            f"SEQUERE_TIMELINE_BACKEND is {path!r}, which is not a backend of timelines.",
            hint=(
                f"Use {conf.DATABASE!r} or {conf.REDIS!r}, or the path of a subclass of"
                " sequere_timeline.backends.base.BaseTimelineBackend."
            ),
            id="sequere_timeline.E003",
        )
    ]


def _check_max_length() -> list[CheckMessage]:
    length = conf.max_length()
    if length is None or (type(length) is int and length > 0):
        return []
    hint = "Use the number of entries that a private timeline keeps, or None for all."
    return [
        Error(
            f"SEQUERE_TIMELINE_MAX_LENGTH is {length!r}, which is not a length.", hint=hint, id="sequere_timeline.E004"
        )
    ]


def _check_expires_after() -> list[CheckMessage]:
    days: Any = conf.expires_after()
    if days is None or (type(days) in {int, float} and days > 0):
        return []
    hint = "Use the number of days after which an unread timeline expires, or None for never."
    return [
        Error(
            f"SEQUERE_TIMELINE_EXPIRES_AFTER is {days!r}, which is not a number of days above 0.",
            hint=hint,
            id="sequere_timeline.E009",
        )
    ]


def _check_names() -> list[CheckMessage]:
    return [
        Warning(
            f"{name} is not a setting of Sequere, and has no effect.",
            hint=f"Did you mean {likely}? See docs/settings.md for all of them.",
            id="sequere_timeline.W002",
        )
        for name, likely in misspelt(conf.TIMELINE_SETTINGS)
        if name.startswith("SEQUERE_TIMELINE")
    ]


def _check_verbs() -> list[CheckMessage]:
    try:
        get_actions()
    except TimelineException as error:
        return [Error(str(error), id="sequere_timeline.E005")]
    return []
