"""What the log says that the owners of timelines have read."""

from collections.abc import Iterable
from datetime import datetime

from sequere.base import ResourceKey
from sequere.log.models import Event, EventQuerySet
from sequere.log.reading import latest_of
from sequere.log.streams import lifecycle, stream_of
from sequere_timeline.intents import TIMELINE_READ, generation


def read_marks(owners: Iterable[ResourceKey], using: str) -> dict[ResourceKey, datetime]:
    """Until when each of the owners has read; those who never did are left out. 1 query."""
    streams = [stream for owner in owners for stream in (stream_of("read", owner), lifecycle(owner))]
    latest = latest_of(streams, using)
    return {
        event.actor: event.occurred_at
        for event in latest.values()
        if event.type == TIMELINE_READ and event.data["generation"] == generation(latest, event.actor)
    }


def first_marks(using: str) -> EventQuerySet:
    """The first mark of each owner who has ever marked his timeline."""
    return Event.objects.using(using).filter(type=TIMELINE_READ, version=1)
