"""Suspend and resume: resources that are out of sight for a while."""

from functools import partial

from asgiref.sync import sync_to_async
from django.db import router

from sequere import signals
from sequere.api.arguments import AsOf, Timestamp
from sequere.base import ResourceLike
from sequere.log.locks import Resource
from sequere.log.metadata import caused_by
from sequere.log.models import Event
from sequere.log.suspensions import suspended_among
from sequere.log.validation import point_in_time
from sequere.projections.registry import inline_projectors
from sequere.registry import registry
from sequere.relations.past import Past
from sequere.relations.pauses import change_suspension
from sequere.sql.commits import after_commit


def suspend(instance: ResourceLike, *, timestamp: Timestamp | None = None) -> Event | None:
    """Put `instance` out of sight: no list, count or suggestion has its follows and requests, nobody sees its actions,
    and its own lists and timelines are empty. The log keeps everything, so `resume()` brings back what was there, in
    its old place. Verbs do not ask about it, and blocks and mutes stay as they are.

    Returns the event, or None if it is suspended already. Relations are applied in steps of 500, each in a transaction:
    in mode inline, the first one in that of the event, the others after its commit. Raises what naming an instance
    raises, and InvalidTimestamp. 1 query if nothing changes.
    """
    return _change(instance, timestamp, suspends=True)


def resume(instance: ResourceLike, *, timestamp: Timestamp | None = None) -> Event | None:
    """End what `suspend()` began. Returns the event, or None if it is not suspended. Otherwise like `suspend()`, and
    takes any keys, as `unfollow()`."""
    return _change(instance, timestamp, suspends=False)


def is_suspended(instance: ResourceLike, *, as_of: AsOf = None) -> bool:
    """Whether `instance` is suspended. 1 query."""
    key = registry.any_key_of(instance)
    if as_of is not None:
        return Past(as_of).is_suspended(key)
    return bool(suspended_among([key], router.db_for_read(Resource)))


def _change(instance: ResourceLike, timestamp: Timestamp | None, *, suspends: bool) -> Event | None:
    key = (registry.key_of if suspends else registry.any_key_of)(instance)
    moment = None if timestamp is None else point_in_time(timestamp)
    at_once = any(projector.has_pauses for projector in inline_projectors())
    event = change_suspension(key, moment, suspends=suspends, at_once=at_once)
    if event:
        after_commit(partial(_announce_suspension, event, instance), router.db_for_write(Event))
    return event


def _announce_suspension(event: Event, instance: ResourceLike) -> None:
    with caused_by(event):
        getattr(signals, event.type).send_robust(sender=Event, event=event, instance=instance)


asuspend = sync_to_async(suspend)
aresume = sync_to_async(resume)
ais_suspended = sync_to_async(is_suspended)
