"""The timeline of an instance: what it did, and what the resources that it follows did."""

from datetime import datetime
from functools import partial
from operator import index as whole
from typing import Any, cast
from uuid import UUID, uuid4

from asgiref.sync import sync_to_async
from django.apps import apps
from django.db import models, router
from django.dispatch import Signal
from django.utils import timezone

from sequere.base import ResourceKey
from sequere.log.metadata import caused_by
from sequere.log.models import Event
from sequere.log.recording import Outcome, record_internal
from sequere.log.validation import point_in_time
from sequere.registry import registry
from sequere.results.lazy import FARTHEST
from sequere.sql.commits import after_commit
from sequere.texts import is_storable
from sequere_timeline import signals
from sequere_timeline.actions import Action, check_action, check_registered, saved_uid
from sequere_timeline.backends.base import ActionList, Filters, get_backend
from sequere_timeline.exceptions import InvalidFilter, TimelinesNotInstalled, UnsavedAction
from sequere_timeline.intents import to_delete, to_mark_as_read, to_save

ActionFilter = type[Action] | Action | str | None
TargetFilter = models.Model | type[models.Model] | ResourceKey | str | None


class Timeline:
    """Timeline(instance). The private timeline is what its owner sees, the public one is what the owner did.

    Filters combine: `action` is an action class or a verb; `target` is an instance, or, for all targets of a kind, a
    registered model or its identifier. Lists are lazy, newest first, `desc=False` for oldest first; a page costs 1
    query and 1 per model class. Counts cost 1 query.
    """

    def __init__(self, instance: models.Model | ResourceKey) -> None:
        if not apps.is_installed("sequere_timeline"):
            raise TimelinesNotInstalled
        self.instance = instance
        self.key = registry.key_of(instance)

    def __repr__(self) -> str:
        return f"<Timeline: {self.instance}>"

    def save(self, action: Action) -> Event | None:
        """Save an action in this timeline, and give it its uid.

        An action of the owner also enters its public timeline and the private ones of its followers; an action of
        another actor only enters this private timeline. Returns the event, or None if the action is here already.
        Raises NoAction, ActionNotRegistered, ActionChanged, InvalidUid, InvalidEventData, InvalidTimestamp,
        StreamTaken, and whatever naming an instance raises.
        """
        check_registered(action)
        signals.pre_save.send(sender=Timeline, instance=self.instance, action=action)
        # Whatever was set since the action was made, also by a receiver, is checked here.
        uid = saved_uid(action) or uuid4()
        intent = to_save(action, uid, self.key)
        event = None if action.uid else get_backend().save_new(intent, action.kwargs)
        (outcome,) = [Outcome(event, is_new=True)] if event else record_internal([intent])
        action.saved_as(str(uid))
        return self._announced(outcome, action, signals.post_save)

    def delete(self, action: Action) -> Event | None:
        """Delete an action: it disappears from every timeline, those of former followers included.

        Returns the event, or None if it was gone already. Raises NoAction, UnsavedAction, NotInTimeline, InvalidUid,
        StreamTaken, and ActionChanged for an action with the uid of another one.
        """
        check_action(action)
        if action.uid is None:
            raise UnsavedAction(action=action)
        signals.pre_delete.send(sender=Timeline, instance=self.instance, action=action)
        intent = to_delete(action, cast(UUID, saved_uid(action)), self.key)
        event = get_backend().delete_at_once(intent)
        (outcome,) = [Outcome(event, is_new=True)] if event else record_internal([intent])
        return self._announced(outcome, action, signals.post_delete)

    def get_private(self, *, action: ActionFilter = None, target: TargetFilter = None, desc: bool = True) -> ActionList:
        """What the owner sees: a lazy sequence of actions, each with its `reasons`. Raises InvalidFilter,
        UnknownIdentifier, and whatever naming an instance raises."""
        filters = _filters(action, target)
        return get_backend().private(self.key, filters, desc=desc).named("private", self.key, filters, desc)

    def get_public(self, *, action: ActionFilter = None, target: TargetFilter = None, desc: bool = True) -> ActionList:
        """What the owner did: a list as `get_private()` returns."""
        filters = _filters(action, target)
        return get_backend().public(self.key, filters, desc=desc).named("public", self.key, filters, desc)

    def get_private_count(self, *, action: ActionFilter = None, target: TargetFilter = None) -> int:
        """How many actions the owner sees. 1 query."""
        return self.get_private(action=action, target=target).count()

    def get_public_count(self, *, action: ActionFilter = None, target: TargetFilter = None) -> int:
        """How many actions the owner did. 1 query."""
        return self.get_public(action=action, target=target).count()

    def mark_as_read(self, timestamp: datetime | float | None = None) -> Event | None:
        """Everything dated until `timestamp` is read: a datetime, or seconds since 1970; now, if None.

        Returns the event, or None if the mark was there already, or later: it never moves backwards. Raises
        InvalidTimestamp.
        """
        until = timezone.now() if timestamp is None else point_in_time(timestamp)
        return record_internal([to_mark_as_read(self.key, until)])[0].event

    @property
    def read_at(self) -> datetime | None:
        """Until when the timeline is read, or None. 1 query."""
        return get_backend().read_at(self.key)

    def get_unread_count(
        self, *, action: ActionFilter = None, target: TargetFilter = None, limit: int | None = None
    ) -> int:
        """How many actions of others in the private timeline are dated later than `read_at`. 1 query.

        With a `limit`, counting stops there: for a badge that shows "99+", `limit=100` takes as long for a million
        unread actions as for a hundred.
        """
        if limit is not None:
            limit = min(whole(limit), FARTHEST)
            if limit < 1:
                raise ValueError("A limit is at least 1.")
        return get_backend().unread_count(self.key, _filters(action, target), limit)

    async def asave(self, action: Action) -> Event | None:
        return await sync_to_async(self.save)(action)

    async def adelete(self, action: Action) -> Event | None:
        return await sync_to_async(self.delete)(action)

    async def aget_private_count(self, *, action: ActionFilter = None, target: TargetFilter = None) -> int:
        return await sync_to_async(self.get_private_count)(action=action, target=target)

    async def aget_public_count(self, *, action: ActionFilter = None, target: TargetFilter = None) -> int:
        return await sync_to_async(self.get_public_count)(action=action, target=target)

    async def amark_as_read(self, timestamp: datetime | float | None = None) -> Event | None:
        return await sync_to_async(self.mark_as_read)(timestamp)

    async def aget_read_at(self) -> datetime | None:
        return await sync_to_async(get_backend().read_at)(self.key)

    async def aget_unread_count(
        self, *, action: ActionFilter = None, target: TargetFilter = None, limit: int | None = None
    ) -> int:
        return await sync_to_async(self.get_unread_count)(action=action, target=target, limit=limit)

    def _announced(self, outcome: Outcome, action: Action, signal: Signal) -> Event | None:
        """The event of an outcome. If it is new, a signal is sent after the commit."""
        if outcome.event and outcome.is_new:
            send = partial(self._send, signal, action, outcome.event)
            after_commit(send, router.db_for_write(Event))
        return outcome.event

    def _send(self, signal: Signal, action: Action, event: Event) -> None:
        with caused_by(event):
            signal.send_robust(sender=Timeline, instance=self.instance, action=action)


def _filters(action: ActionFilter, target: TargetFilter) -> Filters:
    return Filters(_verb(action), *_target(target))


def _verb(action: ActionFilter) -> str | None:
    if action is None:
        return None
    verb: Any = action if isinstance(action, str) else getattr(action, "verb", None)
    if not isinstance(verb, str):
        raise InvalidFilter(value=action, allowed="an action class or a verb")
    return verb if is_storable(verb) else ""  # nothing has it


def _target(target: TargetFilter) -> tuple[str | None, str | None]:
    if target is None:
        return None, None
    if isinstance(target, str | type):
        return registry.identifier_of(target), None
    return registry.key_of(target)
