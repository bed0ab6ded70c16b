"""Lists of suggestions, as suggest() returns them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db import models

from sequere.base import ResourceKey
from sequere.registry import registry
from sequere.results.cursors import Place
from sequere.results.lazy import LazyList

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = timedelta(seconds=1)


class Suggestion(NamedTuple):
    """An item of such a list: an instance, and how many of those whom the viewer follows follow it."""

    instance: models.Model
    shared: int

    def __repr__(self) -> str:
        return repr(tuple(self))


SuggestionList = LazyList[Suggestion]


def place_of(shared: int, uid: int) -> Place:
    """The place of a suggestion. A rank is written as a moment, since places have moments."""
    return Place(_FIRST + shared * _STEP, uid)


def rank_at(place: Place) -> int:
    """The number of those who share the suggestion at a place."""
    return (place.moment - _FIRST) // _STEP


def load_suggestions(rows: Sequence[tuple[str, str, int]]) -> list[Suggestion | None]:
    """The items for rows of (identifier, object_id, shared): 1 query per model class. None for hidden instances."""
    keys = [ResourceKey(identifier, object_id) for identifier, object_id, _ in rows]
    instances = registry.load(keys)
    return [
        Suggestion(instances[key], shared) if key in instances else None
        for key, (_, _, shared) in zip(keys, rows, strict=True)
    ]
