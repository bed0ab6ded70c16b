"""The tenants of a site that keeps several apart: each has a log of its own, in a schema or in a database."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from sequere import conf


class Tenants(ABC):
    """How Sequere asks a site for its tenants. Subclass it, and name the class in SEQUERE_TENANTS."""

    @abstractmethod
    def current(self) -> str:
        """The tenant that this thread, or this task of an event loop, works for: one of `names()`; outside of all, any
        other text. Asked for each transaction: it makes no query."""

    @abstractmethod
    def at(self, name: str) -> AbstractContextManager[Any]:
        """A block that works for a tenant, or for what `current()` says outside of all."""

    @abstractmethod
    def names(self) -> Iterable[str]:
        """All tenants."""


@cache
def tenants_of_site() -> Tenants | None:
    """What SEQUERE_TENANTS names; None for a site that is one."""
    path = conf.tenants()
    found: Tenants | None = import_string(path)() if path else None
    return found


def current_tenant() -> str | None:
    """The tenant that is worked for; None on a site that is one."""
    site = tenants_of_site()
    return site.current() if site else None


def at_tenant(name: str | None) -> AbstractContextManager[Any]:
    """A block that works for a tenant; for None, as before."""
    site = tenants_of_site()
    return nullcontext() if site is None or name in {None, site.current()} else site.at(str(name))


def all_tenants() -> list[str | None]:
    """All tenants; None for a site that is one."""
    site = tenants_of_site()
    return [None] if site is None else [*site.names()]


def tenants_here() -> list[str | None]:
    """The tenant that is worked for; outside of all, each of them; None for a site that is one."""
    names, current = all_tenants(), current_tenant()
    return [current] if current in names else names


def for_tenant(callback: Callable[[], object]) -> Callable[[], object]:
    """What is called later, for the tenant that is worked for now."""
    name = current_tenant()

    def for_its_tenant() -> None:
        with at_tenant(name):
            callback()

    return for_its_tenant


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "SEQUERE_TENANTS":
        tenants_of_site.cache_clear()


setting_changed.connect(_forget, dispatch_uid="sequere.tenants.forget")
