"""Intents about actions and read marks. The stream of an action is its uid, that of read marks belongs to their owner.

The data of an action are `kwargs`; `owners`, the timelines it is saved in, each as [identifier, object_id, generation];
and the `generations` of actor and target. The generation of a resource is how often it was deleted before: an action
that belongs to an earlier generation is gone, whichever resource has the key now.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from sequere.base import ResourceKey
from sequere.event_types import EventType, register_event
from sequere.log.models import Event
from sequere.log.reading import History, Latest
from sequere.log.recording import Intent
from sequere.log.streams import internal_stream, lifecycle
from sequere.log.validation import check_data, point_in_time
from sequere.sql.conditions import is_
from sequere.sql.dialects import dialect
from sequere_timeline.actions import Action
from sequere_timeline.exceptions import ActionChanged, NotInTimeline


class SavedIn(models.Func):
    """The key of the owner of the timeline in which an event has saved an action: the last one of its data."""

    output_field = models.TextField()

    def __init__(self) -> None:
        super().__init__("data")

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper, *args: Any, **kwargs: Any) -> tuple[str, Any]:
        words = dialect(connection)
        identifier, object_id = (words.json_text_of_last("%(expressions)s", "owners", place) for place in (0, 1))
        return super().as_sql(compiler, connection, template=f"({identifier} || ':' || {object_id})")


@register_event
class ActionSaved(EventType):
    name = "action_saved"
    label = _("action saved")
    internal = True
    stream_kind = "action"
    has_timeline = True

    @classmethod
    def timeline_of(cls, event: Event) -> ResourceKey | None:
        owners = event.stored_data.get("owners")
        return ResourceKey(*owners[-1][:2]) if owners else None

    @classmethod
    def in_timeline(cls, owner: ResourceKey) -> models.Q:
        return models.Q(Exact(SavedIn(), str(owner)))


@register_event
class ActionDeleted(EventType):
    name = "action_deleted"
    label = _("action deleted")
    internal = True
    stream_kind = "action"


@register_event
class TimelineRead(EventType):
    name = "timeline_read"
    label = _("timeline read")
    internal = True
    stream_kind = "read"
    has_timeline = True

    @classmethod
    def timeline_of(cls, event: Event) -> ResourceKey:
        return event.actor

    @classmethod
    def in_timeline(cls, owner: ResourceKey) -> models.Q:
        return is_(owner, "actor_")


ACTION_SAVED, ACTION_DELETED, TIMELINE_READ = ActionSaved.name, ActionDeleted.name, TimelineRead.name


#: The dates of two copies of an action may differ by less: Redis rounds those of distant years.
_ROUNDED = timedelta(milliseconds=1)


def marks_of(owner: ResourceKey) -> UUID:
    """The stream of the read marks of an owner."""
    return internal_stream("read", owner)


def generation(latest: Latest, key: ResourceKey) -> int:
    """How often a resource was deleted, from the last event of its own stream."""
    deleted = latest.get(lifecycle(key))
    return deleted.version if deleted else 0


def is_there(event: Event | None, latest: Latest) -> bool:
    """Whether an action exists after its last event."""
    if event is None or event.type != ACTION_SAVED:
        return False
    return bool(event.data["generations"]["actor"] == generation(latest, event.actor))


def live_owners(event: Event, latest: Latest) -> list[list[Any]]:
    """The owners that were not deleted since."""
    owners = event.data["owners"]
    return [owner for owner in owners if owner[2] == generation(latest, ResourceKey(*owner[:2]))]


def to_save(action: Action, uid: UUID, owner: ResourceKey) -> Intent:
    """The action is in the timeline of an owner: recorded unless it is. Raises ActionChanged, InvalidEventData,
    InvalidTimestamp."""
    actor, target = action.actor_key, action.target_key
    check_data(action.kwargs, f"the keyword arguments of {type(action).__name__}")

    def decide(history: History) -> Mapping[str, Any] | None:
        last, latest = history.last, history.latest
        entry = [*owner, generation(latest, owner)]
        if last is None or not is_there(last, latest):
            generations = {"actor": generation(latest, actor), "target": target and generation(latest, target)}
            return {"kwargs": action.kwargs, "owners": [entry], "generations": generations}
        if not _has_saved(last, action) or last.data["kwargs"] != action.kwargs:
            raise ActionChanged(action=action, uid=uid)
        owners = last.data["owners"]  # with those that were deleted since: only the generation of `owner` is known here
        return None if entry in owners else {**last.data, "owners": [*owners, entry]}

    return _of_action(ACTION_SAVED, action, uid, owner, decide)


def to_delete(action: Action, uid: UUID, owner: ResourceKey) -> Intent:
    """The action is in no timeline: recorded if it is in one. Raises NotInTimeline, and ActionChanged for an action
    that is another one than the log has."""
    actor = action.actor_key

    def decide(history: History) -> Mapping[str, Any] | None:
        last, latest = history.last, history.latest
        if last is None or not is_there(last, latest):
            return None
        if not _has_saved(last, action):
            raise ActionChanged(action=action, uid=uid)
        if owner != actor and all(tuple(one[:2]) != owner for one in live_owners(last, latest)):
            raise NotInTimeline(action=action, owner=owner)
        return dict(last.data)

    return _of_action(ACTION_DELETED, action, uid, owner, decide)


def to_mark_as_read(owner: ResourceKey, until: datetime) -> Intent:
    """The owner has read everything until then: recorded unless the mark is there already, or later."""

    def decide(history: History) -> Mapping[str, Any] | None:
        last, now = history.last, generation(history.latest, owner)
        is_read = last is not None and last.data["generation"] == now and last.occurred_at >= until
        return None if is_read else {"generation": now}

    return Intent(
        type=TIMELINE_READ,
        stream=marks_of(owner),
        actor=owner,
        occurred_at=until,
        reads=(lifecycle(owner),),
        decide=decide,
    )


def _has_saved(event: Event, action: Action) -> bool:
    """Whether an event has saved this action, whatever its keyword arguments are."""
    same = (event.actor, event.verb, event.target) == (action.actor_key, action.verb, action.target_key)
    return same and abs(event.occurred_at - point_in_time(action.date)) < _ROUNDED


def _of_action(
    type_: str,
    action: Action,
    uid: UUID,
    owner: ResourceKey,
    decide: Callable[[History], Mapping[str, Any] | None],
) -> Intent:
    actor, target = action.actor_key, action.target_key
    return Intent(
        type=type_,
        stream=uid,
        actor=actor,
        target=target,
        verb=action.verb,
        occurred_at=action.date,
        others=(owner,),
        reads=tuple(lifecycle(key) for key in (actor, owner, target) if key),
        decide=decide,
    ).storable()
