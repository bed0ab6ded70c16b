"""Keeps the timelines equal to the log."""

from collections.abc import Iterable
from uuid import UUID

from sequere.base import ResourceKey
from sequere.events import DELETED, FOLLOWED, UNFOLLOWED, Event
from sequere.projectors import LevelTriggeredProjector
from sequere.resources import is_
from sequere_timeline.backends.database import actions, entries, marks, relations
from sequere_timeline.backends.database.models import SavedAction, TimelineState
from sequere_timeline.backends.database.strays import StrayPass
from sequere_timeline.intents import ACTION_DELETED, ACTION_SAVED, TIMELINE_READ

#: Actions around a deleted instance that are looked at together.
ACTIONS_AT_ONCE = 500


class TimelinesProjector(LevelTriggeredProjector):
    """Actions, private timelines and read marks, in the transaction of the log."""

    passes = (actions.ActionPass(), relations.FollowedPass(), StrayPass(), marks.MarkPass())

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        """Make what `events` concern what the log says.

        A follow costs up to 3 statements, 4 with a cap; an unfollow up to 4; a new action 6, and 2 for every 5,000
        followers.
        """
        streams: set[UUID] = set()
        follows: dict[UUID, tuple[ResourceKey, ResourceKey]] = {}
        readers: set[ResourceKey] = set()
        for event in events:
            if event.type in {ACTION_SAVED, ACTION_DELETED}:
                streams.add(event.stream)
            elif event.type in {FOLLOWED, UNFOLLOWED} and event.target:
                follows[event.stream] = (event.actor, event.target)
            elif event.type == TIMELINE_READ:
                readers.add(event.actor)
            elif event.type == DELETED:
                _forget(event.actor, using)
        if streams:
            for action in actions.write(streams, using):
                entries.fan_out(action, using)
        if follows:
            relations.write(follows, using)
        if readers:
            marks.write(readers, using)


def _forget(key: ResourceKey, using: str) -> None:
    """An instance is gone: so are its timelines and its actions; actions upon it remain without it."""
    entries.forget_owner(key, using)
    TimelineState.objects.using(using).filter(is_(key, "owner_")).delete()
    for chunk in _saved_actions(key, "actor_", using):
        actions.write(chunk, using)
    for chunk in _saved_actions(key, "target_", using):
        targeted = SavedAction.objects.using(using).filter(uid__in=chunk)
        # In the order in which the deletion of an actor takes them.
        list(targeted.order_by("id").select_for_update().values_list("id"))
        targeted.update(target_deleted=True)


def _saved_actions(key: ResourceKey, role: str, using: str) -> Iterable[list[UUID]]:
    """The streams of the actions in which a resource has a role, in the order of the log, in chunks."""
    saved = Event.objects.using(using).filter(is_(key, role), type=ACTION_SAVED, version=1).order_by("id")
    streams = list(saved.values_list("stream", flat=True))
    return (streams[start : start + ACTIONS_AT_ONCE] for start in range(0, len(streams), ACTIONS_AT_ONCE))
