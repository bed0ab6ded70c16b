"""A host project whose tenants have a database each."""

import os

from tests.host.router_tenants import follows_prefix, timeline_prefix
from tests.host.settings import *  # noqa: F403  # all but the databases
from tests.host.settings import DATABASES

for alias in ("blue", "red"):
    DATABASES[alias] = DATABASES["default"] | {"TEST": {"NAME": f"{DATABASES['default']['TEST']['NAME']}_{alias}"}}
DATABASE_ROUTERS = ["tests.host.router_tenants.TenantRouter"]
SEQUERE_TENANTS = "tests.host.router_tenants.DatabaseTenants"

if os.environ.get("TESTS_BACKEND") == "redis":
    SEQUERE_BACKEND_OPTIONS = {"url": os.environ["SEQUERE_REDIS_URL"], "prefix": follows_prefix}
    SEQUERE_TIMELINE_BACKEND_OPTIONS = SEQUERE_BACKEND_OPTIONS | {"prefix": timeline_prefix}
