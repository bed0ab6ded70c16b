"""A host project with follows and without timelines."""

from tests.host.settings import *  # noqa: F403  # all but the timelines
from tests.host.settings import INSTALLED_APPS

INSTALLED_APPS = [name for name in INSTALLED_APPS if not name.startswith("sequere_timeline")]
