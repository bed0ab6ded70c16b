"""A schema for each tenant, with django-tenants, as docs/tenants.md has it."""

from contextlib import AbstractContextManager
from typing import Any

from django.db import connection
from django_tenants.utils import get_public_schema_name, get_tenant_model, schema_context

from sequere.tenants import Tenants


class SchemaTenants(Tenants):
    def current(self) -> str:
        return connection.schema_name

    def at(self, name: str) -> AbstractContextManager[Any]:
        return schema_context(name)

    def names(self) -> list[str]:
        tenants = get_tenant_model().objects.exclude(schema_name=get_public_schema_name())
        return [*tenants.values_list("schema_name", flat=True)]


def follows_prefix() -> str:
    return f"sequere:{connection.schema_name}:"


def timeline_prefix() -> str:
    return f"sequere:{connection.schema_name}:timeline:"
