"""Saving actions that nobody has saved before, in one call of the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

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
from sequere_timeline.conf import TIMELINES

_CALL = (
    "SELECT * FROM sequere_save_action(%s::text, %s::smallint, %s::uuid, %s::text[], %s::text[], %s::uuid[],"
    " %s::text, %s::timestamptz, %s::timestamptz, %s::jsonb, %s::jsonb, %s::text, %s::text)"
)


@dataclass(slots=True)
class NewAction:
    """An action that nobody has saved before, on its way to the followers of its actor."""

    intent: Intent
    kwargs: Mapping[str, Any]
    event_id: int = 0
    generations: tuple[int, ...] = ()
    reached: int = 0

    @property
    def queue(self) -> str:
        return fan_out_queue_of(TIMELINES)

    def saved(self, metadata: Mapping[str, Any], using: str) -> Sequence[Event]:
        """Save it; the event that has been recorded. 1 statement."""
        (actor, owner, *_), target = _keys(self.intent), cast(ResourceKey | None, self.intent.target)
        date, now = self.intent.occurred_at, timezone.now()
        save = _publish if owner == actor else _save
        save(self, (date, now, metadata), using)
        target_generation = self.generations[2] if target else None
        data = {
            "kwargs": self.kwargs,
            "owners": [[*owner, self.generations[1]]],
            "generations": {"actor": self.generations[0], "target": target_generation},
        }
        what = (self.intent.stream, 1, event_types.of(self.intent.type).version, self.intent.type)
        row = (date, now, *what, *actor, *(target or ("", "")))
        values = (self.event_id, *row, self.intent.verb, data, metadata, None)
        return [Event.from_db(using, ("id", *EVENT_COLUMNS), values)]


def _keys(intent: Intent) -> list[ResourceKey]:
    """Those of the actor, of the owner of the timeline, and of the target if there is one: as `Intent.reads` has their
    lives."""
    keys = (intent.actor, *intent.others, intent.target)
    return [cast(ResourceKey, key) for key in keys if key]


def _save(new: NewAction, how: tuple[Any, Any, Mapping[str, Any]], using: str) -> Chunk:
    """Save it in the timeline of its owner, and reach all followers if that is its actor."""
    date, now, metadata = how
    ops = connections[using].ops
    intent = new.intent
    values = [
        *(intent.type, event_types.of(intent.type).version, intent.stream.hex),
        *map(list, zip(*_keys(intent), strict=True)),
        [stream.hex for stream in intent.reads],
        intent.verb,
        ops.adapt_datetimefield_value(date),
        ops.adapt_datetimefield_value(now),
        ops.adapt_json_value(new.kwargs, None),
        ops.adapt_json_value(metadata, None) if metadata else None,
        *FOLLOWS.name,
    ]
    with explaining(_keys(intent), using), connections[using].cursor() as cursor:
        cursor.execute(_CALL, values)
        ((new.event_id, generations, reached),) = cursor.fetchall()
    new.generations = tuple(generations)
    return Chunk(reached or 0, None)


_publish = instrumentation.fan_outs(_save)
