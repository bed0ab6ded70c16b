"""What the projectors of relations have in common: how relations pause, and go on, in steps."""

from collections.abc import Iterable
from typing import ClassVar

from sequere.base import ResourceKey
from sequere.log.locks import lock
from sequere.log.models import Event
from sequere.log.suspensions import SUSPENSIONS, is_of_the_living
from sequere.outbox.enqueue import queue_fan_out, start_fan_out
from sequere.outbox.queues import fan_out_queue_of, projectors_of
from sequere.projections.projector import Chunk, LevelTriggeredProjector
from sequere.projections.reconciler import Cursor
from sequere.projections.registry import is_queued
from sequere.relations.pauses import pause_page


class RelationsProjector(LevelTriggeredProjector):
    """A projector of relations. Its fan-outs apply relations to it, and to the projections that come after it and have
    pauses as well: in one step, so that whoever sees a relation also sees what it brings."""

    stream_kinds = ("", "queued", "relation", "resource", "suspension")
    fans_out: ClassVar[bool] = True
    has_pauses: ClassVar[bool] = True

    def pause(self, events: Iterable[Event], using: str) -> None:
        """Begin to apply the relations of the resources that are suspended or resumed by some of these events; inline,
        those of the first step at once."""
        for event in events:
            if event.type not in SUSPENSIONS or not is_of_the_living(event):
                continue
            if is_queued(self.name):
                queue_fan_out(self.name, event.pk, event.stream, event.subject, Chunk(0, None), using)
            else:
                # The caller holds these locks, unless the event was left by another mode.
                lock(self.fan_out_resources(event, None, using=using), using)
                start_fan_out(self, event, using=using)

    def fan_out_resources(self, event: Event, cursor: Cursor | None, *, using: str) -> Iterable[ResourceKey]:
        """1 query, or 2."""
        return {event.actor, *pause_page(event.actor, event.pk, cursor, using).ends}

    def fan_out(self, event: Event, cursor: Cursor | None, *, using: str) -> Chunk:
        """Apply up to 500 relations. 2 queries at most besides what that costs."""
        page = pause_page(event.actor, event.pk, cursor, using)
        for projector in projectors_of(fan_out_queue_of(self.name)):
            projector.apply_relations(page.events, using=using)
        return Chunk(len(page.events), page.next)
