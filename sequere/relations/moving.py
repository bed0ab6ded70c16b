"""Moving the relations of a resource to another one, in steps. What it did stays: the log says for ever who it was."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from django.db import router, transaction

from sequere.base import ResourceKey
from sequere.log.locks import lock
from sequere.log.models import Event
from sequere.log.numbers import numbers_of_graphs
from sequere.log.reading import History
from sequere.log.recording import Intent, record_internal
from sequere.relations.appending import ended_with
from sequere.relations.intents import TO_BEGIN_MANY, RelationChange, ending, is_live, saying
from sequere.relations.key import RelationKey
from sequere.relations.lasting import over_among
from sequere.relations.recorded import live_relations, relations_to_move
from sequere.sql.keyset import walk

#: The cause of the events of relations that are moved.
MOVED = "moved"
#: Relations that are moved together.
RELATIONS_PER_MOVE = 500


def move_relations(old: ResourceKey, new: ResourceKey) -> int:
    """Let `new` have the relations of `old`, as their types say. Returns how many were moved, or ended, or recorded for
    `new` as well.

    A transaction for every 500, of 12 statements and those of the receivers of `events_recorded`; what has begun in the
    meantime is moved, too.
    """
    using = router.db_for_write(Event)
    number = 0
    # Those that end others come first, so that they win.
    for live in relations_to_move(old, using):
        while moved := sum(
            _step(old, new, [id_ for (id_,) in page], using) for page in walk(live, ("id",), RELATIONS_PER_MOVE)
        ):
            number += moved
    return number


def _step(old: ResourceKey, new: ResourceKey, event_ids: Sequence[int], using: str) -> int:
    """Move the relations that events have begun, as far as they still are live."""
    begun = live_relations(using).filter(pk__in=event_ids).order_by("pk")
    with transaction.atomic(using=using):
        lock({new, *(end for event in begun for end in RelationKey.of_event(event)[:2])}, using)
        moves = [_Move.of(event, old, new) for event in begun.all()]
        known = [one for move in moves for one in (move.relation, move.moved)]
        over = over_among((one for one in known if one.graph.type.has_end), using)
        graphs = numbers_of_graphs(using)
        intents = [(move, intent) for move in moves for intent in move.intents(over, graphs)]
        outcomes = record_internal([intent for _, intent in intents], cause=MOVED)
    return len({move for (move, _), outcome in zip(intents, outcomes, strict=True) if outcome.event})


@dataclass(frozen=True, eq=False)
class _Move:
    """A relation of the old resource, and the same of the new one."""

    relation: RelationKey
    moved: RelationKey
    begun: Event
    #: Whether the old one keeps it: it is a matter of somebody else.
    is_kept: bool

    @classmethod
    def of(cls, event: Event, old: ResourceKey, new: ResourceKey) -> "_Move":
        relation = RelationKey.of_event(event)
        from_key, to_key, graph = relation
        is_own = from_key == old
        moved = RelationKey(new, to_key, graph) if is_own else RelationKey(from_key, new, graph)
        return cls(relation, moved, event, is_kept=not (is_own or graph.type.is_of_both))

    def intents(self, over: Collection[RelationKey], graphs: Iterable[tuple[str, str]]) -> Iterator[Intent]:
        ends = ending(self.relation.graph, MOVED)
        if not self.is_kept:
            yield ends.intent(self.relation)
        if self.relation in over or self.moved.from_key == self.moved.to_key:
            return
        # Of two, the earlier one stays.
        later = partial(_if_later, None if self.moved in over else self.begun.occurred_at, ends)
        yield RelationChange(begins=False, decide=later).intent(self.moved)
        begins = replace(TO_BEGIN_MANY, decide=partial(saying, self.begun.data))
        yield from begins.intents(self.moved, self.begun.occurred_at)
        for one in ended_with(self.moved, graphs):
            yield ending(one.graph, MOVED).intent(one)


def _if_later(moment: datetime | None, ends: RelationChange, history: History) -> Any:
    """A relation that has begun later ends. None for one that has ended by itself."""
    is_earlier = moment is not None and history.last is not None and history.last.occurred_at <= moment
    return ends.decide(history) if is_live(history) and not is_earlier else None
