"""The lists of follows, and how long they are."""

from collections.abc import Iterable
from typing import Any

from asgiref.sync import sync_to_async

from sequere.api.arguments import AnyScope, AsOf, Identifier, follows_in, graphs_in
from sequere.api.reading import number_of_related, related
from sequere.backends.base import FollowCounts, get_backend
from sequere.base import ResourceLike
from sequere.registry import registry
from sequere.relations.types import FOLLOW
from sequere.results.relations import RelationList


def get_followers(
    instance: ResourceLike,
    *,
    identifier: Identifier = None,
    desc: bool = True,
    scope: AnyScope = "",
    as_of: AsOf = None,
) -> RelationList:
    """The followers of `instance`: a lazy sequence of `Related(instance, since)`, newest first.

    `desc=False` for oldest first; follows of the same moment have a fixed order. A page costs 1 query and 1 per
    model class. Whether an instance is in the list costs 1 query, and is asked of what is stored: a hidden one is in
    it. With `scope=ALL`, the follows of all scopes are in the list; then a page costs 1 query for each scope, and 1
    more.
    """
    return related(FOLLOW.followers, graphs_in(FOLLOW, scope), instance, identifier, as_of, desc=desc)


def get_followings(
    instance: ResourceLike,
    *,
    identifier: Identifier = None,
    desc: bool = True,
    scope: AnyScope = "",
    as_of: AsOf = None,
) -> RelationList:
    """The resources that `instance` follows; a list as `get_followers()` returns, at the same cost."""
    return related(FOLLOW.followings, graphs_in(FOLLOW, scope), instance, identifier, as_of, desc=desc)


def get_friends(
    instance: ResourceLike,
    *,
    identifier: Identifier = None,
    desc: bool = True,
    scope: AnyScope = "",
    as_of: AsOf = None,
) -> RelationList:
    """The resources that follow `instance` and are followed by it, since the later of both follows; a list as above."""
    return related(FOLLOW.friends, graphs_in(FOLLOW, scope), instance, identifier, as_of, desc=desc)


def get_followers_count(
    instance: ResourceLike, *, identifier: Identifier = None, scope: AnyScope = "", as_of: AsOf = None
) -> int:
    """How many follow `instance`. 1 query, however many there are; 1 for each scope, and 1 more, with `scope=ALL`."""
    return number_of_related(FOLLOW.followers, graphs_in(FOLLOW, scope), instance, identifier, as_of)


def get_followings_count(
    instance: ResourceLike, *, identifier: Identifier = None, scope: AnyScope = "", as_of: AsOf = None
) -> int:
    """How many `instance` follows. 1 query."""
    return number_of_related(FOLLOW.followings, graphs_in(FOLLOW, scope), instance, identifier, as_of)


def get_friends_count(
    instance: ResourceLike, *, identifier: Identifier = None, scope: AnyScope = "", as_of: AsOf = None
) -> int:
    """How many follow `instance` and are followed by it. 1 query."""
    return number_of_related(FOLLOW.friends, graphs_in(FOLLOW, scope), instance, identifier, as_of)


def counts_many(instances: Iterable[ResourceLike], *, scope: str = "") -> dict[Any, FollowCounts]:
    """For each of `instances`, how many follow it, how many it follows, and how many do both: {instance:
    FollowCounts(followers, followings, friends)}. 1 query."""
    keys = {instance: registry.key_of(instance) for instance in instances}
    found = get_backend().counts(follows_in(scope), {*keys.values()})
    return {instance: found.get(key, FollowCounts()) for instance, key in keys.items()}


aget_followers_count = sync_to_async(get_followers_count)
aget_followings_count = sync_to_async(get_followings_count)
aget_friends_count = sync_to_async(get_friends_count)
acounts_many = sync_to_async(counts_many)
