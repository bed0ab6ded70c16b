"""A database for each tenant, as docs/tenants.md has it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.db import models

from sequere.tenants import Tenants

_tenant = ContextVar("tenant", default="default")


class TenantRouter:
    def db_for_read(self, model: type[models.Model], **hints: Any) -> str:
        return _tenant.get()

    db_for_write = db_for_read


class DatabaseTenants(Tenants):
    def current(self) -> str:
        return _tenant.get()

    @contextmanager
    def at(self, name: str) -> Iterator[None]:
        token = _tenant.set(name)
        try:
            yield
        finally:
            _tenant.reset(token)

    def names(self) -> list[str]:
        return [alias for alias in settings.DATABASES if alias != "default"]


def follows_prefix() -> str:
    return f"sequere:{_tenant.get()}:"


def timeline_prefix() -> str:
    return f"sequere:{_tenant.get()}:timeline:"
