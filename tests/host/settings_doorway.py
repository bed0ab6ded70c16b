"""A host project that installs the timelines under their documented name, sequere.contrib.timeline."""

from tests.host.settings import *  # noqa: F403  # all but the name of the timelines
from tests.host.settings import INSTALLED_APPS

INSTALLED_APPS = ["sequere.contrib.timeline" if name == "sequere_timeline" else name for name in INSTALLED_APPS]
