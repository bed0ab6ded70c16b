"""The rows of the resources, which give them their uids. They are no read model: a rebuild leaves them as they are."""

from collections.abc import Mapping
from dataclasses import dataclass

from sequere.base import ResourceKey
from sequere.log.locks import lock
from sequere.log.uids import named_resources, wrong_resources
from sequere.projections.reconciler import Comparison, Cursor, Difference, KeySource, Page, Reconciler


@dataclass
class NamedResources(KeySource):
    """The resources that events name at one end. They are not counted, since they are not what is compared."""

    end: str
    size: int = 2000

    def page(self, after: Cursor | None, until: Cursor | None, using: str) -> Page:
        """2 queries."""
        found = named_resources(self.end, after, until, self.size, using)
        wrong = wrong_resources([ResourceKey(*key) for key in found], using) if found else {}
        return Page(wrong or None, 0, list(found[-1]) if len(found) == self.size else None)


class RowComparison(Comparison):
    """Names the resources of the log that have no row, or several. With a repair, those without one get one."""

    def resources(self, keys: Mapping[ResourceKey, int], using: str) -> tuple[ResourceKey, ...]:
        return ()  # to lock one that is missing would create it

    def compare(self, keys: Mapping[ResourceKey, int], using: str, *, repair: bool) -> list[Difference]:
        if repair:
            lock([key for key, number in keys.items() if not number], using)
        return [Difference(f"rows of resource {key}", 1, number) for key, number in keys.items()]


def _rows_of(name: str, end: str) -> Reconciler:
    return Reconciler(f"rows of {name}", NamedResources(end), RowComparison())


#: One for each end of an event.
RESOURCE_ROWS = (_rows_of("actors", "actor_"), _rows_of("targets", "target_"))
