"""The rows of the resources, which give them their uids. They are no read model: a rebuild leaves them as they are."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.db import models

from sequere.base import ResourceKey
from sequere.log.locks import lock
from sequere.log.uids import named_resources, wrong_resources
from sequere.projections.reconciler import Comparison, Cursor, Difference, Reconciler, SpanKeys, Uncounted


class _NamedResources(Uncounted, SpanKeys):
    """The resources that events name at one end; a page has what is wrong with them. It is not cut, since it is soon
    through."""

    def cuts(self, size: int, using: str) -> list[Cursor]:
        return []


def _wrong(named: "models.QuerySet[Any]", using: str) -> dict[ResourceKey, int] | None:
    names, values = named.query.get_compiler(using).as_sql()
    return wrong_resources(names, values, using) or None


class RowComparison(Comparison):
    """Names the resources of the log that have no row, or several. With a repair, those without one get one."""

    def resources(self, keys: Mapping[ResourceKey, int], using: str) -> tuple[ResourceKey, ...]:
        return ()  # to lock one that is missing would create it

    def compare(self, keys: Mapping[ResourceKey, int], using: str, *, repair: bool) -> list[Difference]:
        if repair:
            lock([key for key, number in keys.items() if not number], using)
        return [Difference(f"rows of resource {key}", 1, number) for key, number in keys.items()]


def _rows_of(name: str, end: str) -> Reconciler:
    columns = (f"{end}identifier", f"{end}object_id")
    keys = _NamedResources(partial(named_resources, end), _wrong, columns=columns, size=2000)
    return Reconciler(f"rows of {name}", keys, RowComparison())


#: One for each end of an event.
RESOURCE_ROWS = (_rows_of("actors", "actor_"), _rows_of("targets", "target_"))
