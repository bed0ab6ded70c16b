"""Resources on a page: by name, and with a link, for users who may see them in this admin; for others by key."""

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
    #: The name of the instance; empty if it is gone, or if the user may not see it.
    name: str = ""
    #: The page of the instance in the admin, if there is one.
    url: str = ""
    #: The name of its model, such as "user"; empty if the model is not registered.
    kind: str = ""

    def __str__(self) -> str:
        return self.name or str(self.key)

    @property
    def quoted(self) -> str:
        """The object id, quoted for a URL."""
        return str(quote(self.key.object_id))


def admin_of(model: type[models.Model], site: AdminSite) -> Any:
    """The ModelAdmin of a model, or None."""
    return site.get_model_admin(model) if site.is_registered(model) else None


def named(keys: Iterable[ResourceKey], request: HttpRequest, site: AdminSite) -> dict[ResourceKey, Named]:
    """Each key as the user of the request may see it. 1 query for each model."""
    keys = set(keys)
    by_identifier = registry.named_models()
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
    """Whether this is a valid key: metadata may contain anything."""
    try:
        return registry.key_of(key) == key
    except InvalidObjectId:
        return False


def _may_view(model: type[models.Model], request: HttpRequest, site: AdminSite) -> bool:
    if model_admin := admin_of(model, site):
        return bool(model_admin.has_view_permission(request))
    opts = model._meta
    return bool(request.user.has_perm(f"{opts.app_label}.{get_permission_codename('view', opts)}"))
