"""What answers lists and questions: a backend, or the log."""

from collections.abc import Mapping

from sequere.api.arguments import AsOf, Identifier, kind_of
from sequere.backends.base import BaseBackend, get_backend
from sequere.base import ResourceKey, ResourceLike
from sequere.registry import registry
from sequere.relations.key import Graph, RelationKey
from sequere.relations.past import Past
from sequere.results.relations import RelationList, RelationsOf


def answers(as_of: AsOf) -> BaseBackend | Past:
    """The backend, or the log about some time ago."""
    return get_backend() if as_of is None else Past(as_of)


def related(
    what: str,
    graphs: Graph | Mapping[int, Graph],
    instance: ResourceLike,
    identifier: Identifier,
    as_of: AsOf,
    *,
    desc: bool,
) -> RelationList:
    """The list `what` of a resource, in a graph or in several that have numbers."""
    key, kind, asked = registry.key_of(instance), kind_of(identifier), answers(as_of)
    numbered = {0: graphs} if isinstance(graphs, Graph) else graphs

    def is_related(other: ResourceKey) -> bool:
        return kind in {None, other.identifier} and any(
            is_in_list(what, graph, key, other, as_of) for graph in numbered.values()
        )

    lists = {number: asked.related(what, graph, key, kind, desc=desc) for number, graph in numbered.items()}
    found = RelationsOf.merged(lists, is_related, desc=desc)
    names = [graph.name for graph in numbered.values()]
    return found.named(what, *names, key, kind, desc, *([] if as_of is None else [str(as_of)]))


def number_of_related(
    what: str, graphs: Graph | Mapping[int, Graph], instance: ResourceLike, identifier: Identifier, as_of: AsOf
) -> int:
    """The length of such a list. 1 query for each graph."""
    key, kind, asked = registry.key_of(instance), kind_of(identifier), answers(as_of)
    numbered = {0: graphs} if isinstance(graphs, Graph) else graphs
    return sum(asked.count(what, graph, key, kind) for graph in numbered.values())


def is_in_list(what: str, graph: Graph, key: ResourceKey, other: ResourceKey, as_of: AsOf = None) -> bool:
    """Whether `other` is in the list `what` of a resource. 1 query."""
    ends = (other, key) if what == graph.type.followers else (key, other)
    relation = RelationKey(*ends, graph)
    return relation in answers(as_of).live_among([relation], mutual=what == graph.type.friends)
