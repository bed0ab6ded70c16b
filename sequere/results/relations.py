"""The lists that get_followers(), get_followings() and get_friends() return."""

from collections.abc import Sequence
from datetime import datetime

from django.db import models

from sequere.base import ResourceKey
from sequere.registry import registry
from sequere.results.lazy import LazyList

#: An instance, and since when.
Relation = tuple[models.Model, datetime]

RelationList = LazyList[Relation]


def load_relations(rows: Sequence[tuple[str, str, datetime]]) -> list[Relation | None]:
    """The relations of rows of (identifier, object_id, since): 1 query per model class."""
    keys = [ResourceKey(identifier, object_id) for identifier, object_id, _ in rows]
    instances = registry.load(keys)
    return [
        (instances[key], since) if key in instances else None for key, (_, _, since) in zip(keys, rows, strict=True)
    ]
