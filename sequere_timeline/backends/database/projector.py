"""Keeps the timelines equal to the log."""

from collections.abc import Sequence
from functools import partial
from typing import cast
from uuid import UUID

from sequere.base import ResourceKey
from sequere.log.locks import uids_of
from sequere.log.models import Event
from sequere.log.reading import latest_of
from sequere.log.streams import lifecycle
from sequere.relations.key import FOLLOWS
from sequere.relations.types import FOLLOWED, UNFOLLOWED
from sequere.results.cursors import Place
from sequere.sql import routines
from sequere.sql.chunks import chunks
from sequere.sql.conditions import is_
from sequere_timeline import conf
from sequere_timeline.backends.database import entries
from sequere_timeline.backends.database.actions import ACTIONS, ORPHANED_ACTIONS, Publication, write_actions
from sequere_timeline.backends.database.marks import MARKS, ORPHANED_MARKS, write_marks
from sequere_timeline.backends.database.models import Entry, SavedAction, TimelineState
from sequere_timeline.backends.database.orphans import ORPHANED_ENTRIES
from sequere_timeline.backends.database.private import ENTRIES, UNKNOWN_ENTRIES, write_follows
from sequere_timeline.history import Life, ended_by
from sequere_timeline.intents import ACTION_SAVED
from sequere_timeline.projector import BaseTimelinesProjector, FanOut, News

#: Actions that are compared and written together.
_ACTIONS_AT_ONCE = 500


class TimelinesProjector(BaseTimelinesProjector):
    """Actions, private timelines and read marks, in the transaction of the log."""

    reconcilers = (
        ACTIONS,
        ORPHANED_ACTIONS,
        ENTRIES,
        UNKNOWN_ENTRIES,
        ORPHANED_ENTRIES,
        MARKS,
        ORPHANED_MARKS,
    )

    def relations_function(self, relation_type: str, scope: str, using: str) -> str | None:
        is_followed = (relation_type, scope) == FOLLOWS.name
        is_simple = is_followed and conf.only_live_follows_count() and conf.max_length() is None
        return "sequere_apply_follows" if is_simple and routines.in_reach(Entry, using) else None

    def take_in(self, news: News, using: str) -> None:
        """1 statement for a follow, 3 with a cap; 1 for an unfollow, 2 on SQLite; 5 for a new action, 1 to reach up to
        2,000 followers, and 2 for every 2,000 more.
        """
        log = Event.objects.using(using)
        for key in sorted(news.deleted):
            # A new instance may have the key already: what belongs to that one is written again.
            news.actions |= _forget(key, using)
            news.follows += log.filter(is_(key, "actor_"), type=FOLLOWED, scope="").current()
            news.readers.add(key)
        if news.actions:
            self._take_in_actions(news, using)
        if news.follows:
            types = {event.type for event in news.follows}
            relations = {event.stream: (event.actor, event.subject) for event in news.follows}
            write_follows(relations, using, begun=FOLLOWED in types, ended=UNFOLLOWED in types)
        if news.readers:
            write_marks(news.readers, using)

    def take_in_follows(self, follows: Sequence[Event], using: str) -> None:
        write_follows({event.stream: (event.actor, event.subject) for event in follows}, using)

    def _take_in_actions(self, news: News, using: str) -> None:
        for streams in chunks(news.actions, _ACTIONS_AT_ONCE):
            written = write_actions(streams, news.named, using)
            deleted = [_withdrawal(life, using) for life in written.deleted]
            published = [_publication(publication, using) for publication in written.published]
            self.start_fan_outs([*deleted, *published], using)

    def publication(self, event: Event, using: str) -> FanOut | None:
        """2 queries."""
        published = SavedAction.objects.using(using).filter(uid=event.stream, published_event_id=event.pk)
        return next((_publication(Publication(action, event.actor, is_new=False), using) for action in published), None)

    def withdrawal(self, event: Event, using: str) -> FanOut | None:
        """1 query, or 2."""
        life = ended_by(event, using)
        return _withdrawal(life, using) if life else None


def _publication(of: Publication, using: str) -> FanOut:
    step = partial(entries.fan_out, of.action, using=using, is_new=of.is_new)
    return FanOut(cast(int, of.action.published_event_id), of.action.uid, of.actor, step)


def _withdrawal(life: Life, using: str) -> FanOut:
    step = partial(entries.withdraw, life.actor, [Place(life.date, life.id)], using=using)
    return FanOut(cast(int, life.ended), life.uid, life.actor, step)


def _forget(key: ResourceKey, using: str) -> set[UUID]:
    """Remove the timelines of a deleted instance. Actions upon it remain, without it.

    Returns the streams of the actions that were its own, or in its timeline without a follow.
    """
    own, upon = _saved_actions(key, "actor_", using), _saved_actions(key, "target_", using)
    feed = uids_of([key], using)[key]
    entries_of_it = Entry.objects.using(using).filter(feed=feed)
    saved = SavedAction.objects.using(using)
    direct = saved.filter(pk__in=entries_of_it.filter(extra__isnull=False).values("action_id"))
    streams = {*own, *direct.values_list("uid", flat=True)}
    touched = {
        *saved.filter(uid__in=[*own, *upon]).values_list("pk", flat=True),
        *entries_of_it.values_list("action_id", flat=True),
    }
    # Two deletions may touch the same actions: they lock them here, in one order.
    list(saved.filter(pk__in=touched).order_by("pk").select_for_update().values_list("pk"))
    entries_of_it.delete()
    TimelineState.objects.using(using).filter(feed=feed).delete()
    (deletion,) = latest_of([lifecycle(key)], using).values()
    saved.filter(uid__in=upon, pk__lt=deletion.pk).update(target_deleted=True)
    return streams


def _saved_actions(key: ResourceKey, role: str, using: str) -> list[UUID]:
    """The streams of the actions in which a resource has a role."""
    saved = Event.objects.using(using).filter(is_(key, role), type=ACTION_SAVED, version=1)
    return list(saved.values_list("stream", flat=True))
