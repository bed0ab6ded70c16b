"""Conditions on resources."""

from collections import defaultdict
from collections.abc import Iterable

from django.db import models

from sequere.base import ResourceKey
from sequere.texts import is_storable


def among(keys: Iterable[ResourceKey], prefix: str = "") -> models.Q:
    """The condition that the resource in the columns `prefix` + identifier, object_id is one of `keys`. No resource has
    a key that cannot be stored."""
    object_ids: dict[str, list[str]] = defaultdict(list)
    for identifier, object_id in keys:
        if is_storable(identifier) and is_storable(object_id):
            object_ids[identifier].append(object_id)
    condition = models.Q(pk__in=[])
    for identifier, ids in object_ids.items():
        condition |= models.Q(**{f"{prefix}identifier": identifier, f"{prefix}object_id__in": ids})
    return condition


def is_(key: ResourceKey, prefix: str = "") -> models.Q:
    """The condition that the resource in the columns `prefix` + identifier, object_id is `key`."""
    identifier, object_id = key
    if not (is_storable(identifier) and is_storable(object_id)):
        return models.Q(pk__in=[])
    return models.Q(**{f"{prefix}identifier": identifier, f"{prefix}object_id": object_id})
