"""The Celery app of the tests, written like that of a host project; its workers adopt the settings of a test."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from celery import Celery
from celery.signals import task_prerun
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.test import override_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

app = Celery("tests")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

#: Names a JSON file with the settings of the running test.
SETTINGS = "TESTS_WORKER_SETTINGS"
_taken: override_settings | None = None


@task_prerun.connect
def take_settings(**_: Any) -> None:
    global _taken  # noqa: PLW0603  # a worker serves one test at a time
    if seconds := os.environ.get("TESTS_SECONDS_AT_ONCE"):
        from sequere_timeline import projector

        projector.SECONDS_AT_ONCE["celery"] = float(seconds)
    if (file := os.environ.get(SETTINGS)) is None:
        return
    wanted = json.loads(Path(file).read_text())
    if _taken and _taken.options != wanted:
        _taken.disable()
        _taken = None
    if wanted and not _taken:
        _taken = override_settings(**wanted)
        _taken.enable()


@connection_created.connect
def watch(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """A running task may find events that were recorded after the test had changed its settings."""
    if SETTINGS in os.environ and _execute not in connection.execute_wrappers:
        connection.execute_wrappers.append(_execute)


def _execute(execute: Callable[..., Any], *arguments: Any) -> Any:
    take_settings()
    return execute(*arguments)
