"""Who may follow whom, and who has to ask: decided before the transaction, by the options of the one to be followed."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from django.db import models, router

from sequere import conf
from sequere.backends.base import FollowCounts, get_backend
from sequere.base import ModelBase, ResourceKey, ResourceLike
from sequere.exceptions import FollowException, FollowNotAllowed, NoInstance, TooManyFollowings
from sequere.log.locks import Resource
from sequere.log.models import Event
from sequere.log.numbers import GraphNumber, make_room
from sequere.log.reading import History, latest_of
from sequere.log.suspensions import suspended_among
from sequere.registry import registry
from sequere.relations.appending import Dated
from sequere.relations.intents import TO_BEGIN, RelationChange, is_live, to_ask, to_refuse
from sequere.relations.key import RelationKey
from sequere.relations.types import FOLLOW

#: The two resources of a follow, as they were given.
Ends = tuple[ResourceLike, ResourceLike]


class Sorted(NamedTuple):
    """Follows that may begin, and the requests for those that must be asked for."""

    follows: Sequence[Dated]
    requests: Sequence[Dated]


def under_policy(relation: RelationKey, ends: Ends, message: str) -> tuple[RelationChange, RelationKey]:
    """What to record if somebody wants to follow: the follow, a request for it, or nothing but the refusal, which
    counts unless the follow is live.

    No query, unless the options of the one to be followed have a policy: then 1 for each end that is given as a key.
    1 with SEQUERE_MAX_FOLLOWINGS. Raises NoInstance.
    """
    options, limit = registry.policy_of(relation.to_key), conf.max_followings()
    loaded = _loaded([ends]) if options else {}
    if options and (refusal := _refusal(options, ends, loaded)):
        return to_refuse(refusal), relation
    if limit is not None:
        number = get_backend().count(FOLLOW.followings, relation.graph, relation.from_key, None)
        if number >= limit:
            return to_refuse(TooManyFollowings(from_instance=ends[0], number=number, limit=limit)), relation
    if options and _requires_approval(options, ends, loaded):
        return to_ask(message), _request_for(relation)
    return TO_BEGIN, relation


def live_in_log(relations: Collection[RelationKey]) -> set[RelationKey]:
    """Those of `relations` that are live, as the log says, also if they pause. 1 query."""
    latest = latest_of([relation.stream for relation in relations], router.db_for_read(Event))
    return {relation for relation in relations if is_live(History(latest.get(relation.stream), latest))}


def withheld_among(follows: Collection[RelationKey]) -> set[RelationKey]:
    """Those of some follows, which no read model has, that do not begin if they are asked for: a block refuses them, or
    they, or the requests for them, pause. 1 query, and 1 more if any may pause."""
    named = {one for follow in follows for one in (follow, follow.asking, *follow.refusing) if one}
    live = live_in_log(named)
    begun = {follow for follow in follows if not live.isdisjoint((follow, follow.asking))}
    suspended: set[ResourceKey] = set()
    if begun:
        suspended = suspended_among({end for follow in begun for end in follow[:2]}, router.db_for_read(Resource))
    paused = {follow for follow in begun if not suspended.isdisjoint(follow[:2])}
    return paused | {follow for follow in follows if not live.isdisjoint(follow.refusing)}


def sort_out(relations: Sequence[Dated], pairs: Iterable[Ends], *, only_unknown: bool) -> Sorted:
    """The follows that may begin, and the requests for those that must be asked for, without those that are refused, or
    would be too many.

    No query without a policy, as above; with one, 1 for each model class, and 1 if only unknown follows may begin. 2
    with SEQUERE_MAX_FOLLOWINGS. Raises NoInstance.
    """
    policies = [registry.policy_of(relation.to_key) for relation, _ in relations]
    if not any(policies) and conf.max_followings() is None:
        return Sorted(relations, ())
    pairs = list(pairs)
    loaded = _loaded([ends for ends, options in zip(pairs, policies, strict=True) if options])
    follows: list[Dated] = []
    requests: list[Dated] = []
    for dated, ends, options in zip(relations, pairs, policies, strict=True):
        if options is None:
            follows.append(dated)
        elif _refusal(options, ends, loaded) is None:
            (requests if _requires_approval(options, ends, loaded) else follows).append(dated)
    if conf.max_followings() is not None:
        kept = _within_limit([*follows, *requests])
        follows, requests = ([one for one in some if one[0] in kept] for some in (follows, requests))
    if only_unknown and requests:
        known = latest_of([relation.stream for relation, _ in requests], router.db_for_write(Event))
        requests = [one for one in requests if one[0].stream not in known]
    return Sorted(follows, [(_request_for(relation), moment) for relation, moment in requests])


def _within_limit(relations: Sequence[Dated]) -> Collection[RelationKey]:
    """Those that are live, and as many of the others as each resource may still have. 2 queries."""
    if not relations:
        return ()
    limit, graph = conf.max_followings() or 0, relations[0][0].graph
    latest = latest_of([relation.stream for relation, _ in relations], router.db_for_write(Event))
    numbers = get_backend().counts(graph, {relation.from_key for relation, _ in relations})
    kept: set[RelationKey] = set()
    more: Counter[ResourceKey] = Counter()
    for relation, _ in relations:
        if relation in kept:
            continue
        key = relation.from_key
        if not is_live(History(latest.get(relation.stream), latest)):
            if numbers.get(key, FollowCounts()).followings + more[key] >= limit:
                continue
            more[key] += 1
        kept.add(relation)
    return kept


def _request_for(relation: RelationKey) -> RelationKey:
    request = relation.asking
    assert request is not None  # noqa: S101  # a follow can be asked for
    make_room(*request.graph.name, router.db_for_write(GraphNumber))
    return request


def _refusal(options: ModelBase, ends: Ends, loaded: dict[ResourceKey, models.Model]) -> FollowException | None:
    from_instance, to_instance = _instances(ends, loaded)
    if options.allow_follow(from_instance, to_instance):
        return None
    return FollowNotAllowed(from_instance=from_instance, to_instance=to_instance, options=type(options).__qualname__)


def _requires_approval(options: ModelBase, ends: Ends, loaded: dict[ResourceKey, models.Model]) -> bool:
    return options.requires_approval(*_instances(ends, loaded))


def _loaded(pairs: Iterable[Ends]) -> dict[ResourceKey, models.Model]:
    """The instances of those ends that are given as keys. 1 query for each model class."""
    return registry.load({registry.key_of(end) for ends in pairs for end in ends if isinstance(end, ResourceKey)})


def _instances(ends: Ends, loaded: dict[ResourceKey, models.Model]) -> tuple[models.Model, models.Model]:
    from_instance, to_instance = (_instance(end, loaded) for end in ends)
    return from_instance, to_instance


def _instance(end: ResourceLike, loaded: dict[ResourceKey, models.Model]) -> models.Model:
    if not isinstance(end, ResourceKey):
        return end
    try:
        return loaded[registry.key_of(end)]
    except KeyError as error:
        raise NoInstance(value=end) from error
