"""A host project with metrics for Prometheus."""

from tests.host.settings import *  # noqa: F403  # a host project like that of the other tests
from tests.host.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "sequere.contrib.prometheus"]
ROOT_URLCONF = "tests.host.urls_metrics"
