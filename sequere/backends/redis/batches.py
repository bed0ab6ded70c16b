"""All resources of the log, in batches that include everything between their keys."""

from dataclasses import dataclass
from typing import Any

from sequere.backends.redis.follows_by_uid import Around, around_range
from sequere.base import ResourceKey
from sequere.log.locks import KEY, Resource
from sequere.projections.reconciler import Cursor, Page, RowKeys


@dataclass(slots=True)
class Batch:
    """Resources in the order of their keys."""

    resources: list[ResourceKey]
    #: The same resources, with the condition that an event is about one of them, or about a key between them.
    around: Around
    #: Those of which something differs; None as long as nobody has looked.
    suspects: list[ResourceKey] | None = None


class ResourceBatches(RowKeys):
    def page(self, after: Cursor | None, until: Cursor | None, using: str) -> Page:
        """1 query."""
        rows, number, end = super().page(after, until, using)
        return Page(rows and Batch(rows, around_range({*rows}, after, end or until)), number, end)


def _keys(rows: list[Any], using: str) -> list[ResourceKey]:
    return [ResourceKey(*row) for row in rows]


#: The resources at the other ends of their follows are looked up for each batch again, so batches are large.
RESOURCES = ResourceBatches(Resource.objects.using, _keys, columns=KEY, size=10_000)
