"""Mute and unmute, and who has muted whom. The clock ends a mute that has an end; nothing is recorded then."""

from asgiref.sync import sync_to_async
from django.db import router

from sequere.api.arguments import AsOf, Identifier, Timestamp, relation_of
from sequere.api.changes import announce_later, end_one
from sequere.api.reading import answers, number_of_related, related
from sequere.base import ResourceLike
from sequere.log.models import Event
from sequere.log.validation import point_in_time
from sequere.registry import registry
from sequere.relations.appending import record_until
from sequere.relations.key import MUTES, RelationKey
from sequere.relations.types import MUTE
from sequere.results.relations import RelationList


def mute(
    from_instance: ResourceLike,
    to_instance: ResourceLike,
    until: Timestamp | None = None,
    *,
    timestamp: Timestamp | None = None,
) -> Event | None:
    """Let `from_instance` mute `to_instance` until a moment, or for good: its private timeline shows nothing that
    `to_instance` does, and nothing that others do to it. No follow changes, and `to_instance` is not told.

    Returns the event, or None if it is muted until then already. Until another moment, the mute is replaced: `unmuted`
    and `muted` are recorded. A moment in the past is allowed, and mutes nothing. Raises what `follow()` raises. 1 query
    if nothing changes.
    """
    relation, moment = relation_of(MUTES, from_instance, to_instance, timestamp, key_of=registry.key_of)
    events = record_until(relation, None if until is None else point_in_time(until), moment)
    announce_later(events, (from_instance, to_instance), router.db_for_write(Event))
    return events[-1] if events else None


def unmute(
    from_instance: ResourceLike, to_instance: ResourceLike, *, timestamp: Timestamp | None = None
) -> Event | None:
    """End what `mute()` began, also if its time is over. Returns the event, or None if there was no mute. Takes any
    keys, as `unfollow()`."""
    return end_one(MUTES, (from_instance, to_instance), timestamp)


def is_muted(from_instance: ResourceLike, to_instance: ResourceLike, *, as_of: AsOf = None) -> bool:
    """Whether `from_instance` has muted `to_instance`, and its time is not over. 1 query."""
    relation = RelationKey(registry.key_of(from_instance), registry.key_of(to_instance), MUTES)
    return relation in answers(as_of).live_among([relation])


def get_muted(
    instance: ResourceLike, *, identifier: Identifier = None, desc: bool = True, as_of: AsOf = None
) -> RelationList:
    """The resources that `instance` has muted, without those whose time is over; a list as `get_followers()` returns,
    at the same cost."""
    return related(MUTE.followings, MUTES, instance, identifier, as_of, desc=desc)


def get_muted_count(instance: ResourceLike, *, identifier: Identifier = None, as_of: AsOf = None) -> int:
    """How many `instance` has muted. 1 query, of as many lookups."""
    return number_of_related(MUTE.followings, MUTES, instance, identifier, as_of)


amute = sync_to_async(mute)
aunmute = sync_to_async(unmute)
ais_muted = sync_to_async(is_muted)
aget_muted_count = sync_to_async(get_muted_count)
