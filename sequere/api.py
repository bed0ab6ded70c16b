"""The verbs: follow, block and their opposites, and the questions about them.

Wherever an instance is expected, its `ResourceKey` does as well. An `identifier` narrows an answer to one kind of
resource: a registered model, or its identifier. Anything else raises UnknownIdentifier or NotRegistered.

With `as_of`, the log says what was true some time ago: with all events up to one, or with those that were recorded
until a moment. It takes as long as the resource has events; what committed after the moment may be in it, and instances
that were deleted since are hidden. InvalidTimestamp for anything else.

A `scope` names follows that are independent of all others: InvalidScope for what cannot be one, UnknownScope for one
that SEQUERE_SCOPES does not have.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, TypedDict

from asgiref.sync import sync_to_async
from django.db import models, router
from django.dispatch import Signal

from sequere import conf, signals
from sequere.backends.base import BaseBackend, FollowCounts, ListOf, get_backend
from sequere.base import ResourceKey, ResourceLike
from sequere.exceptions import (
    AlreadyFollowingException,
    FollowException,
    InvalidPair,
    InvalidScope,
    NotFollowingException,
    SelfFollowException,
    UnknownScope,
)
from sequere.log.metadata import caused_by
from sequere.log.models import Event
from sequere.log.numbers import GraphNumber, make_room
from sequere.log.recording import record_internal
from sequere.log.validation import SCOPE_MAX_LENGTH, point_in_time
from sequere.outbox.enqueue import queueing_step
from sequere.projections.registry import inline_projectors, queued_projections
from sequere.registry import registry
from sequere.relations.appending import Dated, Step, application_steps, record_relations, record_with_ends
from sequere.relations.intents import TO_BEGIN, TO_BEGIN_MANY, TO_END, TO_IMPORT, RelationChange
from sequere.relations.key import BLOCKS, FOLLOWS, Graph, RelationKey
from sequere.relations.past import Past
from sequere.relations.types import BLOCK, FOLLOW
from sequere.results.relations import RelationList, RelationsOf
from sequere.results.suggestions import SuggestionList
from sequere.sql.commits import after_commit
from sequere.texts import is_storable

Identifier = type[models.Model] | str | None
Timestamp = datetime | float
#: Some time ago: all events up to this one, or until this moment; None for now.
AsOf = Event | datetime | None

#: Pairs per transaction of an import.
PAIRS_PER_TRANSACTION = 2000


class Options(TypedDict, total=False):
    """The arguments of `follow()` and `unfollow()` besides the two resources."""

    timestamp: Timestamp | None
    fail_silently: bool | None
    idempotency_key: str | None
    scope: str


def follow(
    from_instance: ResourceLike,
    to_instance: ResourceLike,
    *,
    timestamp: Timestamp | None = None,
    fail_silently: bool | None = None,
    idempotency_key: str | None = None,
    scope: str = "",
) -> Event | None:
    """Let `from_instance` follow `to_instance` since `timestamp`: a datetime, or seconds since 1970; now, if None.

    Returns the event, or None if it follows already: with fail_silently=False that raises AlreadyFollowingException
    (the default is SEQUERE_FAIL_SILENTLY). A repeated call with the same `idempotency_key` returns the event of the
    first call. Raises SelfFollowException, NotRegistered, UnsavedInstance, InvalidTimestamp, IdempotencyConflict,
    InvalidScope, UnknownScope, TooManyScopes; and Blocked, if one of them has blocked the other.

    At most 9 statements, 12 with sequere_timeline; 1 if nothing changes. 1 more for the first
    follow of a database, and with a scope.
    """
    return _record_one(
        TO_BEGIN,
        (from_instance, to_instance),
        _graph_to_begin(scope),
        timestamp,
        idempotency_key,
        AlreadyFollowingException,
        fail_silently,
    )


def unfollow(
    from_instance: ResourceLike,
    to_instance: ResourceLike,
    *,
    timestamp: Timestamp | None = None,
    fail_silently: bool | None = None,
    idempotency_key: str | None = None,
    scope: str = "",
) -> Event | None:
    """End what `follow()` began. The arguments, the result and the cost are the same; raises NotFollowingException.

    Takes any key that may be in the log, even one whose model is no longer registered; and any scope.
    """
    return _record_one(
        TO_END,
        (from_instance, to_instance),
        _graph_to_end(scope),
        timestamp,
        idempotency_key,
        NotFollowingException,
        fail_silently,
    )


def follow_many(
    pairs: Iterable[tuple[Any, ...]],
    *,
    again: bool = True,
    progress: Callable[[int], None] | None = None,
    scope: str = "",
) -> int:
    """Record many follows: (from_instance, to_instance) or (from_instance, to_instance, timestamp).

    Takes an iterable of any length in constant memory, with a transaction for every 2,000 pairs, and calls `progress`
    with the number of pairs done after each. Returns the number of new follows. Does not send `followed`. Raises what
    `follow()` raises, and InvalidPair: earlier transactions stay committed, and since pairs that are recorded already
    are skipped, the same import can be run again. With `again=False`, a pair that has unfollowed since stays so. Pairs
    of which one has blocked the other are left out.
    """
    return _record_many(TO_BEGIN_MANY if again else TO_IMPORT, pairs, _graph_to_begin(scope), progress)


def unfollow_many(
    pairs: Iterable[tuple[Any, ...]], *, progress: Callable[[int], None] | None = None, scope: str = ""
) -> int:
    """Record many unfollows, as `follow_many()` records follows. Takes any keys and any scope, as `unfollow()`."""
    return _record_many(TO_END, pairs, _graph_to_end(scope), progress)


def block(
    from_instance: ResourceLike, to_instance: ResourceLike, *, timestamp: Timestamp | None = None
) -> Event | None:
    """Let `from_instance` block `to_instance`: neither can follow the other, and each sees nothing of the other in its
    private timeline. Follows between them end, in all scopes.

    Returns the event, or None if it has blocked it already. Raises what `follow()` raises. 1 query if nothing changes.
    """
    relation, moment = _relation(BLOCKS, from_instance, to_instance, timestamp, key_of=registry.key_of)
    events = record_with_ends(relation, moment, cause=BLOCK.begun.name)
    _announce_later(events, (from_instance, to_instance), router.db_for_write(Event))
    return events[0] if events else None


def unblock(
    from_instance: ResourceLike, to_instance: ResourceLike, *, timestamp: Timestamp | None = None
) -> Event | None:
    """End what `block()` began. No follow comes back. Returns the event, or None if there was no block. Takes any keys,
    as `unfollow()`."""
    relation, moment = _relation(BLOCKS, from_instance, to_instance, timestamp, key_of=registry.any_key_of)
    using = router.db_for_write(Event)
    relations = [(relation, moment)]
    events = record_relations(TO_END, relations, _steps(TO_END, relations, using))
    _announce_later(events, (from_instance, to_instance), using)
    return events[0] if events else None


def is_following(
    from_instance: ResourceLike, to_instance: ResourceLike, *, scope: str = "", as_of: AsOf = None
) -> bool:
    """Whether `from_instance` follows `to_instance`, or did at some time. 1 query."""
    relation = RelationKey(registry.key_of(from_instance), registry.key_of(to_instance), _graph(scope))
    return relation in _answers(as_of).live_among([relation])


def is_following_many(
    from_instance: ResourceLike, to_instances: Iterable[ResourceLike], *, scope: str = "", as_of: AsOf = None
) -> dict[Any, bool]:
    """For each of `to_instances`, whether `from_instance` follows it: {instance: bool}. 1 query."""
    from_key, graph = registry.key_of(from_instance), _graph(scope)
    relations = {instance: RelationKey(from_key, registry.key_of(instance), graph) for instance in to_instances}
    live = _answers(as_of).live_among(relations.values())
    return {instance: relation in live for instance, relation in relations.items()}


def is_followed_by(instance: ResourceLike, follower: ResourceLike, *, scope: str = "", as_of: AsOf = None) -> bool:
    """Whether `follower` follows `instance`. 1 query."""
    return is_following(follower, instance, scope=scope, as_of=as_of)


def is_friend(instance: ResourceLike, other: ResourceLike, *, scope: str = "", as_of: AsOf = None) -> bool:
    """Whether `instance` and `other` follow each other. 1 query."""
    return _is_in(FOLLOW.friends, _graph(scope), registry.key_of(instance), registry.key_of(other), as_of)


def are_friends_many(
    instance: ResourceLike, others: Iterable[ResourceLike], *, scope: str = "", as_of: AsOf = None
) -> dict[Any, bool]:
    """For each of `others`, whether it and `instance` follow each other: {instance: bool}. 1 query."""
    key, graph = registry.key_of(instance), _graph(scope)
    relations = {other: RelationKey(key, registry.key_of(other), graph) for other in others}
    mutual = _answers(as_of).live_among(relations.values(), mutual=True)
    return {other: relation in mutual for other, relation in relations.items()}


def get_followers(
    instance: ResourceLike,
    *,
    identifier: Identifier = None,
    desc: bool = True,
    scope: str = "",
    as_of: AsOf = None,
) -> RelationList:
    """The followers of `instance`: a lazy sequence of `Related(instance, since)`, newest first.

    `desc=False` for oldest first; follows of the same moment have a fixed order. A page costs 1 query and 1 per
    model class. Whether an instance is in the list costs 1 query, and is asked of what is stored: a hidden one is in
    it.
    """
    return _related(FOLLOW.followers, _graph(scope), instance, identifier, as_of, desc=desc)


def get_followings(
    instance: ResourceLike,
    *,
    identifier: Identifier = None,
    desc: bool = True,
    scope: str = "",
    as_of: AsOf = None,
) -> RelationList:
    """The resources that `instance` follows; a list as `get_followers()` returns, at the same cost."""
    return _related(FOLLOW.followings, _graph(scope), instance, identifier, as_of, desc=desc)


def get_friends(
    instance: ResourceLike,
    *,
    identifier: Identifier = None,
    desc: bool = True,
    scope: str = "",
    as_of: AsOf = None,
) -> RelationList:
    """The resources that follow `instance` and are followed by it, since the later of both follows; a list as above."""
    return _related(FOLLOW.friends, _graph(scope), instance, identifier, as_of, desc=desc)


def get_followers_count(
    instance: ResourceLike, *, identifier: Identifier = None, scope: str = "", as_of: AsOf = None
) -> int:
    """How many follow `instance`. 1 query, however many there are."""
    return _answers(as_of).count(FOLLOW.followers, _graph(scope), registry.key_of(instance), _identifier(identifier))


def get_followings_count(
    instance: ResourceLike, *, identifier: Identifier = None, scope: str = "", as_of: AsOf = None
) -> int:
    """How many `instance` follows. 1 query."""
    return _answers(as_of).count(FOLLOW.followings, _graph(scope), registry.key_of(instance), _identifier(identifier))


def get_friends_count(
    instance: ResourceLike, *, identifier: Identifier = None, scope: str = "", as_of: AsOf = None
) -> int:
    """How many follow `instance` and are followed by it. 1 query."""
    return _answers(as_of).count(FOLLOW.friends, _graph(scope), registry.key_of(instance), _identifier(identifier))


def counts_many(instances: Iterable[ResourceLike], *, scope: str = "") -> dict[Any, FollowCounts]:
    """For each of `instances`, how many follow it, how many it follows, and how many do both: {instance:
    FollowCounts(followers, followings, friends)}. 1 query."""
    keys = {instance: registry.key_of(instance) for instance in instances}
    found = get_backend().counts(_graph(scope), {*keys.values()})
    return {instance: found.get(key, FollowCounts()) for instance, key in keys.items()}


def common_followers(
    instance: ResourceLike, other: ResourceLike, *, identifier: Identifier = None, desc: bool = True, scope: str = ""
) -> RelationList:
    """Who follows both: a list as `get_followers()` returns, by the time since when they follow `other`.

    A page costs 2 queries, and 1 per model class; the database looks at the shorter one of both lists, each time.
    """
    return _common(_graph(scope), (FOLLOW.followers, instance), (FOLLOW.followers, other), identifier, desc=desc)


def common_followings(
    instance: ResourceLike, other: ResourceLike, *, identifier: Identifier = None, desc: bool = True, scope: str = ""
) -> RelationList:
    """What both follow, by the time since when `other` does; a list as above."""
    return _common(_graph(scope), (FOLLOW.followings, instance), (FOLLOW.followings, other), identifier, desc=desc)


def followed_by_followings(
    viewer: ResourceLike, target: ResourceLike, *, identifier: Identifier = None, desc: bool = True, scope: str = ""
) -> RelationList:
    """Those whom `viewer` follows and who follow `target` ("followed by X, Y and 3 others whom you follow"), by the
    time since when they do; a list as above. However many follow `target`, it costs no more than `viewer` has
    followings."""
    return _common(_graph(scope), (FOLLOW.followings, viewer), (FOLLOW.followers, target), identifier, desc=desc)


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
    """What those follow whom `viewer` follows, and `viewer` does not, and has not blocked: a lazy sequence of
    `Suggestion(instance, shared)`, where `shared` says how many of them do, the most first.

    Looks at the 200 that `viewer` has followed last, and at the 100 that each of them has followed last, each time. A
    page costs 1 query, and 1 per model class.
    """
    graph, key, kind = _graph(scope), registry.key_of(viewer), _identifier(identifier)
    return get_backend().suggestions(graph, key, kind, [graph, BLOCKS]).named("suggest", graph.name, key, kind)


def is_blocked(from_instance: ResourceLike, to_instance: ResourceLike, *, as_of: AsOf = None) -> bool:
    """Whether `from_instance` has blocked `to_instance`. 1 query."""
    relation = RelationKey(registry.key_of(from_instance), registry.key_of(to_instance), BLOCKS)
    return relation in _answers(as_of).live_among([relation])


def is_blocked_by(from_instance: ResourceLike, to_instance: ResourceLike, *, as_of: AsOf = None) -> bool:
    """Whether `to_instance` has blocked `from_instance`. 1 query."""
    return is_blocked(to_instance, from_instance, as_of=as_of)


def get_blocked(
    instance: ResourceLike, *, identifier: Identifier = None, desc: bool = True, as_of: AsOf = None
) -> RelationList:
    """The resources that `instance` has blocked; a list as `get_followers()` returns, at the same cost."""
    return _related(BLOCK.followings, BLOCKS, instance, identifier, as_of, desc=desc)


def get_blocked_by(
    instance: ResourceLike, *, identifier: Identifier = None, desc: bool = True, as_of: AsOf = None
) -> RelationList:
    """The resources that have blocked `instance`; a list as above. Not for the eyes of `instance`."""
    return _related(BLOCK.followers, BLOCKS, instance, identifier, as_of, desc=desc)


def get_blocked_count(instance: ResourceLike, *, identifier: Identifier = None, as_of: AsOf = None) -> int:
    """How many `instance` has blocked. 1 query."""
    return _answers(as_of).count(BLOCK.followings, BLOCKS, registry.key_of(instance), _identifier(identifier))


def get_blocked_by_count(instance: ResourceLike, *, identifier: Identifier = None, as_of: AsOf = None) -> int:
    """How many have blocked `instance`. 1 query."""
    return _answers(as_of).count(BLOCK.followers, BLOCKS, registry.key_of(instance), _identifier(identifier))


afollow = sync_to_async(follow)
aunfollow = sync_to_async(unfollow)
afollow_many = sync_to_async(follow_many)
aunfollow_many = sync_to_async(unfollow_many)
ais_following = sync_to_async(is_following)
ais_following_many = sync_to_async(is_following_many)
ais_followed_by = sync_to_async(is_followed_by)
ais_friend = sync_to_async(is_friend)
aare_friends_many = sync_to_async(are_friends_many)
acounts_many = sync_to_async(counts_many)
acommon_followers_count = sync_to_async(common_followers_count)
acommon_followings_count = sync_to_async(common_followings_count)
afollowed_by_followings_count = sync_to_async(followed_by_followings_count)
aget_followers_count = sync_to_async(get_followers_count)
aget_followings_count = sync_to_async(get_followings_count)
aget_friends_count = sync_to_async(get_friends_count)
ablock = sync_to_async(block)
aunblock = sync_to_async(unblock)
ais_blocked = sync_to_async(is_blocked)
ais_blocked_by = sync_to_async(is_blocked_by)
aget_blocked_count = sync_to_async(get_blocked_count)
aget_blocked_by_count = sync_to_async(get_blocked_by_count)


def _answers(as_of: AsOf) -> BaseBackend | Past:
    """What answers: the backend, or the log about some time ago."""
    return get_backend() if as_of is None else Past(as_of)


def _related(
    what: str, graph: Graph, instance: ResourceLike, identifier: Identifier, as_of: AsOf, *, desc: bool
) -> RelationList:
    key, kind = registry.key_of(instance), _identifier(identifier)

    def is_related(other: ResourceKey) -> bool:
        return kind in {None, other.identifier} and _is_in(what, graph, key, other, as_of)

    found = RelationsOf.from_list(_answers(as_of).related(what, graph, key, kind, desc=desc), is_related)
    return found.named(what, graph.name, key, kind, desc, *([] if as_of is None else [str(as_of)]))


def _common(
    graph: Graph, one: tuple[str, ResourceLike], other: tuple[str, ResourceLike], identifier: Identifier, *, desc: bool
) -> RelationList:
    kind = _identifier(identifier)
    first, second = (ListOf(what, registry.key_of(instance)) for what, instance in (one, other))

    def is_in_both(key: ResourceKey) -> bool:
        return kind in {None, key.identifier} and all(_is_in(what, graph, of, key) for what, of in (first, second))

    found = RelationsOf.from_list(get_backend().common(graph, first, second, kind, desc=desc), is_in_both)
    return found.named("common", graph.name, first, second, kind, desc)


def _is_in(what: str, graph: Graph, key: ResourceKey, other: ResourceKey, as_of: AsOf = None) -> bool:
    """Whether `other` is in the list `what` of a resource. 1 query."""
    ends = (other, key) if what == graph.type.followers else (key, other)
    relation = RelationKey(*ends, graph)
    return relation in _answers(as_of).live_among([relation], mutual=what == graph.type.friends)


def _identifier(identifier: Identifier) -> str | None:
    return None if identifier is None else registry.identifier_of(identifier)


def _graph(scope: str) -> Graph:
    """The follows of a scope. Raises InvalidScope, UnknownScope."""
    graph = _graph_to_end(scope)
    if scope and (known := conf.scopes()) is not None and scope not in known:
        raise UnknownScope(scope=scope, known=", ".join(map(repr, ["", *known])))
    return graph


def _graph_to_begin(scope: str) -> Graph:
    """The same, if there is room for it. Raises TooManyScopes, too."""
    graph = _graph(scope)
    if scope:
        make_room(*graph.name, router.db_for_write(GraphNumber))
    return graph


def _graph_to_end(scope: Any) -> Graph:
    """The follows of any scope that may be in the log. Raises InvalidScope."""
    if scope == "":
        return FOLLOWS
    if not isinstance(scope, str) or not is_storable(scope, SCOPE_MAX_LENGTH):
        raise InvalidScope(scope=scope, length=SCOPE_MAX_LENGTH)
    return Graph(FOLLOW, scope)


def _relation(
    graph: Graph,
    from_instance: ResourceLike,
    to_instance: ResourceLike,
    timestamp: Timestamp | None = None,
    *,
    key_of: Callable[[ResourceLike], ResourceKey],
) -> tuple[RelationKey, datetime | None]:
    relation = RelationKey(key_of(from_instance), key_of(to_instance), graph)
    if relation.from_key == relation.to_key:
        raise SelfFollowException(instance=from_instance, verb=graph.type.name)
    return relation, None if timestamp is None else point_in_time(timestamp)


def _key_of(change: RelationChange) -> Callable[[ResourceLike], ResourceKey]:
    """A relation that ends may have any key that is in the log, even one whose model is no longer registered."""
    return registry.key_of if change.begins else registry.any_key_of


def _record_one(
    change: RelationChange,
    ends: tuple[ResourceLike, ResourceLike],
    graph: Graph,
    timestamp: Timestamp | None,
    idempotency_key: str | None,
    refusal: type[FollowException],
    fail_silently: bool | None,
) -> Event | None:
    relation, moment = _relation(graph, *ends, timestamp, key_of=_key_of(change))
    using = router.db_for_write(Event)
    if idempotency_key is None:
        relations = [(relation, moment)]
        events = record_relations(change, relations, _steps(change, relations, using))
        event, is_new = next(iter(events), None), bool(events)
    else:
        ((event, is_new),) = record_internal([change.intent(relation, moment, idempotency_key)])
    from_instance, to_instance = ends
    if event is None:
        if not (conf.fail_silently() if fail_silently is None else fail_silently):
            raise refusal(from_instance=from_instance, to_instance=to_instance)
    elif is_new:
        _announce_later([event], ends, using)
    return event


def _steps(change: RelationChange, relations: Sequence[Dated], using: str) -> list[Step]:
    """What the call that records relations can do at once: apply them to inline projections, in their order, and queue
    their events for the others."""
    graph = relations[0][0].graph
    name = graph.name
    found = {one.name: one.relations_function(*name, using) for one in inline_projectors()}
    steps = application_steps(
        change, graph, {projection: function for projection, function in found.items() if function}
    )
    if queued_projections() and (queueing := queueing_step(change, relations, using)):
        steps.append(queueing)
    return steps


def _announce_later(events: Iterable[Event], ends: tuple[ResourceLike, ResourceLike], using: str) -> None:
    """After the commit, send the signals of events between two resources, each with the two as its event names them."""
    first = None
    for event in events:
        actor = event.actor
        first = first or actor  # the first event leads from the first end
        from_instance, to_instance = ends if actor == first else ends[::-1]
        after_commit(partial(_announce, event, from_instance=from_instance, to_instance=to_instance), using)


def _announce(event: Event, **instances: ResourceLike) -> None:
    signal: Signal = getattr(signals, event.type)  # each type of an event about relations has one
    with caused_by(event):
        signal.send_robust(sender=Event, event=event, **instances)


def _record_many(
    change: RelationChange,
    pairs: Iterable[tuple[Any, ...]],
    graph: Graph,
    progress: Callable[[int], None] | None,
) -> int:
    waiting = iter(pairs)
    done = new = 0
    while batch := list(islice(waiting, PAIRS_PER_TRANSACTION)):
        relations = [_relation(graph, *_checked(pair), key_of=_key_of(change)) for pair in batch]
        steps = _steps(change, relations, router.db_for_write(Event))
        new += len(record_relations(change, relations, steps))
        done += len(batch)
        if progress is not None:
            progress(done)
    return new


def _checked(pair: Any) -> tuple[Any, ...]:
    if not isinstance(pair, tuple | list) or not 2 <= len(pair) <= 3:
        raise InvalidPair(pair=pair)
    return tuple(pair)
