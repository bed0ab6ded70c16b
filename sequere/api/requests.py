"""Requests to follow: accept, deny and cancel them, and who waits for whom."""

from collections.abc import Callable, Iterable
from typing import Any

from asgiref.sync import sync_to_async
from django.db import router

from sequere.api.arguments import (
    AnyScope,
    AsOf,
    Identifier,
    follows_in,
    follows_to_begin,
    follows_to_end,
    graphs_in,
    relation_of,
)
from sequere.api.changes import PAIRS_PER_TRANSACTION, announce_later
from sequere.api.reading import answers, number_of_related, related
from sequere.base import ResourceKey, ResourceLike
from sequere.exceptions import NotPending
from sequere.log.models import Event
from sequere.registry import registry
from sequere.relations.appending import Dated, record_relations
from sequere.relations.intents import TO_ACCEPT, RelationChange, to_close
from sequere.relations.key import Graph, RelationKey
from sequere.relations.recorded import live_in
from sequere.relations.types import REQUEST
from sequere.results.relations import RelationList
from sequere.sql.conditions import is_
from sequere.sql.keyset import walk


def accept(instance: ResourceLike, follower: ResourceLike, *, scope: str = "") -> Event:
    """Let `follower` follow `instance`, as it has asked to; the request is closed. Returns the event of the follow.

    Raises NotPending if there is no request, and what naming an instance raises. Neither `ModelBase` nor
    SEQUERE_MAX_FOLLOWINGS are asked again. Costs what `record()` costs.
    """
    return _changed(TO_ACCEPT, follows_to_begin(scope), (follower, instance), registry.key_of)


def accept_all(instance: ResourceLike, *, scope: str = "") -> int:
    """Accept all requests to follow `instance`, the oldest first, with a transaction for every 2,000. Returns the
    number of new follows. Sends no signals, as `follow_many()`."""
    key, graph = registry.key_of(instance), follows_to_begin(scope)
    requests = live_in(Graph(REQUEST, graph.scope), router.db_for_read(Event)).filter(
        is_(key, "target_"), actor_identifier__in=registry.named_models()
    )
    number = 0
    for page in walk(requests, ("id",), PAIRS_PER_TRANSACTION, ("actor_identifier", "actor_object_id")):
        relations: list[Dated] = [(RelationKey(ResourceKey(*follower), key, graph), None) for _, *follower in page]
        number += len(record_relations(TO_ACCEPT, relations).events)
    return number


def deny(instance: ResourceLike, follower: ResourceLike, *, scope: str = "") -> Event:
    """Close the request of `follower` to follow `instance`; it may ask again. Returns the event. Takes any keys and any
    scope, as `unfollow()`. Raises NotPending."""
    return _changed(to_close("denied"), _requests(follows_to_end(scope)), (follower, instance), registry.any_key_of)


def cancel(follower: ResourceLike, instance: ResourceLike, *, scope: str = "") -> Event:
    """Take the request of `follower` to follow `instance` back. Otherwise like `deny()`."""
    return _changed(to_close("cancelled"), _requests(follows_to_end(scope)), (follower, instance), registry.any_key_of)


def is_pending(from_instance: ResourceLike, to_instance: ResourceLike, *, scope: str = "", as_of: AsOf = None) -> bool:
    """Whether `from_instance` has asked to follow `to_instance`, and waits. 1 query."""
    keys = registry.key_of(from_instance), registry.key_of(to_instance)
    request = RelationKey(*keys, _requests(follows_in(scope)))
    return request in answers(as_of).live_among([request])


def is_pending_many(
    from_instance: ResourceLike, to_instances: Iterable[ResourceLike], *, scope: str = "", as_of: AsOf = None
) -> dict[Any, bool]:
    """For each of `to_instances`, whether `from_instance` has asked to follow it, and waits: {instance: bool}.
    1 query."""
    key, graph = registry.key_of(from_instance), _requests(follows_in(scope))
    requests = {instance: RelationKey(key, registry.key_of(instance), graph) for instance in to_instances}
    live = answers(as_of).live_among(requests.values())
    return {instance: request in live for instance, request in requests.items()}


def get_pending(
    instance: ResourceLike,
    *,
    identifier: Identifier = None,
    desc: bool = True,
    scope: AnyScope = "",
    as_of: AsOf = None,
) -> RelationList:
    """Who asks to follow `instance`; a list as `get_followers()` returns, at the same cost."""
    return related(REQUEST.followers, graphs_in(REQUEST, scope), instance, identifier, as_of, desc=desc)


def get_pending_with(
    instance: ResourceLike,
    *,
    identifier: Identifier = None,
    desc: bool = True,
    scope: AnyScope = "",
    as_of: AsOf = None,
) -> RelationList:
    """What `instance` asks to follow; a list as above."""
    return related(REQUEST.followings, graphs_in(REQUEST, scope), instance, identifier, as_of, desc=desc)


def get_pending_count(
    instance: ResourceLike, *, identifier: Identifier = None, scope: AnyScope = "", as_of: AsOf = None
) -> int:
    """How many ask to follow `instance`. 1 query."""
    return number_of_related(REQUEST.followers, graphs_in(REQUEST, scope), instance, identifier, as_of)


def get_pending_with_count(
    instance: ResourceLike, *, identifier: Identifier = None, scope: AnyScope = "", as_of: AsOf = None
) -> int:
    """How many `instance` asks to follow. 1 query."""
    return number_of_related(REQUEST.followings, graphs_in(REQUEST, scope), instance, identifier, as_of)


aaccept = sync_to_async(accept)
aaccept_all = sync_to_async(accept_all)
adeny = sync_to_async(deny)
acancel = sync_to_async(cancel)
ais_pending = sync_to_async(is_pending)
ais_pending_many = sync_to_async(is_pending_many)
aget_pending_count = sync_to_async(get_pending_count)
aget_pending_with_count = sync_to_async(get_pending_with_count)


def _requests(follows: Graph) -> Graph:
    """The requests for follows."""
    return Graph(REQUEST, follows.scope)


def _changed(
    change: RelationChange,
    graph: Graph,
    ends: tuple[ResourceLike, ResourceLike],
    key_of: Callable[[ResourceLike], ResourceKey],
) -> Event:
    from_instance, to_instance = ends
    relation, _ = relation_of(graph, *ends, key_of=key_of)
    using = router.db_for_write(Event)
    changed = record_relations(change, [(relation, None)])
    if not changed.events:
        raise NotPending(from_instance=from_instance, to_instance=to_instance)
    announce_later([*changed.events, *changed.closed], ends, using)
    return changed.events[0]
