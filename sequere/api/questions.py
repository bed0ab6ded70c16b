"""Who follows whom."""

from collections.abc import Iterable
from typing import Any

from asgiref.sync import sync_to_async

from sequere.api.arguments import AsOf, follows_in
from sequere.api.reading import answers, is_in_list
from sequere.base import ResourceLike
from sequere.registry import registry
from sequere.relations.key import RelationKey
from sequere.relations.types import FOLLOW


def is_following(
    from_instance: ResourceLike, to_instance: ResourceLike, *, scope: str = "", as_of: AsOf = None
) -> bool:
    """Whether `from_instance` follows `to_instance`, or did at some time. 1 query."""
    relation = RelationKey(registry.key_of(from_instance), registry.key_of(to_instance), follows_in(scope))
    return relation in answers(as_of).live_among([relation])


def is_following_many(
    from_instance: ResourceLike, to_instances: Iterable[ResourceLike], *, scope: str = "", as_of: AsOf = None
) -> dict[Any, bool]:
    """For each of `to_instances`, whether `from_instance` follows it: {instance: bool}. 1 query."""
    from_key, graph = registry.key_of(from_instance), follows_in(scope)
    relations = {instance: RelationKey(from_key, registry.key_of(instance), graph) for instance in to_instances}
    live = answers(as_of).live_among(relations.values())
    return {instance: relation in live for instance, relation in relations.items()}


def is_followed_by(instance: ResourceLike, follower: ResourceLike, *, scope: str = "", as_of: AsOf = None) -> bool:
    """Whether `follower` follows `instance`. 1 query."""
    return is_following(follower, instance, scope=scope, as_of=as_of)


def is_friend(instance: ResourceLike, other: ResourceLike, *, scope: str = "", as_of: AsOf = None) -> bool:
    """Whether `instance` and `other` follow each other. 1 query."""
    return is_in_list(FOLLOW.friends, follows_in(scope), registry.key_of(instance), registry.key_of(other), as_of)


def are_friends_many(
    instance: ResourceLike, others: Iterable[ResourceLike], *, scope: str = "", as_of: AsOf = None
) -> dict[Any, bool]:
    """For each of `others`, whether it and `instance` follow each other: {instance: bool}. 1 query."""
    key, graph = registry.key_of(instance), follows_in(scope)
    relations = {other: RelationKey(key, registry.key_of(other), graph) for other in others}
    mutual = answers(as_of).live_among(relations.values(), mutual=True)
    return {other: relation in mutual for other, relation in relations.items()}


ais_following = sync_to_async(is_following)
ais_following_many = sync_to_async(is_following_many)
ais_followed_by = sync_to_async(is_followed_by)
ais_friend = sync_to_async(is_friend)
aare_friends_many = sync_to_async(are_friends_many)
