"""Keeps the timelines equal to the log."""

from collections.abc import Iterable
from uuid import UUID

from sequere.base import ResourceKey
from sequere.events import DELETED, FOLLOWED, UNFOLLOWED, Event
from sequere.projectors import LevelTriggeredProjector
from sequere.resources import is_
from sequere_timeline.backends.database import actions, entries, marks, relations
from sequere_timeline.backends.database.models import Entry, SavedAction, TimelineState
from sequere_timeline.backends.database.strays import StrayPass
from sequere_timeline.intents import ACTION_DELETED, ACTION_SAVED, TIMELINE_READ

#: Actions of a deleted instance that are looked at together.
ACTIONS_AT_ONCE = 500


class TimelinesProjector(LevelTriggeredProjector):
    """Actions, private timelines and read marks, in the transaction of the log."""

    passes = (actions.ActionPass(), relations.FollowedPass(), StrayPass(), marks.MarkPass())

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        """Make what `events` concern what the log says.

        A follow costs 1 statement, up to 3 if there is something to import, 6 with a cap; an unfollow up to 4; a new
        action 6, and 2 for every 5,000 followers.
        """
        streams: set[UUID] = set()
        follows: list[Event] = []
        readers: set[ResourceKey] = set()
        for event in events:
            if event.type in {ACTION_SAVED, ACTION_DELETED}:
                streams.add(event.stream)
            elif event.type in {FOLLOWED, UNFOLLOWED}:
                follows.append(event)
            elif event.type == TIMELINE_READ:
                readers.add(event.actor)
            elif event.type == DELETED:
                _forget(event.actor, using)
        if streams:
            for action in actions.write(streams, using):
                entries.fan_out(action, using)
        if follows and (concerned := relations.concerned(follows, using)):
            relations.write(concerned, using)
        if readers:
            marks.write(readers, using)


def _forget(key: ResourceKey, using: str) -> None:
    """An instance is gone: so are its timelines and its actions; actions upon it remain without it."""
    own, upon = _saved_actions(key, "actor_", using), _saved_actions(key, "target_", using)
    entries_of_it = Entry.objects.using(using).filter(is_(key, "owner_"))
    saved = SavedAction.objects.using(using)
    touched = {
        *saved.filter(uid__in=own).values_list("pk", flat=True),
        *saved.filter(uid__in=upon).values_list("pk", flat=True),
        *entries_of_it.values_list("action_id", flat=True),
    }
    # Two deletions may touch the same actions: they meet here, in one order.
    list(saved.filter(pk__in=touched).order_by("pk").select_for_update().values_list("pk"))
    entries_of_it.delete()
    TimelineState.objects.using(using).filter(is_(key, "owner_")).delete()
    saved.filter(uid__in=upon).update(target_deleted=True)
    for start in range(0, len(own), ACTIONS_AT_ONCE):
        actions.write(own[start : start + ACTIONS_AT_ONCE], using)


def _saved_actions(key: ResourceKey, role: str, using: str) -> list[UUID]:
    """The streams of the actions in which a resource has a role."""
    saved = Event.objects.using(using).filter(is_(key, role), type=ACTION_SAVED, version=1)
    return list(saved.values_list("stream", flat=True))
