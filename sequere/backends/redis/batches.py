"""All resources of the log, in batches that include everything between their keys."""

from dataclasses import dataclass
from typing import Any

from sequere.backends.redis.follows_by_uid import Around, around_range
from sequere.backends.redis.uids import Uids
from sequere.base import ResourceKey
from sequere.log.locks import KEY, Resource
from sequere.projections.reconciler import Cursor, Page, RowKeys


@dataclass(slots=True)
class Batch:
    """Resources in the order of their keys."""

    around: Around
    #: Those of which something differs; None as long as nobody has looked.
    suspects: list[ResourceKey] | None = None

    @property
    def uids(self) -> Uids:
        """The resources and their uids."""
        return self.around.uids


class ResourceBatches(RowKeys):
    def page(self, after: Cursor | None, until: Cursor | None, using: str) -> Page:
        """1 query."""
        uids, number, end = super().page(after, until, using)
        return Page(uids and Batch(around_range(uids, after, end or until)), number, end)


def _uids(rows: list[Any], using: str) -> Uids:
    return {ResourceKey(*key): uid for *key, uid in rows}


#: A follow is read for both of its ends, so batches are large.
RESOURCES = ResourceBatches(Resource.objects.using, _uids, columns=KEY, also=("uid",), size=10_000)
