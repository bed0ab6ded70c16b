"""Keeps the live relations and their counts equal to the log."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache

from django.db import connections

from sequere.backends.base import RelationsProjector
from sequere.backends.database.counts import COUNTS, forget_empty
from sequere.backends.database.models import LiveRelation
from sequere.backends.database.relations import RELATIONS
from sequere.backends.database.statements import RelationStatements, join_kind, join_resource
from sequere.log.models import Event
from sequere.projections.resources import RESOURCE_ROWS
from sequere.relations.intents import DELETED
from sequere.relations.key import RELATION, Graph, RelationKey
from sequere.relations.recorded import ENDS
from sequere.relations.types import is_change
from sequere.sql import routines
from sequere.sql.dialects import dialect
from sequere.sql.rows import fields_of, given
from sequere.sql.statements import statement


class FollowsProjector(RelationsProjector):
    """Relations and counts, in the transaction of the log."""

    reconcilers = (*RESOURCE_ROWS, *RELATIONS, COUNTS)

    def relations_function(self, relation_type: str, scope: str, using: str) -> str | None:
        return "sequere_apply_relations" if routines.in_reach(LiveRelation, using) else None

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        """Make the relations of `events` what the log says: 1 statement for each graph, 4 on SQLite."""
        news = list(events)
        self.apply_relations([event for event in news if is_change(event.type)], using=using)
        if deleted := [event.actor for event in news if event.type == DELETED]:
            forget_empty(deleted, using)

    def apply_relations(self, events: Sequence[Event], *, using: str) -> None:
        by_graph: dict[Graph, dict[RelationKey, None]] = defaultdict(dict)
        for event in events:
            relation = RelationKey.of_event(event)
            if relation.opposite not in by_graph[relation.graph]:
                by_graph[relation.graph][relation] = None
        for graph, relations in by_graph.items():
            rows = [(one.stream, graph.scope, *one.from_key, *one.to_key) for one in relations]
            select, values = given(connections[using], fields_of(Event, ("stream", "scope", *ENDS)), rows)
            text = _with_uids(graph.type.name, using).replace("{given}", select)
            RelationStatements(graph, (text, values), using, both=True).write()


@cache
def _with_uids(relation_type: str, using: str) -> str:
    words = dialect(connections[using])
    columns = [f"given.{column}" for column in ENDS]
    from_key, to_key = columns[:2], columns[2:]
    return statement(__package__, "with_uids").format(
        given="{given}",
        join=words.join,
        opposite=words.stream(RELATION, [words.text(relation_type), "COALESCE(given.scope, '')", *to_key, *from_key]),
        from_end=join_resource(words, "f", from_key),
        to_end=join_resource(words, "t", to_key),
        from_kind=join_kind(words, "f"),
        to_kind=join_kind(words, "t"),
    )
