"""Conditions on resources."""

from collections import defaultdict
from collections.abc import Iterable

from django.db import models

from sequere.base import ResourceKey


def among(keys: Iterable[ResourceKey], prefix: str = "") -> models.Q:
    """The condition that the resource in the columns `prefix` + identifier, object_id is one of `keys`."""
    object_ids: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        object_ids[key.identifier].append(key.object_id)
    condition = models.Q(pk__in=[])
    for identifier, ids in object_ids.items():
        condition |= models.Q(**{f"{prefix}identifier": identifier, f"{prefix}object_id__in": ids})
    return condition


def is_(key: ResourceKey, prefix: str = "") -> models.Q:
    """The condition that the resource in the columns `prefix` + identifier, object_id is `key`."""
    return models.Q(**{f"{prefix}identifier": key.identifier, f"{prefix}object_id": key.object_id})
