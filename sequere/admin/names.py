"""How resources are shown: by name, and with a link, to who may see them in this admin; to others by their keys."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.utils import quote
from django.contrib.auth import get_permission_codename
from django.db import models
from django.http import HttpRequest
from django.urls import reverse

from sequere.base import ResourceKey
from sequere.exceptions import InvalidObjectId
from sequere.registry import registry


@dataclass(frozen=True, slots=True)
class Named:
    """A resource as a page shows it."""

    key: ResourceKey
    #: What its instance is called; empty for one that is gone, or that the user may not see.
    name: str = ""
    #: Where its instance is in the admin, if it is.
    url: str = ""
    #: What its instance is: "user"; empty for a model that is not registered.
    kind: str = ""

    def __str__(self) -> str:
        return self.name or str(self.key)

    @property
    def quoted(self) -> str:
        """The object id as a part of an address."""
        return str(quote(self.key.object_id))


def admin_of(model: type[models.Model], site: AdminSite) -> Any:
    """The ModelAdmin of a model, or None."""
    return site.get_model_admin(model) if site.is_registered(model) else None


def named(keys: Iterable[ResourceKey], request: HttpRequest, site: AdminSite) -> dict[ResourceKey, Named]:
    """How each key is shown to the user of the request. 1 query per model class."""
    keys = set(keys)
    by_identifier = {options.get_identifier(): options.model for options in registry}
    visible = {identifier for identifier, model in by_identifier.items() if _may_view(model, request, site)}
    instances = registry.load(key for key in keys if key.identifier in visible and _is_one(key))
    return {key: _named(key, by_identifier.get(key.identifier), instances.get(key), site) for key in keys}


def _named(key: ResourceKey, model: type[models.Model] | None, instance: models.Model | None, site: AdminSite) -> Named:
    if model is None:
        return Named(key)
    kind = str(model._meta.verbose_name)
    if instance is None:
        return Named(key, kind=kind)
    url = ""
    if site.is_registered(model):
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        url = reverse(name, args=[quote(instance.pk)], current_app=site.name)
    return Named(key, str(instance), url, kind)


def _is_one(key: ResourceKey) -> bool:
    """Whether a model can have this key: metadata may name anything."""
    try:
        return registry.key_of(key) == key
    except InvalidObjectId:
        return False


def _may_view(model: type[models.Model], request: HttpRequest, site: AdminSite) -> bool:
    if model_admin := admin_of(model, site):
        return bool(model_admin.has_view_permission(request))
    opts = model._meta
    return bool(request.user.has_perm(f"{opts.app_label}.{get_permission_codename('view', opts)}"))
