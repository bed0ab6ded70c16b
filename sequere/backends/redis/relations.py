"""The relations around some resources, compared one by one, to describe the differences."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any

from sequere.backends.redis.follows_by_uid import around
from sequere.backends.redis.keys import FOLLOWINGS, FollowKeys
from sequere.backends.redis.scripts import COMPARE_SIDE
from sequere.backends.redis.sides import Side, WantedFollow, side_calls, sides_of
from sequere.backends.redis.uids import Uids, found_uids, look_up_uids
from sequere.base import ResourceKey
from sequere.log.reading import latest_of
from sequere.projections.reconciler import Difference
from sequere.redis.connection import Connection, text
from sequere.redis.scores import from_score, to_score
from sequere.relations import recorded
from sequere.relations.types import FOLLOW, FOLLOWED
from sequere.sql.keyset import walk

#: Relations that are compared together.
RELATIONS_COMPARED_AT_ONCE = 1000


class Since(int):
    """A score that is shown as a point in time."""

    def __str__(self) -> str:
        return str(from_score(self))


def differences_around(
    resources: Collection[ResourceKey], connection: Connection, keys: FollowKeys, using: str
) -> Iterator[Difference]:
    """The differences of follows on the sides of some resources, which are locked.

    Friends are compared with the two sets that they are derived from. 2 round trips and 2 queries for every 1,000
    relations.
    """
    relations = recorded.relations(FOLLOW, using).filter(around(resources).condition)
    for rows in walk(relations, ("id",), RELATIONS_COMPARED_AT_ONCE, ("stream", *recorded.ENDS)):
        latest = latest_of([row[1] for row in rows], using)
        scores = {stream: to_score(last.occurred_at) for stream, last in latest.items() if last.type == FOLLOWED}
        follows: list[WantedFollow] = [
            (ResourceKey(*row[2:4]), ResourceKey(*row[4:6]), scores.get(row[1], "")) for row in rows
        ]
        ends = list({end for follow in follows for end in follow[:2]})
        (answer,) = connection.run([look_up_uids(ends, keys)])
        yield from _differences(follows, {*resources}, found_uids(ends, answer), connection, keys)


def _differences(
    follows: list[WantedFollow], resources: set[ResourceKey], known: Uids, connection: Connection, keys: FollowKeys
) -> Iterator[Difference]:
    stored = [follow for follow in follows if follow[0] in known and follow[1] in known]
    for follow in follows:
        if follow[2] != "" and not (follow[0] in known and follow[1] in known):
            yield Difference(_name(follow), _expected(follow), "none")
    sides = {side: scores for side, scores in sides_of(stored, known).items() if side[0] in resources}
    found, unnamed = _stored_wrongly(sides, known, connection, keys)
    for resource, name in unnamed.items():
        yield Difference(f"the resource of uid {known[resource]}", resource, name)
    for follow in stored:
        if follow[:2] in found:
            yield Difference(_name(follow), _expected(follow), "; ".join(found[follow[:2]]))


def _stored_wrongly(
    sides: dict[Side, list[Any]], known: Uids, connection: Connection, keys: FollowKeys
) -> tuple[dict[tuple[ResourceKey, ResourceKey], list[str]], dict[ResourceKey, str]]:
    """Descriptions of the follows that are stored wrongly, and the names of resources that are stored wrongly."""
    commands = list(side_calls(COMPARE_SIDE, sides, known, keys))
    answers = connection.run(command for _, command in commands)
    names = {uid: end for end, uid in known.items()}
    found: dict[tuple[ResourceKey, ResourceKey], list[str]] = defaultdict(list)
    unnamed: dict[ResourceKey, str] = {}
    for ((resource, what, _), _), answer in zip(commands, answers, strict=True):
        for member, *scores in answer:
            if not member:
                unnamed[resource] = ":".join(map(text, scores))
                continue
            other = names[text(member)]
            pair = (resource, other) if what == FOLLOWINGS else (other, resource)
            found[pair].append(_described(what, *map(_moment, scores)))
    return found, unnamed


def _name(follow: WantedFollow) -> str:
    (a, b), (c, d), _ = follow
    return f"follow {a}:{b} → {c}:{d}"


def _expected(follow: WantedFollow) -> Any:
    return "none" if follow[2] == "" else Since(follow[2])


def _described(what: str, all_: str, kind: str, friends: str, friends_kind: str, wanted: str) -> str:
    return (
        f"in the {what} {all_}, by kind {kind}; in the friends {friends}, by kind {friends_kind}"
        f" where {wanted} was expected"
    )


def _moment(score: Any) -> str:
    return str(Since(float(score))) if score else "none"
