"""A host project whose tenants have a schema each, with django-tenants."""

import os

from tests.host.schema_tenants import follows_prefix, timeline_prefix
from tests.host.settings import *  # noqa: F403  # all but the databases
from tests.host.settings import DATABASES, INSTALLED_APPS

DATABASES["default"]["ENGINE"] = "django_tenants.postgresql_backend"
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
TENANT_APPS = INSTALLED_APPS
SHARED_APPS = ["django_tenants", "tests.host.schemas"]
INSTALLED_APPS = [*SHARED_APPS, *TENANT_APPS]
TENANT_MODEL, TENANT_DOMAIN_MODEL = "schemas.Client", "schemas.Domain"
SEQUERE_TENANTS = "tests.host.schema_tenants.SchemaTenants"

if os.environ.get("TESTS_BACKEND") == "redis":
    SEQUERE_BACKEND_OPTIONS = {"url": os.environ["SEQUERE_REDIS_URL"], "prefix": follows_prefix}
    SEQUERE_TIMELINE_BACKEND_OPTIONS = SEQUERE_BACKEND_OPTIONS | {"prefix": timeline_prefix}
