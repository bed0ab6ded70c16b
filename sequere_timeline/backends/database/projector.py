"""Keeps the timelines equal to the log."""

from collections.abc import Iterable
from uuid import UUID

from sequere.base import ResourceKey
from sequere.events import DELETED, FOLLOWED, UNFOLLOWED, Event, latest_of, lifecycle
from sequere.projectors import LevelTriggeredProjector
from sequere.resources import is_
from sequere_timeline.backends.database import actions, entries, marks, relations
from sequere_timeline.backends.database.actions import OWN_OR_DIRECT
from sequere_timeline.backends.database.entries import has
from sequere_timeline.backends.database.models import Entry, SavedAction, TimelineState
from sequere_timeline.backends.database.strays import StrayPass
from sequere_timeline.history import named_in
from sequere_timeline.intents import ACTION_DELETED, ACTION_SAVED, TIMELINE_READ

#: Actions that are looked at together.
ACTIONS_AT_ONCE = 500


class TimelinesProjector(LevelTriggeredProjector):
    """Actions, private timelines and read marks, in the transaction of the log."""

    passes = (actions.ActionPass(), relations.FollowedPass(), StrayPass(), marks.MarkPass())

    def resources(self, event: Event) -> Iterable[ResourceKey]:
        return named_in(event) if event.type in {ACTION_SAVED, ACTION_DELETED} else super().resources(event)

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        """Make what `events` concern what the log says.

        A follow costs 1 statement, up to 3 if there is something to import, 6 with a cap; an unfollow up to 4; a new
        action 6, and 2 for every 5,000 followers.
        """
        streams: set[UUID] = set()
        follows: list[Event] = []
        readers: set[ResourceKey] = set()
        log = Event.objects.using(using)
        for event in events:
            if event.type in {ACTION_SAVED, ACTION_DELETED}:
                streams.add(event.stream)
            elif event.type in {FOLLOWED, UNFOLLOWED}:
                follows.append(event)
            elif event.type == TIMELINE_READ:
                readers.add(event.actor)
            elif event.type == DELETED:
                # The next one with its key may be there already: what is his is written again.
                streams |= _forget(event.actor, using)
                follows += log.filter(is_(event.actor, "actor_"), type=FOLLOWED).current()
                readers.add(event.actor)
        waiting = list(streams)
        for start in range(0, len(waiting), ACTIONS_AT_ONCE):
            for action in actions.write(waiting[start : start + ACTIONS_AT_ONCE], using):
                entries.fan_out(action, using)
        if follows and (concerned := relations.concerned(follows, using)):
            relations.write(concerned, using)
        if readers:
            marks.write(readers, using)


def _forget(key: ResourceKey, using: str) -> set[UUID]:
    """An instance is gone, and its timelines with it; actions upon it remain without it.

    Returns the streams of the actions that were its own, or in its timeline without a follow.
    """
    own, upon = _saved_actions(key, "actor_", using), _saved_actions(key, "target_", using)
    entries_of_it = Entry.objects.using(using).filter(is_(key, "owner_"))
    saved = SavedAction.objects.using(using)
    direct = saved.filter(pk__in=entries_of_it.filter(has(OWN_OR_DIRECT)).values("action_id"))
    streams = {*own, *direct.values_list("uid", flat=True)}
    touched = {
        *saved.filter(uid__in=[*own, *upon]).values_list("pk", flat=True),
        *entries_of_it.values_list("action_id", flat=True),
    }
    # Two deletions may touch the same actions: they meet here, in one order.
    list(saved.filter(pk__in=touched).order_by("pk").select_for_update().values_list("pk"))
    entries_of_it.delete()
    TimelineState.objects.using(using).filter(is_(key, "owner_")).delete()
    (deletion,) = latest_of([lifecycle(key)], using).values()
    saved.filter(uid__in=upon, pk__lt=deletion.pk).update(target_deleted=True)
    return streams


def _saved_actions(key: ResourceKey, role: str, using: str) -> list[UUID]:
    """The streams of the actions in which a resource has a role."""
    saved = Event.objects.using(using).filter(is_(key, role), type=ACTION_SAVED, version=1)
    return list(saved.values_list("stream", flat=True))
