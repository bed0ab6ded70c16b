"""The system check of the metrics."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error


def check_client(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    if find_spec("prometheus_client"):
        return []
    return [
        Error(
            "'sequere.contrib.prometheus' is installed, but the Prometheus client is not: there are no metrics.",
            hint="pip install 'django-sequere[prometheus]'",
            id="sequere.E012",
        )
    ]
