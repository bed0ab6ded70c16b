"""Block and unblock, and who has blocked whom."""

from asgiref.sync import sync_to_async
from django.db import router

from sequere.api.arguments import AsOf, Identifier, Timestamp, relation_of
from sequere.api.changes import announce_later, end_one
from sequere.api.reading import answers, number_of_related, related
from sequere.base import ResourceLike
from sequere.log.models import Event
from sequere.registry import registry
from sequere.relations.appending import record_with_ends
from sequere.relations.key import BLOCKS, RelationKey
from sequere.relations.types import BLOCK
from sequere.results.relations import RelationList


def block(
    from_instance: ResourceLike, to_instance: ResourceLike, *, timestamp: Timestamp | None = None
) -> Event | None:
    """Let `from_instance` block `to_instance`: neither can follow the other, and each sees nothing of the other in its
    private timeline. Follows and requests between them end, in all scopes.

    Returns the event, or None if it has blocked it already. Raises what `follow()` raises. 1 query if nothing changes.
    """
    relation, moment = relation_of(BLOCKS, from_instance, to_instance, timestamp, key_of=registry.key_of)
    events = record_with_ends(relation, moment)
    announce_later(events, (from_instance, to_instance), router.db_for_write(Event))
    return events[0] if events else None


def unblock(
    from_instance: ResourceLike, to_instance: ResourceLike, *, timestamp: Timestamp | None = None
) -> Event | None:
    """End what `block()` began. No follow comes back. Returns the event, or None if there was no block. Takes any keys,
    as `unfollow()`."""
    return end_one(BLOCKS, (from_instance, to_instance), timestamp)


def is_blocked(from_instance: ResourceLike, to_instance: ResourceLike, *, as_of: AsOf = None) -> bool:
    """Whether `from_instance` has blocked `to_instance`. 1 query."""
    relation = RelationKey(registry.key_of(from_instance), registry.key_of(to_instance), BLOCKS)
    return relation in answers(as_of).live_among([relation])


def is_blocked_by(from_instance: ResourceLike, to_instance: ResourceLike, *, as_of: AsOf = None) -> bool:
    """Whether `to_instance` has blocked `from_instance`. 1 query."""
    return is_blocked(to_instance, from_instance, as_of=as_of)


def get_blocked(
    instance: ResourceLike, *, identifier: Identifier = None, desc: bool = True, as_of: AsOf = None
) -> RelationList:
    """The resources that `instance` has blocked; a list as `get_followers()` returns, at the same cost."""
    return related(BLOCK.followings, BLOCKS, instance, identifier, as_of, desc=desc)


def get_blocked_by(
    instance: ResourceLike, *, identifier: Identifier = None, desc: bool = True, as_of: AsOf = None
) -> RelationList:
    """The resources that have blocked `instance`; a list as above. Not for the eyes of `instance`."""
    return related(BLOCK.followers, BLOCKS, instance, identifier, as_of, desc=desc)


def get_blocked_count(instance: ResourceLike, *, identifier: Identifier = None, as_of: AsOf = None) -> int:
    """How many `instance` has blocked. 1 query."""
    return number_of_related(BLOCK.followings, BLOCKS, instance, identifier, as_of)


def get_blocked_by_count(instance: ResourceLike, *, identifier: Identifier = None, as_of: AsOf = None) -> int:
    """How many have blocked `instance`. 1 query."""
    return number_of_related(BLOCK.followers, BLOCKS, instance, identifier, as_of)


ablock = sync_to_async(block)
aunblock = sync_to_async(unblock)
ais_blocked = sync_to_async(is_blocked)
ais_blocked_by = sync_to_async(is_blocked_by)
aget_blocked_count = sync_to_async(get_blocked_count)
aget_blocked_by_count = sync_to_async(get_blocked_by_count)
