"""What the projectors of timelines have in common: which events mean what to them."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from sequere.base import ResourceKey
from sequere.events import DELETED, FOLLOWED, UNFOLLOWED, Event
from sequere.projectors import LevelTriggeredProjector
from sequere_timeline.history import named_in
from sequere_timeline.intents import ACTION_DELETED, ACTION_SAVED, TIMELINE_READ


@dataclass(slots=True)
class News:
    """What some events are about; what is true of it by now, the log says."""

    #: The streams of actions.
    actions: set[UUID] = field(default_factory=set)
    follows: list[Event] = field(default_factory=list)
    #: Whose read marks may have moved.
    readers: set[ResourceKey] = field(default_factory=set)
    deleted: set[ResourceKey] = field(default_factory=set)


class BaseTimelinesProjector(LevelTriggeredProjector):
    def resources(self, event: Event) -> Iterable[ResourceKey]:
        return named_in(event) if event.type in {ACTION_SAVED, ACTION_DELETED} else super().resources(event)

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        news = News()
        for event in events:
            if event.type in {ACTION_SAVED, ACTION_DELETED}:
                news.actions.add(event.stream)
            elif event.type in {FOLLOWED, UNFOLLOWED}:
                news.follows.append(event)
            elif event.type == TIMELINE_READ:
                news.readers.add(event.actor)
            elif event.type == DELETED:
                news.deleted.add(event.actor)
        self.take_in(news, using)

    @abstractmethod
    def take_in(self, news: News, using: str) -> None:
        """Make what the news are about what the log says."""
