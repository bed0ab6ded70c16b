"""Graphs by the numbers in the names of keys: the follows without a scope have none there, which 0 stands for."""

from collections.abc import Mapping

from sequere.log.numbers import number_of_graph, numbers_of_graphs
from sequere.relations.key import FOLLOWS, Graph
from sequere.relations.types import RELATION_TYPES, type_named

#: The number of the follows without a scope, and one that no graph has.
PLAIN, NONE = 0, -1


def graph_numbers(using: str) -> Mapping[Graph, int]:
    """All graphs. 1 query."""
    names = {one.name for one in RELATION_TYPES}
    numbered = {
        Graph(type_named(type_), scope): number
        for (type_, scope), number in numbers_of_graphs(using).items()
        if type_ in names
    }
    return {**numbered, FOLLOWS: PLAIN}


def number_in_keys(graph: Graph, using: str) -> int:
    """The number of a graph. 1 query; none for the follows without a scope."""
    return PLAIN if graph == FOLLOWS else number_of_graph(*graph.name, using) or NONE
