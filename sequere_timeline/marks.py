"""Read marks, as the log has them."""

from collections.abc import Iterable
from datetime import datetime

from sequere.base import ResourceKey
from sequere.log.models import Event, EventQuerySet
from sequere.log.reading import latest_of
from sequere.log.streams import lifecycle
from sequere_timeline.intents import TIMELINE_READ, generation, marks_of


def read_marks(owners: Iterable[ResourceKey], using: str) -> dict[ResourceKey, datetime]:
    """Until when each of the owners has read, without those that never did. 1 query."""
    streams = [stream for owner in owners for stream in (marks_of(owner), lifecycle(owner))]
    latest = latest_of(streams, using)
    return {
        event.actor: event.occurred_at
        for event in latest.values()
        if event.type == TIMELINE_READ and event.data["generation"] == generation(latest, event.actor)
    }


def first_marks(using: str) -> EventQuerySet:
    """The first mark of each owner that has ever marked its timeline."""
    return Event.objects.using(using).filter(type=TIMELINE_READ, version=1)
