"""What the projectors of timelines have in common: which events mean what to them, and who is reached when."""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import inf
from time import monotonic
from typing import ClassVar
from uuid import UUID

from sequere.base import ResourceKey
from sequere.conf import CELERY, INLINE, ON_COMMIT
from sequere.log.models import Event
from sequere.log.types import DELETED, FOLLOWED, UNFOLLOWED
from sequere.outbox import instrumentation
from sequere.outbox.enqueue import queue_fan_out
from sequere.outbox.queues import FANNED_OUT
from sequere.projections.projector import Chunk, LevelTriggeredProjector
from sequere.projections.reconciler import Cursor
from sequere.projections.registry import mode_of
from sequere_timeline.history import named_in
from sequere_timeline.intents import ACTION_DELETED, ACTION_SAVED, TIMELINE_READ

#: Seconds for which one transaction reaches followers, by the mode. Whoever follows meanwhile waits so long.
SECONDS_AT_ONCE = {INLINE: inf, ON_COMMIT: 0.25, CELERY: 0.025}


@dataclass(slots=True)
class News:
    """What some events are about; what is true of it by now, the log says."""

    #: The streams of actions, and the resources that the events about them name.
    actions: set[UUID] = field(default_factory=set)
    named: set[ResourceKey] = field(default_factory=set)
    follows: list[Event] = field(default_factory=list)
    #: Whose read marks may have moved.
    readers: set[ResourceKey] = field(default_factory=set)
    deleted: set[ResourceKey] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class FanOut:
    """An action on its way to the followers of its actor, or back from them."""

    #: What has published it, or deleted it.
    event_id: int
    stream: UUID
    actor: ResourceKey
    #: Nobody yet: from its second step on, a fan-out is a row of the outbox.
    reached: ClassVar[int] = 0
    #: Brings it to some of them, or takes it back, from a cursor on.
    step: Callable[[Cursor | None], Chunk]

    def reach(self, cursor: Cursor | None, until: float) -> Chunk:
        """Go on from a cursor to the last follower, or until then; one step at least."""
        reached = 0
        while True:
            chunk = self.step(cursor)
            reached, cursor = reached + chunk.reached, chunk.cursor
            if cursor is None or monotonic() >= until:
                return Chunk(reached, cursor)


class BaseTimelinesProjector(LevelTriggeredProjector):
    def resources(self, event: Event) -> Iterable[ResourceKey]:
        return named_in(event) if event.type in {ACTION_SAVED, ACTION_DELETED} else super().resources(event)

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        news = News()
        for event in events:
            if event.type in {ACTION_SAVED, ACTION_DELETED}:
                news.actions.add(event.stream)
                news.named.update(named_in(event))
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

    @abstractmethod
    def publication(self, event: Event, using: str) -> FanOut | None:
        """What an event has published, if it is still there."""

    @abstractmethod
    def withdrawal(self, event: Event, using: str) -> FanOut | None:
        """What an event has deleted, and some followers may still have."""

    def start_fan_outs(self, fan_outs: Iterable[FanOut], using: str) -> None:
        """Reach some thousand followers now, and the others later; all of them now in mode inline."""
        until = _until()
        for number, fan_out in enumerate(fan_outs):
            chunk = Chunk(0, None)
            if number == 0 or monotonic() < until:
                chunk = _begin(fan_out, until, using)
                if chunk.cursor is None:
                    continue
            queue_fan_out(fan_out.event_id, fan_out.stream, fan_out.actor, chunk, using)

    def fan_out(self, event: Event, cursor: Cursor | None, *, using: str) -> Chunk:
        way = self.withdrawal if event.type == ACTION_DELETED else self.publication
        fan_out = way(event, using)
        return fan_out.reach(cursor, _until()) if fan_out else Chunk(0, None)


def _until() -> float:
    """When a transaction shall have ended."""
    return monotonic() + SECONDS_AT_ONCE[mode_of(FANNED_OUT)]


@instrumentation.fan_outs
def _begin(fan_out: FanOut, until: float, using: str) -> Chunk:
    """Reach the first followers."""
    return fan_out.reach(None, until)
