"""Relations as values: which one it is, its stream, and its opposite, in Python and in SQL."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from django.db.models import Expression
from django.db.models.expressions import Combinable

from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.log.streams import Stream, internal_stream, stream_digits
from sequere.relations.types import ASKING, BLOCK, FOLLOW, MUTE, RelationType, is_change, type_named, type_of

#: The kind of streams that relations have.
RELATION = "relation"


class Graph(NamedTuple):
    """All relations of a type within a scope."""

    type: RelationType
    scope: str = ""

    @property
    def name(self) -> tuple[str, str]:
        """What tells it from other graphs, in the streams of its relations."""
        return self.type.name, self.scope

    def __str__(self) -> str:
        return f"{self.type.name} ({self.scope})" if self.scope else self.type.name


def graph_of(event_type: str, scope: str) -> Graph:
    """The graph of the relations that events of a type begin or end. Raises KeyError for any other event."""
    return Graph(type_of(event_type), scope)


class GraphColumns(NamedTuple):
    """The type and the scope of graphs, in columns or as expressions."""

    type: str | Combinable
    scope: str | Combinable


#: The follows without a scope; and the blocks and the mutes, which never have one.
FOLLOWS, BLOCKS, MUTES = Graph(FOLLOW), Graph(BLOCK), Graph(MUTE)


class RelationKey(NamedTuple):
    """The name of a relation: which graph it belongs to, and its two ends.

    While the last version of its stream is odd, it is live.
    """

    from_key: ResourceKey
    to_key: ResourceKey
    graph: Graph = FOLLOWS

    @property
    def stream(self) -> UUID:
        return internal_stream(RELATION, self.graph.name, self.from_key, self.to_key)

    @property
    def opposite(self) -> "RelationKey":
        """The relation in the other direction: if both are live, it is mutual."""
        return RelationKey(self.to_key, self.from_key, self.graph)

    @property
    def refusing(self) -> "tuple[RelationKey, ...]":
        """The relations that keep it from beginning while one of them is live."""
        if not self.graph.type.refused_by:
            return ()
        graph = Graph(type_named(self.graph.type.refused_by))
        return self._replace(graph=graph), self.opposite._replace(graph=graph)

    @property
    def asking(self) -> "RelationKey | None":
        """The request for it; None if nobody can ask for it."""
        type_ = ASKING.get(self.graph.type.name)
        return self._replace(graph=Graph(type_, self.graph.scope)) if type_ else None

    @property
    def asked_for(self) -> "RelationKey | None":
        """The relation that it is a request for, if it is one."""
        name = self.graph.type.asks_for
        return self._replace(graph=Graph(type_named(name), self.graph.scope)) if name else None

    @classmethod
    def of_event(cls, event: Event) -> "RelationKey":
        """The relation that an event of its stream begins or ends."""
        target = event.target
        if target is None or not is_change(event.type):
            raise ValueError(f"{event} is about no relation")
        return cls(event.actor, target, graph_of(event.type, event.scope))

    @classmethod
    def stream_in_sql(cls, graph: Graph | GraphColumns, from_: str, to: str) -> Expression:
        """The stream of the relations in rows whose columns for the two ends have these prefixes."""
        ends = [f"{end}{part}" for end in (from_, to) for part in ResourceKey._fields]
        if isinstance(graph, GraphColumns):
            return Stream(RELATION, (), *graph, *ends)
        return Stream(RELATION, graph.name, *ends)

    def __str__(self) -> str:
        return f"{self.graph} {self.from_key} → {self.to_key}"


def streams_both_ways(relations: Sequence[RelationKey]) -> tuple[list[str], list[str]]:
    """The streams of relations of one graph, and those of their opposites, as hexadecimal digits: for thousands, in
    half of the time."""
    graph = "\0".join((RELATION, *relations[0].graph.name))
    ends = [("\0".join(one.from_key), "\0".join(one.to_key)) for one in relations]
    there = [stream_digits(f"{graph}\0{from_}\0{to}") for from_, to in ends]
    return there, [stream_digits(f"{graph}\0{to}\0{from_}") for from_, to in ends]
