"""The steps in which relations pause, or go on, when one of their ends is suspended or resumed."""

from collections.abc import Iterable, Sequence

from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.projections.projector import Chunk, Projector
from sequere.projections.reconciler import Cursor
from sequere.relations.pauses import pause_page


class Pauses:
    """Applies the relations of a resource to some projectors: in one step, so that a relation is never seen
    without what it brings. The log says what is right, so a step may come twice, and before the event itself."""

    def __init__(self, projectors: Sequence[Projector]) -> None:
        self._projectors = [projector for projector in projectors if projector.has_pauses]

    def fan_out_resources(self, event: Event, cursor: Cursor | None, *, using: str) -> Iterable[ResourceKey]:
        """1 query, or 2."""
        return {event.actor, *pause_page(event.actor, event.pk, cursor, using).ends}

    def fan_out(self, event: Event, cursor: Cursor | None, *, using: str) -> Chunk:
        """Apply up to 500 relations. 2 queries at most besides what that costs."""
        page = pause_page(event.actor, event.pk, cursor, using)
        for projector in self._projectors:
            projector.apply_relations(page.events, using=using)
        return Chunk(len(page.events), page.next)
