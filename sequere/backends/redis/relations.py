"""The relations around some resources, compared one by one, to describe the differences."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from sequere.backends.redis.follows_by_uid import around
from sequere.backends.redis.graphs import graph_numbers
from sequere.backends.redis.keys import FOLLOWINGS, FollowKeys
from sequere.backends.redis.sides import End, Side, WantedFollow, compare_calls, sides_of
from sequere.backends.redis.uids import Uids
from sequere.base import ResourceKey
from sequere.log.locks import uids_of
from sequere.log.reading import latest_of
from sequere.log.suspensions import suspended_among
from sequere.projections.reconciler import Difference
from sequere.redis.connection import Connection, text
from sequere.redis.scores import from_score, to_score
from sequere.relations import recorded
from sequere.relations.key import graph_of
from sequere.relations.types import BEGUN
from sequere.sql.keyset import walk

#: Relations that are compared together.
RELATIONS_COMPARED_AT_ONCE = 1000


class Since(int):
    """A score that is shown as a point in time."""

    def __str__(self) -> str:
        return str(from_score(self))


def differences_around(uids: Uids, connection: Connection, keys: FollowKeys, using: str) -> Iterator[Difference]:
    """The differences of follows on the sides of some resources, which are locked.

    Friends are compared with the two sets that they are derived from. 1 round trip and 4 queries for every 1,000
    relations.
    """
    relations, numbers = recorded.relations(using).filter(around(uids).events), graph_numbers(using)
    for rows in walk(relations, ("id",), RELATIONS_COMPARED_AT_ONCE, ("stream", "type", "scope", *recorded.ENDS)):
        latest = latest_of([row[1] for row in rows], using)
        scores = {stream: to_score(last.occurred_at) for stream, last in latest.items() if last.type in BEGUN}
        named = [(row[1], graph_of(*row[2:4]), ResourceKey(*row[4:6]), ResourceKey(*row[6:8])) for row in rows]
        ends = {end for row in named for end in row[2:]}
        known, suspended = uids_of(ends, using), suspended_among(ends, using)
        follows = [
            WantedFollow(
                End(one, known[one]),
                End(other, known[other]),
                "" if graph.type.pauses and not suspended.isdisjoint((one, other)) else scores.get(stream, ""),
                numbers[graph],
            )
            for stream, graph, one, other in named
            if one in known and other in known
        ]
        yield from _differences(follows, uids, connection, keys)


def _differences(
    follows: list[WantedFollow], uids: Uids, connection: Connection, keys: FollowKeys
) -> Iterator[Difference]:
    sides = {side: members for side, members in sides_of(follows).items() if side.end.key in uids}
    found, unnamed = _stored_wrongly(
        sides, {end.uid: end.key for follow in follows for end in follow[:2]}, connection, keys
    )
    for end, name in unnamed.items():
        yield Difference(f"the resource of uid {end.uid}", end.key, name)
    for follow in follows:
        place = (follow.graph, follow.from_.key, follow.to.key)
        if place in found:
            yield Difference(_name(follow), _expected(follow), "; ".join(found[place]))


def _stored_wrongly(
    sides: dict[Side, list[Any]], names: Mapping[int, ResourceKey], connection: Connection, keys: FollowKeys
) -> tuple[dict[tuple[int, ResourceKey, ResourceKey], list[str]], dict[End, str]]:
    """Descriptions of the follows that are stored wrongly, and the names of resources that are stored wrongly."""
    commands = list(compare_calls(sides, keys))
    answers = connection.run(command for _, command in commands)
    found: dict[tuple[int, ResourceKey, ResourceKey], list[str]] = defaultdict(list)
    unnamed: dict[End, str] = {}
    for ((end, what, _, graph), _), answer in zip(commands, answers, strict=True):
        for member, *scores in answer:
            if not text(member):
                identifier, object_id, uid = map(text, scores)
                unnamed[end] = f"{identifier}:{object_id}, which has uid {uid or 'none'}"
                continue
            other = names[int(member)]
            pair = (end.key, other) if what == FOLLOWINGS else (other, end.key)
            found[(graph, *pair)].append(_described(what, *map(_moment, scores)))
    return found, unnamed


def _name(follow: WantedFollow) -> str:
    graph = f" in graph {follow.graph}" if follow.graph else ""
    return f"follow {follow.from_.key} → {follow.to.key}{graph}"


def _expected(follow: WantedFollow) -> Any:
    return "none" if follow.score == "" else Since(follow.score)


def _described(what: str, all_: str, kind: str, friends: str, friends_kind: str, wanted: str) -> str:
    return (
        f"in the {what} {all_}, by kind {kind}; in the friends {friends}, by kind {friends_kind}"
        f" where {wanted} was expected"
    )


def _moment(score: Any) -> str:
    return str(Since(float(score))) if score else "none"
