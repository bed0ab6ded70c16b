"""Saving new actions, and deleting those that were saved once: in one call of the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, cast

from django.db import connections
from django.utils import timezone

from sequere.base import ResourceKey
from sequere.event_types import event_types
from sequere.log.models import EVENT_COLUMNS, Event
from sequere.log.recording import Intent
from sequere.log.troubles import explaining
from sequere.outbox import instrumentation
from sequere.outbox.queues import fan_out_queue_of
from sequere.projections.projector import Chunk
from sequere.relations.key import FOLLOWS
from sequere.relations.types import UNFOLLOWED
from sequere_timeline.conf import TIMELINES
from sequere_timeline.intents import ACTION_SAVED

_COMMON = (
    "%s::text, %s::smallint, %s::uuid, %s::text[], %s::text[], %s::uuid[], %s::text, %s::timestamptz,"
    " %s::timestamptz, %s::jsonb, %s::text, %s::text"
)
_SAVE = f"SELECT * FROM sequere_save_action({_COMMON}, %s::jsonb)"
_DELETE = f"SELECT * FROM sequere_delete_action({_COMMON}, %s::text, %s::text, %s::text)"


class How(NamedTuple):
    """What an event says besides its intent."""

    now: datetime
    metadata: Mapping[str, Any]


@dataclass
class ActionCall:
    """An action on its way to the followers of its actor, or back from them."""

    intent: Intent
    event_id: int = 0
    reached: int = 0

    @property
    def queue(self) -> str:
        return fan_out_queue_of(TIMELINES)

    @property
    def keys(self) -> list[ResourceKey]:
        """Those of the actor, of the owner of the timeline, and of the target if there is one: as `Intent.reads` has
        their lives."""
        keys = (self.intent.actor, *self.intent.others, self.intent.target)
        return [cast(ResourceKey, key) for key in keys if key]

    @property
    def is_published(self) -> bool:
        """Whether it is in the timeline of its actor, and so in those of the followers."""
        actor, owner, *_ = self.keys
        return actor == owner

    def call(self, text: str, how: How, using: str, *more: Any) -> tuple[Any, ...]:
        """What a function of the database answers. 1 statement."""
        intent, ops = self.intent, connections[using].ops
        values = [
            *(intent.type, event_types.of(intent.type).version, intent.stream.hex),
            *map(list, zip(*self.keys, strict=True)),
            [stream.hex for stream in intent.reads],
            intent.verb,
            *map(ops.adapt_datetimefield_value, (intent.occurred_at, how.now)),
            ops.adapt_json_value(how.metadata, None) if how.metadata else None,
            *FOLLOWS.name,
        ]
        with explaining(self.keys, using), connections[using].cursor() as cursor:
            cursor.execute(text, [*values, *more])
            return cast(tuple[Any, ...], cursor.fetchone())

    def event(self, version: int, data: Mapping[str, Any], how: How, using: str) -> Event:
        intent = self.intent
        actor, target = self.keys[0], intent.target or ("", "")
        what = (intent.stream, version, event_types.of(intent.type).version, intent.type)
        row = (intent.occurred_at, how.now, *what, *actor, *cast(ResourceKey, target), intent.verb, intent.scope, data)
        return Event.from_db(using, ("id", *EVENT_COLUMNS), (self.event_id, *row, how.metadata, None))


@dataclass
class NewAction(ActionCall):
    """An action that nobody has saved before."""

    kwargs: Mapping[str, Any] | None = None
    generations: tuple[int, ...] = ()

    def saved(self, metadata: Mapping[str, Any], using: str) -> Sequence[Event]:
        """Save it; the event that has been recorded. 1 statement."""
        how = How(timezone.now(), metadata)
        save = _publish if self.is_published else _save
        save(self, how, using)
        owner, target = self.keys[1], self.intent.target
        data = {
            "kwargs": self.kwargs,
            "owners": [[*owner, self.generations[1]]],
            "generations": {"actor": self.generations[0], "target": self.generations[2] if target else None},
        }
        return [self.event(1, data, how, using)]


@dataclass
class OldAction(ActionCall):
    """An action that may have been saved once."""

    data: Mapping[str, Any] | None = None

    def deleted(self, metadata: Mapping[str, Any], using: str) -> Sequence[Event]:
        """Delete it; the event that has been recorded, if there is no more to it. 1 statement."""
        how = How(timezone.now(), metadata)
        delete = _withdraw if self.is_published else _delete
        return [self.event(2, cast(Mapping[str, Any], self.data), how, using)] if delete(self, how, using) else []


def _save(new: NewAction, how: How, using: str) -> Chunk:
    """Save it in the timeline of its owner, and reach all followers if that is its actor."""
    kwargs = connections[using].ops.adapt_json_value(new.kwargs, None)
    new.event_id, generations, reached = new.call(_SAVE, how, using, kwargs)
    new.generations = tuple(generations)
    return Chunk(reached or 0, None)


def _delete(old: OldAction, how: How, using: str) -> Chunk | None:
    """Take it from all timelines, unless it is another one or there is more to it."""
    event_id, data, reached = old.call(_DELETE, how, using, ACTION_SAVED, UNFOLLOWED, old.queue)
    if event_id is None:
        return None
    old.event_id, old.data = event_id, data
    return Chunk(reached or 0, None)


_publish = instrumentation.fan_outs(_save)
_withdraw = instrumentation.fan_outs(_delete)
