"""What timelines say to the log. The stream of an action is its uid; that of read marks belongs to the owner.

Data of an action: `kwargs`; `owners`, the timelines it is saved in, each as [identifier, object_id, generation]; and
the `generations` of actor and target. The generation of a resource is how often it was deleted before: an action
that belongs to an earlier one is gone, whoever has the key now.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.log.reading import Latest
from sequere.log.recording import Intent
from sequere.log.streams import lifecycle, stream_of
from sequere.log.types import TYPES
from sequere.log.validation import check_json
from sequere_timeline.actions import Action
from sequere_timeline.exceptions import ActionChanged, NotInTimeline

ACTION_SAVED = "action_saved"
ACTION_DELETED = "action_deleted"
TIMELINE_READ = "timeline_read"
TYPES.update({ACTION_SAVED, ACTION_DELETED, TIMELINE_READ})


def generation(latest: Latest, key: ResourceKey) -> int:
    deleted = latest.get(lifecycle(key))
    return deleted.version if deleted else 0


def is_live(event: Event | None, latest: Latest) -> bool:
    """Whether the last event of an action leaves it there."""
    if event is None or event.type != ACTION_SAVED:
        return False
    return bool(event.data["generations"]["actor"] == generation(latest, event.actor))


def live_owners(event: Event, latest: Latest) -> list[list[Any]]:
    """Those of the owners that were not deleted since."""
    owners = event.data["owners"]
    return [owner for owner in owners if owner[2] == generation(latest, ResourceKey(*owner[:2]))]


def to_save(action: Action, uid: UUID, owner: ResourceKey) -> Intent:
    """The action is in the timeline of owner: news unless it is. Raises ActionChanged, InvalidEventData."""
    actor, target = action.actor_key, action.target_key
    check_json(action.kwargs, f"the keyword arguments of {action!r}")

    def decide(last: Event | None, latest: Latest) -> Mapping[str, Any] | None:
        entry = [*owner, generation(latest, owner)]
        if last is None or not is_live(last, latest):
            generations = {"actor": generation(latest, actor), "target": target and generation(latest, target)}
            return {"kwargs": action.kwargs, "owners": [entry], "generations": generations}
        saved = (last.actor, last.verb, last.target, last.occurred_at, last.data["kwargs"])
        if saved != (actor, action.verb, target, action.date, action.kwargs):
            raise ActionChanged(action=action, uid=uid)
        owners = last.data["owners"]  # also those who were deleted since: only of `owner` is it known here
        return None if entry in owners else {**last.data, "owners": [*owners, entry]}

    return _of_action(ACTION_SAVED, action, uid, owner, decide)


def to_delete(action: Action, uid: UUID, owner: ResourceKey) -> Intent:
    """The action is nowhere any more: news if it is somewhere. Raises NotInTimeline, and ActionChanged if somebody else
    did it."""
    actor = action.actor_key

    def decide(last: Event | None, latest: Latest) -> Mapping[str, Any] | None:
        if last is None or not is_live(last, latest):
            return None
        if last.actor != actor:
            raise ActionChanged(action=action, uid=uid)
        if owner != actor and all(tuple(one[:2]) != owner for one in live_owners(last, latest)):
            raise NotInTimeline(action=action, owner=owner)
        return dict(last.data)

    return _of_action(ACTION_DELETED, action, uid, owner, decide)


def to_mark_as_read(owner: ResourceKey, until: datetime) -> Intent:
    """The owner has read everything until then: news unless he has read as much."""

    def decide(last: Event | None, latest: Latest) -> Mapping[str, Any] | None:
        now = generation(latest, owner)
        is_read = last is not None and last.data["generation"] == now and last.occurred_at >= until
        return None if is_read else {"generation": now}

    return Intent(
        type=TIMELINE_READ,
        stream=stream_of("read", owner),
        actor=owner,
        occurred_at=until,
        reads=(lifecycle(owner),),
        decide=decide,
    )


def _of_action(type_: str, action: Action, uid: UUID, owner: ResourceKey, decide: Any) -> Intent:
    actor, target = action.actor_key, action.target_key
    return Intent(
        type=type_,
        stream=uid,
        actor=actor,
        target=target,
        verb=action.verb,
        occurred_at=action.date,
        others=(owner,),
        reads=tuple(lifecycle(key) for key in (actor, target, owner) if key),
        decide=decide,
    )
