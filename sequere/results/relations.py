"""Lists of relations, as get_followers(), get_followings() and get_friends() return them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self

from django.db import models

from sequere.base import ResourceKey
from sequere.exceptions import SequereException
from sequere.registry import registry
from sequere.results.lazy import LazyList, ListSource
from sequere.results.merged import MergedRows


class Related(NamedTuple):
    """An item of such a list: the instance at the other end of a relation, and since when."""

    instance: models.Model
    since: datetime

    def __repr__(self) -> str:
        return repr(tuple(self))


RelationList = LazyList[Related]


class RelationsOf(RelationList):
    """The relations of a resource. `instance in list` needs no pair, and asks for one relation if nothing is loaded."""

    def __init__(
        self,
        source: ListSource[Related],
        start: int = 0,
        stop: int | None = None,
        *,
        is_related: Callable[[ResourceKey], bool],
    ) -> None:
        super().__init__(source, start, stop)
        self._is_related = is_related

    @classmethod
    def from_list(cls, relations: RelationList, is_related: Callable[[ResourceKey], bool]) -> Self:
        """A list of a backend, and the question whether a resource is stored in it."""
        return cls(relations._source, is_related=is_related)

    @classmethod
    def merged(
        cls, lists: Mapping[int, RelationList], is_related: Callable[[ResourceKey], bool], *, desc: bool
    ) -> Self:
        """Several such lists as one; their numbers order the entries of the same moment."""
        sources = {number: lists[number]._source for number in sorted(lists, reverse=not desc)}
        first, *others = sources.values()
        return cls(MergedRows(sources, desc) if others else first, is_related=is_related)

    def __contains__(self, item: object) -> bool:
        if self._items is not None or self._start or self._stop is not None:
            return super().__contains__(item)
        if (key := _key_of(item)) is not None:
            return self._is_related(key)
        return isinstance(item, tuple) and super().__contains__(item)

    def _is(self, item: Any, one: Related) -> bool:
        key = _key_of(item)
        return one == item if key is None else registry.key_of(one.instance) == key

    def _part(self, start: int, stop: int | None) -> Self:
        return type(self)(self._source, start, stop, is_related=self._is_related)


def _key_of(item: Any) -> ResourceKey | None:
    """The key of what may be a resource; None if it is something else."""
    try:
        return registry.key_of(item)
    except SequereException:
        return None


def load_relations(rows: Sequence[tuple[str, str, datetime]]) -> list[Related | None]:
    """The items for rows of (identifier, object_id, since): 1 query per model class. None for hidden instances."""
    keys = [ResourceKey(identifier, object_id) for identifier, object_id, _ in rows]
    instances = registry.load(keys)
    return [
        Related(instances[key], since) if key in instances else None
        for key, (_, _, since) in zip(keys, rows, strict=True)
    ]
