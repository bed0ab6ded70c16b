"""A host project whose log and read models have a database of their own."""

from tests.host.settings import *  # noqa: F403  # all but the databases
from tests.host.settings import DATABASES

log = DATABASES["default"].copy()
log["TEST"] = {**log.get("TEST", {}), "NAME": f"{DATABASES['default']['TEST']['NAME']}_log"}
DATABASES["log"] = log
DATABASE_ROUTERS = ["tests.host.routers.LogRouter"]
