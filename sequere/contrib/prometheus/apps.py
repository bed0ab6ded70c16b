"""The app that connects the metrics."""

from importlib.util import find_spec

from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _

from sequere.contrib.prometheus.checks import check_client


class SequerePrometheusConfig(AppConfig):
    name = "sequere.contrib.prometheus"
    label = "sequere_prometheus"
    verbose_name = _("Sequere metrics")

    def ready(self) -> None:
        checks.register(check_client, "sequere")
        if find_spec("prometheus_client"):
            from sequere.contrib.prometheus.metrics import connect_metrics

            connect_metrics()
