"""The settings of the tests, with a test database that no parallel run uses."""

from uuid import uuid4

from tests.settings import *  # noqa: F403  # a host project like that of the other tests
from tests.settings import DATABASES

if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
    DATABASES["default"]["TEST"] = {"NAME": f"test_sequere_{uuid4().hex}"}
