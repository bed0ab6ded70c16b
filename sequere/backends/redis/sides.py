"""A follow has two sides: the followings of one resource, and the followers of the other. Each is written by itself."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from sequere.backends.redis.graphs import PLAIN
from sequere.backends.redis.keys import FOLLOWERS, FOLLOWINGS, FollowKeys, kind_in_key
from sequere.backends.redis.scripts import COMPARE_SIDE, WRITE_DIRECTLY, WRITE_SIDES
from sequere.base import ResourceKey
from sequere.redis.fencing import LockedWriter
from sequere.redis.read_model import RedisModel
from sequere.sql.chunks import chunks

#: Follows in one call of a script, which blocks the server.
FOLLOWS_PER_CALL = 1000
#: Sides in one call: each of them costs as much as some follows.
SIDES_PER_CALL = 250

#: Calls of a script.
Calls = Iterator[Sequence[Any]]


class End(NamedTuple):
    """A resource with its uid."""

    key: ResourceKey
    uid: int


class WantedFollow(NamedTuple):
    """A relation as the log wants it."""

    from_: End
    to: End
    #: The score that it should have, "" if it is over.
    score: int | str
    #: The number of its graph.
    graph: int = PLAIN


class Side(NamedTuple):
    """One end of follows: the resource, FOLLOWERS or FOLLOWINGS, the kind of the resources at the other end, and the
    graph."""

    end: End
    what: str
    kind: str
    graph: int


def sides_of(follows: Iterable[WantedFollow]) -> dict[Side, list[Any]]:
    """The follows by their sides: for each the uid of the other resource and the score, in turn."""
    sides: dict[Side, list[Any]] = defaultdict(list)
    for from_, to, score, graph in follows:
        sides[Side(from_, FOLLOWINGS, to.key.identifier, graph)] += (to.uid, score)
        sides[Side(to, FOLLOWERS, from_.key.identifier, graph)] += (from_.uid, score)
    return sides


def write_calls(follows: Iterable[WantedFollow], writer: LockedWriter, model: RedisModel, keys: FollowKeys) -> Calls:
    """The calls that store follows on both of their sides."""
    in_order = sorted(sides_of(follows).items(), key=lambda side: side[0].graph)
    for graph, sides in groupby(in_order, key=lambda side: side[0].graph):
        first = (_keys(model, keys), writer.token, writer.last_event, keys.uids, keys.in_graph(graph).sets)
        for some in chunks(_parts(sides), SIDES_PER_CALL):
            arguments: list[Any] = []
            for side, members in some:
                if arguments and len(arguments) + len(members) > 2 * FOLLOWS_PER_CALL:
                    yield WRITE_SIDES(*first, *arguments)
                    arguments = []
                arguments += _arguments(side, members)
            yield WRITE_SIDES(*first, *arguments)


def write_directly(follow: WantedFollow, event_id: int, log: str, model: RedisModel, keys: FollowKeys) -> Sequence[Any]:
    """The call that stores a follow as an event of a log says, without locks."""
    arguments = [one for side in sides_of([follow]).items() for one in _arguments(*side)]
    return WRITE_DIRECTLY(_keys(model, keys), event_id, log, keys.uids, keys.in_graph(follow.graph).sets, *arguments)


def _keys(model: RedisModel, keys: FollowKeys) -> Sequence[str]:
    return [keys.last_uid, model.built, model.note]


def _arguments(side: Side, members: Sequence[Any]) -> Iterable[Any]:
    end, what, kind, _ = side
    return (end.uid, *end.key, what, kind_in_key(kind), len(members) // 2, *members)


def compare_calls(sides: dict[Side, list[Any]], keys: FollowKeys) -> Iterator[tuple[Side, Sequence[Any]]]:
    """The call that compares each side with what is stored, in parts."""
    for side, members in _parts(sides.items()):
        end, what, kind, graph = side
        yield side, COMPARE_SIDE(keys.in_graph(graph).side(end.key, end.uid, what, kind), *end.key, *members)


def _parts(sides: Iterable[tuple[Side, list[Any]]]) -> Iterator[tuple[Side, list[Any]]]:
    """The sides, those with many follows in parts."""
    for side, members in sides:
        for start in range(0, len(members), 2 * FOLLOWS_PER_CALL):
            yield side, members[start : start + 2 * FOLLOWS_PER_CALL]
