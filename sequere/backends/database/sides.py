"""The lists of a relation type, as columns of the tables."""

from dataclasses import dataclass

from sequere.relations.key import Graph


@dataclass(frozen=True, slots=True)
class ListSide:
    """A list of a relation type: which end of the relations its owner is, and what orders and counts them."""

    owner: str
    other: str
    since: str
    counted: str


INCOMING = ListSide("to", "from", "since", "incoming")
OUTGOING = ListSide("from", "to", "since", "outgoing")
MUTUAL = ListSide("from", "to", "mutual_since", "mutual")


def side_of(what: str, graph: Graph) -> ListSide:
    """The side that a list of the type of a graph is: by name."""
    sides = {graph.type.followers: INCOMING, graph.type.followings: OUTGOING, graph.type.friends: MUTUAL}
    return sides[what]
