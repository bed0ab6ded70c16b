"""Lists of relations, as get_followers(), get_followings() and get_friends() return them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import models

from sequere.base import ResourceKey
from sequere.registry import registry
from sequere.results.lazy import LazyList


class Related(NamedTuple):
    """An item of such a list: the instance at the other end of a relation, and since when."""

    instance: models.Model
    since: datetime

    def __repr__(self) -> str:
        return repr(tuple(self))


RelationList = LazyList[Related]


def load_relations(rows: Sequence[tuple[str, str, datetime]]) -> list[Related | None]:
    """The items for rows of (identifier, object_id, since): 1 query per model class. None for hidden instances."""
    keys = [ResourceKey(identifier, object_id) for identifier, object_id, _ in rows]
    instances = registry.load(keys)
    return [
        Related(instances[key], since) if key in instances else None
        for key, (_, _, since) in zip(keys, rows, strict=True)
    ]
