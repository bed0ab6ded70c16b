"""What answers lists and questions: a backend, or the log."""

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
    what: str, graph: Graph, instance: ResourceLike, identifier: Identifier, as_of: AsOf, *, desc: bool
) -> RelationList:
    key, kind = registry.key_of(instance), kind_of(identifier)

    def is_related(other: ResourceKey) -> bool:
        return kind in {None, other.identifier} and is_in_list(what, graph, key, other, as_of)

    found = RelationsOf.from_list(answers(as_of).related(what, graph, key, kind, desc=desc), is_related)
    return found.named(what, graph.name, key, kind, desc, *([] if as_of is None else [str(as_of)]))


def is_in_list(what: str, graph: Graph, key: ResourceKey, other: ResourceKey, as_of: AsOf = None) -> bool:
    """Whether `other` is in the list `what` of a resource. 1 query."""
    ends = (other, key) if what == graph.type.followers else (key, other)
    relation = RelationKey(*ends, graph)
    return relation in answers(as_of).live_among([relation], mutual=what == graph.type.friends)
