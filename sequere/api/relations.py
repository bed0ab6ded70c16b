"""Relations of any type: their lists by name, and clearing them away or moving them."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.db import router

from sequere.api.arguments import AnyScope, AsOf, Identifier
from sequere.api.blocks import get_blocked, get_blocked_by, get_blocked_by_count, get_blocked_count
from sequere.api.changes import PAIRS_PER_TRANSACTION, record_at_once
from sequere.api.lists import (
    get_followers,
    get_followers_count,
    get_followings,
    get_followings_count,
    get_friends,
    get_friends_count,
)
from sequere.api.mutes import get_muted, get_muted_count
from sequere.api.requests import get_pending, get_pending_count, get_pending_with, get_pending_with_count
from sequere.base import ResourceKey, ResourceLike
from sequere.exceptions import SelfFollowException, UnknownList
from sequere.log.models import Event
from sequere.registry import registry
from sequere.relations.appending import Dated
from sequere.relations.intents import ending
from sequere.relations.key import Graph, RelationKey, graph_of
from sequere.relations.moving import move_relations
from sequere.relations.recorded import ENDS, live_relations_of
from sequere.results.relations import RelationList
from sequere.sql.keyset import walk

#: By its name, a list and its count.
LISTS: dict[str, tuple[Callable[..., RelationList], Callable[..., int]]] = {
    "followers": (get_followers, get_followers_count),
    "followings": (get_followings, get_followings_count),
    "friends": (get_friends, get_friends_count),
    "pending": (get_pending, get_pending_count),
    "pending_with": (get_pending_with, get_pending_with_count),
    "blocked": (get_blocked, get_blocked_count),
    "blocked_by": (get_blocked_by, get_blocked_by_count),
    "muted": (get_muted, get_muted_count),
}
#: Those that have no scopes.
UNSCOPED = {"blocked", "blocked_by", "muted"}


def get_relations(
    kind: str,
    instance: ResourceLike,
    *,
    identifier: Identifier = None,
    desc: bool = True,
    scope: AnyScope = "",
    as_of: AsOf = None,
) -> RelationList:
    """The list of a name, such as "followers" or "pending": what `get_followers()` and the like return, at their cost.
    Blocks and mutes have no scope. Raises UnknownList."""
    get, _ = _named(kind)
    found: RelationList = get(instance, identifier=identifier, desc=desc, as_of=as_of, **_scope(kind, scope))
    return found


def count_relations(
    kind: str, instance: ResourceLike, *, identifier: Identifier = None, scope: AnyScope = "", as_of: AsOf = None
) -> int:
    """The length of such a list; 1 query. Raises UnknownList."""
    _, count = _named(kind)
    return count(instance, identifier=identifier, as_of=as_of, **_scope(kind, scope))


def clear(instance: ResourceLike) -> int:
    """End all follows of `instance`, and all requests, in all scopes and both directions, and what it has put on
    others: blocks and mutes. What others have put on it stays. Returns the number of relations that have ended.

    In steps: a transaction for every 2,000, so what an interrupted call has done stays done, and it can be repeated.
    What begins meanwhile may be left. Takes any key, as `unfollow()`; sends no signals, as `unfollow_many()`. The
    metadata of the events have `cause="cleared"`.
    """
    key, using = registry.any_key_of(instance), router.db_for_write(Event)
    number = 0
    for end, live in live_relations_of(key, using).items():
        for page in walk(live, ("id",), PAIRS_PER_TRANSACTION, ("type", "scope", *ENDS)):
            by_graph: dict[Graph, list[Dated]] = defaultdict(list)
            for _, type_, scope, *ends in page:
                graph = graph_of(type_, scope)
                relation = RelationKey(ResourceKey(*ends[:2]), ResourceKey(*ends[2:]), graph)
                by_graph[graph].append((relation, None))
            for graph, relations in by_graph.items():
                change = ending(graph, "cancelled" if end == "actor_" else "denied")
                number += len(record_at_once(change, relations, cause="cleared").events)
    return number


def move(old: ResourceLike, new: ResourceLike) -> int:
    """Let `new` have the follows and the requests of `old`, in all scopes and both directions, with the dates that they
    have; and the blocks and mutes that `old` has put on others. Who has blocked `old` has blocked `new` as well then.
    Of two relations, the earlier one stays; one between the two ends; and so does a follow that a block refuses. What
    `old` did stays in its timeline.

    Returns the number of relations that were moved. In steps: a transaction for every 500, so an interrupted call can
    be repeated. `old` may be any key; sends no signals. The metadata of the events have `cause="moved"`. Raises
    SelfFollowException, and whatever naming an instance raises.
    """
    old_key, new_key = registry.any_key_of(old), registry.key_of(new)
    if old_key == new_key:
        raise SelfFollowException(instance=old, verb="move to")
    return move_relations(old_key, new_key)


aclear = sync_to_async(clear)
acount_relations = sync_to_async(count_relations)
amove = sync_to_async(move)


def _named(kind: Any) -> tuple[Callable[..., RelationList], Callable[..., int]]:
    if not isinstance(kind, str) or kind not in LISTS:
        raise UnknownList(kind=kind, known=", ".join(LISTS))
    return LISTS[kind]


def _scope(kind: str, scope: AnyScope) -> dict[str, Any]:
    return {} if kind in UNSCOPED else {"scope": scope}
