"""Saving new actions, and deleting those that were saved once: in one call of the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.db import connections
from django.utils import timezone

from sequere.log.models import Event
from sequere.outbox import instrumentation
from sequere.projections.projector import Chunk
from sequere.relations.key import FOLLOWS
from sequere.relations.types import UNFOLLOWED
from sequere_timeline.intents import ACTION_SAVED
from sequere_timeline.saving import COMMON, ActionCall, How, NewAction

_SAVE = f"SELECT * FROM sequere_save_action({COMMON}, %s::jsonb, %s::text, %s::text)"
_DELETE = f"SELECT * FROM sequere_delete_action({COMMON}, %s::text, %s::text, %s::text, %s::text, %s::text)"


@dataclass
class AppliedAction(NewAction):
    """A new action that is applied in the same call."""

    def recorded(self, metadata: Mapping[str, Any], using: str) -> Sequence[Event]:
        how = How(timezone.now(), metadata)
        save = _publish if self.is_published else _save
        save(self, how, using)
        return [self.saved_event(how, using)]


@dataclass
class OldAction(ActionCall):
    """An action that may have been saved once."""

    data: Mapping[str, Any] | None = None

    def deleted(self, metadata: Mapping[str, Any], using: str) -> Sequence[Event]:
        """Delete it; the event that has been recorded, if there is no more to it. 1 statement."""
        how = How(timezone.now(), metadata)
        delete = _withdraw if self.is_published else _delete
        return [self.event(2, cast(Mapping[str, Any], self.data), how, using)] if delete(self, how, using) else []


def _save(new: AppliedAction, how: How, using: str) -> Chunk:
    """Save it in the timeline of its owner, and reach all followers if that is its actor."""
    kwargs = connections[using].ops.adapt_json_value(new.kwargs, None)
    new.event_id, generations, reached = new.call(_SAVE, how, using, kwargs, *FOLLOWS.name)
    new.generations = tuple(generations)
    return Chunk(reached or 0, None)


def _delete(old: OldAction, how: How, using: str) -> Chunk | None:
    """Take it from all timelines, unless it is another one or there is more to it."""
    event_id, data, reached = old.call(_DELETE, how, using, *FOLLOWS.name, ACTION_SAVED, UNFOLLOWED, old.queue)
    if event_id is None:
        return None
    old.event_id, old.data = event_id, data
    return Chunk(reached or 0, None)


_publish = instrumentation.fan_outs(_save)
_withdraw = instrumentation.fan_outs(_delete)
