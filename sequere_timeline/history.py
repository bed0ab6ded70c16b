"""Actions, as the log has them: the present life of each, and its former lives."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.log.reading import Latest, all_and_latest, latest_of
from sequere.log.streams import lifecycle
from sequere_timeline.intents import ACTION_DELETED, ACTION_SAVED, generation, is_there, live_owners


@dataclass(frozen=True, slots=True)
class Life:
    """An action from its first save to its deletion, or to that of its actor. A later save begins another life."""

    #: The event that saved it first.
    id: int
    uid: UUID
    actor: ResourceKey
    verb: str
    target: ResourceKey | None
    #: How often the target had been deleted before, and whether it has been deleted since.
    target_generation: int
    target_deleted: bool
    date: datetime
    kwargs: Mapping[str, Any]
    #: The event that saved it in the timeline of its actor, if any.
    published: int | None
    #: The owners of the timelines it was saved in, without those that are gone.
    owners: tuple[ResourceKey, ...]
    #: The owners of all timelines it was ever saved in.
    named: frozenset[ResourceKey]
    #: The event that deleted it; None while it exists, and if the deletion of its actor ended it.
    ended: int | None

    @property
    def is_first_event(self) -> bool:
        """Whether the event that has published it is all that has happened to it."""
        return self.published == self.id and self.named == {self.actor}


@dataclass(slots=True)
class ActionHistory:
    """The lives of an action: the present one, if it exists, and the former ones."""

    present: Life | None = None
    former: list[Life] = field(default_factory=list)

    def lives(self) -> list[Life]:
        return [*self.former, *filter(None, [self.present])]


def histories(streams: Collection[UUID], using: str, named: Collection[ResourceKey] = ()) -> dict[UUID, ActionHistory]:
    """The histories of these actions, without those that the log does not know.

    1 query, and 1 more if they name resources that are not in `named`.
    """
    events: dict[UUID, list[Event]] = defaultdict(list)
    latest: dict[UUID, Event] = {}
    wanted = {*streams}
    for event in all_and_latest(streams, map(lifecycle, named), using):
        if event.stream in wanted:
            events[event.stream].append(event)
        else:
            latest[event.stream] = event
    if others := {key for of_stream in events.values() for event in of_stream for key in named_in(event)} - {*named}:
        latest |= latest_of(map(lifecycle, others), using)
    return {stream: _history(of_stream, latest) for stream, of_stream in events.items()}


def ended_by(event: Event, using: str) -> Life | None:
    """The life that an event has ended, if any. 1 query, or 2."""
    former = histories([event.stream], using, [*named_in(event)])[event.stream].former
    return next((life for life in former if life.ended == event.pk), None)


def named_in(event: Event) -> Iterator[ResourceKey]:
    """The resources that an event of an action names."""
    yield event.actor
    if event.target:
        yield event.target
    for identifier, object_id, _ in event.data["owners"]:
        yield ResourceKey(identifier, object_id)


def _history(events: list[Event], latest: Latest) -> ActionHistory:
    lives: list[list[Event]] = []
    for event in events:
        if not (lives and _continues(lives[-1][-1], event)):
            lives.append([])
        lives[-1].append(event)
    history = ActionHistory(former=[_life(life, latest) for life in lives])
    if is_there(events[-1], latest):
        history.present = history.former.pop()
    return history


def _continues(before: Event, event: Event) -> bool:
    """Whether an event belongs to the same life as the event before it."""
    if before.type == ACTION_DELETED:
        return False
    return event.type == ACTION_DELETED or bool(before.data["generations"] == event.data["generations"])


def _life(events: list[Event], latest: Latest) -> Life:
    saved = [event for event in events if event.type == ACTION_SAVED]
    last = saved[-1]
    published = next(
        (event.pk for event in saved if [*event.actor] in [owner[:2] for owner in event.data["owners"]]), None
    )
    target_generation = last.data["generations"]["target"] or 0
    return Life(
        id=saved[0].pk,
        uid=last.stream,
        actor=last.actor,
        verb=last.verb,
        target=last.target,
        target_generation=target_generation,
        target_deleted=bool(last.target and target_generation != generation(latest, last.target)),
        date=last.occurred_at,
        kwargs=last.data["kwargs"],
        published=published,
        owners=tuple(ResourceKey(*owner[:2]) for owner in live_owners(last, latest)),
        named=frozenset(ResourceKey(*owner[:2]) for event in saved for owner in event.data["owners"]),
        ended=None if events[-1] is last else events[-1].pk,
    )
