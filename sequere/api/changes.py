"""How the verbs record what they change, and tell of it after the commit."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import Any

from django.db import router

from sequere import conf
from sequere.api.arguments import Timestamp, relation_of
from sequere.api.policy import sort_out
from sequere.base import ResourceKey, ResourceLike
from sequere.event_types import TARGET
from sequere.exceptions import FollowException, InvalidPair
from sequere.log.metadata import caused_by
from sequere.log.models import Event
from sequere.log.recording import record_internal
from sequere.outbox.enqueue import queueing_step
from sequere.projections.registry import inline_projectors, projections, queued_projections
from sequere.registry import registry
from sequere.relations.appending import Changed, Dated, Step, application_steps, record_relations
from sequere.relations.intents import TO_END, RelationChange, to_ask
from sequere.relations.key import Graph
from sequere.relations.types import SIGNALS
from sequere.sql.commits import after_commit

#: Pairs per transaction of an import.
PAIRS_PER_TRANSACTION = 2000


def record_one(
    change: RelationChange,
    dated: Dated,
    ends: tuple[ResourceLike, ResourceLike],
    idempotency_key: str | None,
    refusal: type[FollowException],
    fail_silently: bool | None,
    **metadata: Any,
) -> Event | None:
    """The event of a relation, or that of the request which is closed in its place."""
    using = router.db_for_write(Event)
    if idempotency_key is None:
        changed = record_at_once(change, [dated], **metadata)
        events = new = [*changed.events, *changed.closed]
    else:
        outcomes = record_internal(change.intents(*dated, idempotency_key), **metadata)
        events = [outcome.event for outcome in outcomes if outcome.event]
        new = [outcome.event for outcome in outcomes if outcome.event and outcome.is_new]
    from_instance, to_instance = ends
    if not events and not (conf.fail_silently() if fail_silently is None else fail_silently):
        raise refusal(from_instance=from_instance, to_instance=to_instance)
    announce_later(new, ends, using)
    return events[0] if events else None


def end_one(graph: Graph, ends: tuple[ResourceLike, ResourceLike], timestamp: Timestamp | None) -> Event | None:
    """The event of ending a relation that is not asked about further; None if it was not live."""
    using = router.db_for_write(Event)
    dated = relation_of(graph, *ends, timestamp, key_of=registry.any_key_of)
    events = record_at_once(TO_END, [dated]).events
    announce_later(events, ends, using)
    return events[0] if events else None


def record_many(
    change: RelationChange,
    pairs: Iterable[tuple[Any, ...]],
    graph: Graph,
    progress: Callable[[int], None] | None,
    *,
    policy: bool = False,
) -> int:
    waiting, key_of = iter(pairs), _key_of(change)
    done = new = 0
    while batch := list(islice(waiting, PAIRS_PER_TRANSACTION)):
        checked = [_checked(pair) for pair in batch]
        relations: Sequence[Dated] = [relation_of(graph, *pair, key_of=key_of) for pair in checked]
        if policy:
            relations, requests = sort_out(relations, (pair[:2] for pair in checked), only_unknown=change.only_unknown)
            record_relations(to_ask(leaves_out=True), requests)
        if relations:
            new += len(record_at_once(change, relations).events)
        done += len(batch)
        if progress is not None:
            progress(done)
    return new


def record_at_once(change: RelationChange, relations: Sequence[Dated], **metadata: Any) -> Changed:
    """`record_relations()` with all that the call can do at once."""
    steps = _steps_for(change, relations, router.db_for_write(Event))
    is_settled = projections().keys() <= {projection for step in steps for projection in step.projections}
    return record_relations(change, relations, steps, is_settled=is_settled, **metadata)


def _steps_for(change: RelationChange, relations: Sequence[Dated], using: str) -> list[Step]:
    """What the call that records relations can do at once: apply them to inline projections, in their order, and queue
    their events for the others."""
    graph = relations[0][0].graph
    name = graph.name
    found = {one.name: one.relations_function(*name, using) for one in inline_projectors()}
    steps = application_steps(
        change, graph, {projection: function for projection, function in found.items() if function}, using
    )
    if queued_projections():
        of_target = change.type_in(graph).subject == TARGET
        subjects = [relation.to_key if of_target else relation.from_key for relation, _ in relations]
        if queueing := queueing_step(subjects, using, is_relation=len(relations) == 1):
            steps.append(queueing)
    return steps


def announce_later(events: Iterable[Event], ends: tuple[ResourceLike, ResourceLike], using: str) -> None:
    """After the commit, send the signals of events between two resources, each with the two as its event names them, if
    anybody listens."""
    first = None
    for event in events:
        actor = event.actor
        first = first or actor  # the first event leads from the first end
        if not SIGNALS[event.type].has_listeners(Event):
            continue
        from_instance, to_instance = ends if actor == first else ends[::-1]
        after_commit(partial(_announce, event, from_instance=from_instance, to_instance=to_instance), using)


def _announce(event: Event, **instances: ResourceLike) -> None:
    with caused_by(event):
        SIGNALS[event.type].send_robust(sender=Event, event=event, **instances)


def _key_of(change: RelationChange) -> Callable[[ResourceLike], ResourceKey]:
    """A relation that ends may have any key that is in the log, even one whose model is no longer registered."""
    return registry.key_of if change.begins else registry.any_key_of


def _checked(pair: Any) -> tuple[Any, ...]:
    if not isinstance(pair, tuple | list) or not 2 <= len(pair) <= 3:
        raise InvalidPair(pair=pair)
    return tuple(pair)
