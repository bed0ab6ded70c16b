"""What the lists of two resources have in common, and what that suggests."""

from asgiref.sync import sync_to_async

from sequere.api.arguments import Identifier, follows_in, kind_of
from sequere.api.reading import is_in_list
from sequere.backends.base import ListOf, get_backend
from sequere.base import ResourceKey, ResourceLike
from sequere.registry import registry
from sequere.relations.key import BLOCKS, MUTES, Graph
from sequere.relations.types import BLOCK, FOLLOW, REQUEST
from sequere.results.relations import RelationList, RelationsOf
from sequere.results.suggestions import SuggestionList


def common_followers(
    instance: ResourceLike, other: ResourceLike, *, identifier: Identifier = None, desc: bool = True, scope: str = ""
) -> RelationList:
    """Who follows both: a list as `get_followers()` returns, by the time since when they follow `other`.

    A page costs 2 queries, and 1 per model class; the database looks at the shorter one of both lists, each time.
    """
    return _common(follows_in(scope), (FOLLOW.followers, instance), (FOLLOW.followers, other), identifier, desc=desc)


def common_followings(
    instance: ResourceLike, other: ResourceLike, *, identifier: Identifier = None, desc: bool = True, scope: str = ""
) -> RelationList:
    """What both follow, by the time since when `other` does; a list as above."""
    return _common(follows_in(scope), (FOLLOW.followings, instance), (FOLLOW.followings, other), identifier, desc=desc)


def followed_by_followings(
    viewer: ResourceLike, target: ResourceLike, *, identifier: Identifier = None, desc: bool = True, scope: str = ""
) -> RelationList:
    """Those whom `viewer` follows and who follow `target` ("followed by X, Y and 3 others whom you follow"), by the
    time since when they do; a list as above. However many follow `target`, it costs no more than `viewer` has
    followings."""
    return _common(follows_in(scope), (FOLLOW.followings, viewer), (FOLLOW.followers, target), identifier, desc=desc)


def common_followers_count(
    instance: ResourceLike, other: ResourceLike, *, identifier: Identifier = None, scope: str = ""
) -> int:
    """How many follow both. 2 queries; the cost of the list."""
    return common_followers(instance, other, identifier=identifier, scope=scope).count()


def common_followings_count(
    instance: ResourceLike, other: ResourceLike, *, identifier: Identifier = None, scope: str = ""
) -> int:
    """How many both follow. 2 queries; the cost of the list."""
    return common_followings(instance, other, identifier=identifier, scope=scope).count()


def followed_by_followings_count(
    viewer: ResourceLike, target: ResourceLike, *, identifier: Identifier = None, scope: str = ""
) -> int:
    """How many of those whom `viewer` follows follow `target`. 2 queries; the cost of the list."""
    return followed_by_followings(viewer, target, identifier=identifier, scope=scope).count()


def suggest(viewer: ResourceLike, *, identifier: Identifier = None, scope: str = "") -> SuggestionList:
    """What those follow whom `viewer` follows, and `viewer` does not, has not asked to, and has not muted; nor has one
    of the two blocked the other. A lazy sequence of `Suggestion(instance, shared)`, where `shared` says how many of
    them do, the most first.

    Looks at the 200 that `viewer` has followed last, and at the 100 that each of them has followed last, each time. A
    page costs 1 query, and 1 per model class.
    """
    graph, key, kind = follows_in(scope), registry.key_of(viewer), kind_of(identifier)
    mine = (graph, Graph(REQUEST, graph.scope), BLOCKS, MUTES)
    left_out = [*((one.type.followings, one) for one in mine), (BLOCK.followers, BLOCKS)]
    return get_backend().suggestions(graph, key, kind, left_out).named("suggest", graph.name, key, kind)


def _common(
    graph: Graph, one: tuple[str, ResourceLike], other: tuple[str, ResourceLike], identifier: Identifier, *, desc: bool
) -> RelationList:
    kind = kind_of(identifier)
    first, second = (ListOf(what, registry.key_of(instance)) for what, instance in (one, other))

    def is_in_both(key: ResourceKey) -> bool:
        return kind in {None, key.identifier} and all(is_in_list(what, graph, of, key) for what, of in (first, second))

    found = RelationsOf.from_list(get_backend().common(graph, first, second, kind, desc=desc), is_in_both)
    return found.named("common", graph.name, first, second, kind, desc)


acommon_followers_count = sync_to_async(common_followers_count)
acommon_followings_count = sync_to_async(common_followings_count)
afollowed_by_followings_count = sync_to_async(followed_by_followings_count)
