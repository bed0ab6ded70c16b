"""All relations of the log, compared with what is stored of them."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from django.db import models

from sequere.backends import recorded
from sequere.backends.redis import uids
from sequere.backends.redis.connection import text
from sequere.backends.redis.keys import FOLLOWERS, FOLLOWINGS, Keys
from sequere.backends.redis.model import RedisModel
from sequere.backends.redis.moments import Score, from_score
from sequere.backends.redis.scripts import COMPARE
from sequere.backends.redis.sides import Side, Wanted, calls, sides_of, write
from sequere.base import ResourceKey
from sequere.passes import Difference, RowPass


class Page:
    """Some relations, and what the walk over all of them remembers."""

    def __init__(self, relations: list[recorded.Relation], memory: uids.Memory) -> None:
        self.first, self.last = relations[0][0], relations[-1][0]
        self.relations = [(pk, ResourceKey(a, b), ResourceKey(c, d)) for pk, _, a, b, c, d in relations]
        self.resources = {end for _, *ends in self.relations for end in ends}
        self.memory = memory

    def __len__(self) -> int:
        return len(self.relations)


class Since(int):
    """A score that is shown as a point in time."""

    def __str__(self) -> str:
        return str(from_score(self))


class RelationPass(RowPass):
    """All relations of the log, on both of their sides.

    The friends are compared with the two sets that they are made of, each of which is compared with the log when it is
    its turn.
    """

    name = "follows"
    also = ("stream", *recorded.ENDS)
    size = 5000

    def __init__(self, model: RedisModel, keys: Keys) -> None:
        self._model = model
        self._keys = keys
        self._memory = uids.Memory(model.connection, keys)

    def rows(self, using: str) -> "models.QuerySet[Any]":
        return recorded.relations(using)

    def keys(self, rows: list[Any], using: str) -> Page:
        return Page(rows, self._memory)

    def resources(self, keys: Page, using: str) -> Collection[ResourceKey]:
        return keys.resources

    def differs(self, keys: Page, using: str) -> bool:
        look_up, unknown = keys.memory.look_up(keys.resources)
        known = keys.memory.learn(unknown, *self._model.connection.run([look_up]))
        # Who is not known was never followed: on a server that was emptied there is no need to look at it twice.
        return any(end not in known for end in unknown) or bool(self._wrong(self._wanted(keys, using), known)[1])

    def compare(self, keys: Page, using: str, *, repair: bool) -> list[Difference]:
        look_up, unknown = keys.memory.look_up(keys.resources)
        token, (answer,) = self._model.draw([look_up])
        known = keys.memory.learn(unknown, answer)
        wrong, differences = self._wrong(self._wanted(keys, using), known)
        if repair:
            keys.memory.remember(write(wrong, known, token, self._model, self._keys))
        return differences

    def _wanted(self, page: Page, using: str) -> list[Wanted]:
        scores = recorded.live(page.first, page.last, Score("occurred_at"), using)
        return [
            (from_key, to_key, "" if score is None else score)
            for pk, from_key, to_key in page.relations
            for score in [scores[pk]]
        ]

    def _wrong(self, follows: list[Wanted], known: uids.Uids) -> tuple[list[Wanted], list[Difference]]:
        """What is to be written, and what is said about it."""
        stored, missing = [], []
        for follow in follows:
            if follow[0] in known and follow[1] in known:
                stored.append(follow)
            elif follow[2] != "":
                missing.append(follow)
        differences = [Difference(_name(follow), _expected(follow), "none") for follow in missing]
        found, unnamed = self._stored_wrongly(stored, known)
        differences += [
            Difference(f"the resource of uid {known[resource]}", resource, name)
            for (resource, *_), name in unnamed.items()
        ]
        wrong = [follow for follow in stored if follow[:2] in found]
        differences += [Difference(_name(follow), _expected(follow), "; ".join(found[follow[:2]])) for follow in wrong]
        # What is written to a side says whose it is.
        named = [
            follow
            for follow in stored
            for side in ((follow[0], FOLLOWINGS, follow[1][0]), (follow[1], FOLLOWERS, follow[0][0]))
            if side in unnamed
        ]
        return [*missing, *wrong, *named], differences

    def _stored_wrongly(
        self, follows: list[Wanted], known: uids.Uids
    ) -> tuple[dict[tuple[ResourceKey, ResourceKey], list[str]], dict[Side, str]]:
        """What is found of follows that are not stored as they should be, and the sides without their right name."""
        sides = sides_of(follows, known)
        commands = list(calls(COMPARE, sides, known, self._keys))
        answers = self._model.connection.run(command for _, command in commands)
        found: dict[tuple[ResourceKey, ResourceKey], list[str]] = defaultdict(list)
        unnamed: dict[Side, str] = {}
        if not any(answers):
            return found, unnamed
        names = {known[end]: end for follow in follows for end in follow[:2]}
        for (side, _), answer in zip(commands, answers, strict=True):
            for member, *scores in answer:
                if not member:
                    unnamed[side] = ":".join(map(text, scores))
                    continue
                other = names[text(member)]
                resource, what, _ = side
                pair = (resource, other) if what == FOLLOWINGS else (other, resource)
                found[pair].append(_described(what, *map(_moment, scores)))
        return found, unnamed


def _name(follow: Wanted) -> str:
    (a, b), (c, d), _ = follow
    return f"follow {a}:{b} → {c}:{d}"


def _expected(follow: Wanted) -> Any:
    return "none" if follow[2] == "" else Since(follow[2])


def _described(what: str, all_: str, kind: str, friends: str, friends_kind: str, wanted: str) -> str:
    return (
        f"in the {what} {all_}, by kind {kind}; in the friends {friends}, by kind {friends_kind}"
        f" where {wanted} was expected"
    )


def _moment(score: Any) -> str:
    return str(Since(float(score))) if score else "none"
