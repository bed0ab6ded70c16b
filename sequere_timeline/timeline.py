"""The timeline of an instance: what it did, and what those whom it follows did."""

from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from asgiref.sync import sync_to_async
from django.apps import apps
from django.db import models, router, transaction
from django.utils import timezone

from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.log.recording import Outcome, record
from sequere.log.validation import point_in_time
from sequere.registry import registry
from sequere_timeline import signals
from sequere_timeline.actions import Action, check_registered
from sequere_timeline.backends.base import ActionList, Filters, get_backend
from sequere_timeline.exceptions import InvalidFilter, TimelinesNotInstalled, UnsavedAction
from sequere_timeline.intents import to_delete, to_mark_as_read, to_save

ActionFilter = type[Action] | Action | str | None
TargetFilter = models.Model | type[models.Model] | ResourceKey | str | None


class Timeline:
    """Timeline(instance). The private one is what its owner sees, the public one is what he did.

    Filters combine: `action` is an action class or a verb; `target` a registered model or its identifier, for all
    targets of that kind, or an instance. Lists are lazy, newest first, `desc=False` for oldest first; a page costs
    1 query and 1 per model class. Counts cost 1 query.
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

        An action of the owner also enters his public timeline and the private ones of his followers; anybody else's
        enters this private timeline only. Returns the event, or None when it was here already. Raises
        NoAction, ActionNotRegistered, ActionChanged, InvalidEventData, and what naming an instance raises.
        """
        check_registered(action)
        uid = UUID(action.uid) if action.uid else uuid4()
        intent = to_save(action, uid, self.key)
        signals.pre_save.send(sender=Timeline, instance=self.instance, action=action)
        (outcome,) = record([intent])
        action.saved_as(str(uid))
        return self._announced(outcome, action, signals.post_save)

    def delete(self, action: Action) -> Event | None:
        """Delete an action: it disappears from every timeline, also from those of former followers.

        Returns the event, or None when it was gone already. Raises UnsavedAction, NotInTimeline.
        """
        if action.uid is None:
            raise UnsavedAction(action=action)
        intent = to_delete(action, UUID(action.uid), self.key)
        signals.pre_delete.send(sender=Timeline, instance=self.instance, action=action)
        (outcome,) = record([intent])
        return self._announced(outcome, action, signals.post_delete)

    def get_private(self, *, action: ActionFilter = None, target: TargetFilter = None, desc: bool = True) -> ActionList:
        """What the owner sees: a lazy sequence of actions, each of which knows its `reasons`. Raises InvalidFilter,
        UnknownIdentifier, and what naming an instance raises."""
        return get_backend().private(self.key, _filters(action, target), desc=desc)

    def get_public(self, *, action: ActionFilter = None, target: TargetFilter = None, desc: bool = True) -> ActionList:
        """What the owner did: a list as `get_private()` returns."""
        return get_backend().public(self.key, _filters(action, target), desc=desc)

    def get_private_count(self, *, action: ActionFilter = None, target: TargetFilter = None) -> int:
        """How many actions the owner sees. 1 query."""
        return self.get_private(action=action, target=target).count()

    def get_public_count(self, *, action: ActionFilter = None, target: TargetFilter = None) -> int:
        """How many actions the owner did. 1 query."""
        return self.get_public(action=action, target=target).count()

    def mark_as_read(self, timestamp: datetime | float | None = None) -> Event | None:
        """Everything dated until `timestamp` is read: a datetime, or seconds since 1970; now, if None.

        Returns the event, or None when as much was read before: the mark never moves backwards. Raises
        InvalidTimestamp.
        """
        until = timezone.now() if timestamp is None else point_in_time(timestamp)
        return record([to_mark_as_read(self.key, until)])[0].event

    @property
    def read_at(self) -> datetime | None:
        """Until when the timeline is read; None if it was never marked. 1 query."""
        return get_backend().read_at(self.key)

    def get_unread_count(self, *, action: ActionFilter = None, target: TargetFilter = None) -> int:
        """How many actions of others in the private timeline are dated later than `read_at`. 1 query."""
        return get_backend().unread_count(self.key, _filters(action, target))

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

    async def aget_unread_count(self, *, action: ActionFilter = None, target: TargetFilter = None) -> int:
        return await sync_to_async(self.get_unread_count)(action=action, target=target)

    def _announced(self, outcome: Outcome, action: Action, signal: Any) -> Event | None:
        """The event of an outcome; if it is new, a signal tells of it after the commit."""
        if outcome.is_new:
            send = partial(signal.send_robust, sender=Timeline, instance=self.instance, action=action)
            transaction.on_commit(send, using=router.db_for_write(Event), robust=True)
        return outcome.event


def _filters(action: ActionFilter, target: TargetFilter) -> Filters:
    return Filters(_verb(action), *_target(target))


def _verb(action: ActionFilter) -> str | None:
    if action is None or isinstance(action, str):
        return action
    verb = getattr(action, "verb", None)
    if isinstance(verb, str):
        return verb
    raise InvalidFilter(value=action, allowed="an action class or a verb")


def _target(target: TargetFilter) -> tuple[str | None, str | None]:
    if target is None:
        return None, None
    if isinstance(target, str | type):
        return registry.identifier_of(target), None
    return registry.key_of(target)
