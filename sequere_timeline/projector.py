"""What the projectors of timelines have in common: what events mean to them, and how fan-outs continue."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from time import monotonic
from typing import ClassVar
from uuid import UUID

from sequere.base import ResourceKey
from sequere.conf import CELERY, INLINE, ON_COMMIT
from sequere.log.models import Event
from sequere.log.suspensions import SUSPENSIONS
from sequere.outbox import instrumentation
from sequere.outbox.enqueue import queue_fan_out
from sequere.outbox.queues import fan_out_queue_of
from sequere.projections.projector import Chunk, LevelTriggeredProjector
from sequere.projections.reconciler import Cursor
from sequere.projections.registry import mode_of
from sequere.relations.intents import DELETED
from sequere.relations.types import FOLLOWED, UNFOLLOWED
from sequere_timeline.conf import TIMELINES
from sequere_timeline.history import named_in
from sequere_timeline.intents import ACTION_DELETED, ACTION_SAVED, TIMELINE_READ
from sequere_timeline.visibility import HIDING, hiders_of

#: Seconds for which one transaction reaches followers, by mode. A follow of the actor waits so long.
SECONDS_AT_ONCE = {INLINE: inf, ON_COMMIT: 0.25, CELERY: 0.025}


@dataclass(slots=True)
class News:
    """What some events are about. What is true of it now, the log says."""

    #: The streams of actions, the ids of those that are saved for the first time with their actors, and the resources
    #: that their events name.
    actions: set[UUID] = field(default_factory=set)
    new: dict[int, ResourceKey] = field(default_factory=dict)
    named: set[ResourceKey] = field(default_factory=set)
    follows: list[Event] = field(default_factory=list)
    #: The owners whose read marks may have moved.
    readers: set[ResourceKey] = field(default_factory=set)
    deleted: set[ResourceKey] = field(default_factory=set)
    #: The owners who may see other actors now.
    hiders: set[ResourceKey] = field(default_factory=set)
    suspensions: list[Event] = field(default_factory=list)
    event_ids: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FanOut:
    """An action on its way to the followers of its actor, or back from them. Later steps are a row of the outbox."""

    #: The event that has published the action, or deleted it.
    event_id: int
    stream: UUID
    actor: ResourceKey
    #: Brings it to some followers, or takes it back, from a cursor on.
    step: Callable[[Cursor | None], Chunk]
    reached: int = 0

    @property
    def queue(self) -> str:
        return fan_out_queue_of(TIMELINES)

    def reach(self, cursor: Cursor | None, until: float) -> Chunk:
        """Continue from a cursor to the last follower, or until that time; at least one step."""
        reached = 0
        while True:
            chunk = self.step(cursor)
            reached, cursor = reached + chunk.reached, chunk.cursor
            if cursor is None or monotonic() >= until:
                return Chunk(reached, cursor)


class BaseTimelinesProjector(LevelTriggeredProjector):
    after = ("follows",)
    fans_out = True
    has_pauses = True
    stream_kinds = ("action", "read")
    resources_in_data: ClassVar[Mapping[str, str]] = {ACTION_SAVED: "owners", ACTION_DELETED: "owners"}

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        news = News()
        for event in events:
            news.event_ids.append(event.pk)
            if event.type in {ACTION_SAVED, ACTION_DELETED}:
                news.actions.add(event.stream)
                if event.version == 1:
                    news.new[event.pk] = event.actor
                news.named.update(named_in(event))
            elif event.type in {FOLLOWED, UNFOLLOWED} and not event.scope:
                news.follows.append(event)
            elif event.type in HIDING:
                news.hiders.update(hiders_of(event))
            elif event.type in SUSPENSIONS:
                news.hiders.add(event.actor)
                news.suspensions.append(event)
            elif event.type == TIMELINE_READ:
                news.readers.add(event.actor)
            elif event.type == DELETED:
                news.deleted.add(event.actor)
        self.take_in(news, using)

    @abstractmethod
    def take_in(self, news: News, using: str) -> None:
        """Make everything that the news are about what the log says."""

    def apply_relations(self, events: Sequence[Event], *, using: str) -> None:
        follows = [event for event in events if event.type == FOLLOWED and not event.scope]
        if follows:
            self.take_in_follows(follows, using)

    @abstractmethod
    def take_in_follows(self, follows: Sequence[Event], using: str) -> None:
        """Make what follows bring, begun by these events, what the log says."""

    @abstractmethod
    def publication(self, event: Event, using: str) -> FanOut | None:
        """The fan-out of the action that an event has published, if the action still exists."""

    @abstractmethod
    def withdrawal(self, event: Event, using: str) -> FanOut | None:
        """The fan-out that takes back the action that an event has deleted, if followers may still have it."""

    def start_fan_outs(self, fan_outs: Iterable[FanOut], using: str) -> None:
        """Reach some thousand followers now, and queue the rest. In mode inline, reach all of them now."""
        until = _deadline()
        for number, fan_out in enumerate(fan_outs):
            chunk = Chunk(0, None)
            if number == 0 or monotonic() < until:
                chunk = _start(fan_out, until, using)
                if chunk.cursor is None:
                    continue
            queue_fan_out(TIMELINES, fan_out.event_id, fan_out.stream, fan_out.actor, chunk, using)

    def fan_out(self, event: Event, cursor: Cursor | None, *, using: str) -> Chunk:
        fan_out_of = self.withdrawal if event.type == ACTION_DELETED else self.publication
        fan_out = fan_out_of(event, using)
        return fan_out.reach(cursor, _deadline()) if fan_out else Chunk(0, None)


def _deadline() -> float:
    """When a transaction shall have ended."""
    return monotonic() + SECONDS_AT_ONCE[mode_of(TIMELINES)]


@instrumentation.fan_outs
def _start(fan_out: FanOut, until: float, using: str) -> Chunk:
    """Reach the first followers."""
    return fan_out.reach(None, until)
