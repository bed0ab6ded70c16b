"""What is stored of each resource, compared with the log by digests, and follow by follow only where these differ."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from itertools import count
from typing import Any

from django.db import models

from sequere.backends.redis import uids
from sequere.backends.redis.counts import Counts
from sequere.backends.redis.keys import FOLLOWINGS, Keys, kind_of
from sequere.backends.redis.loading import Loading
from sequere.backends.redis.numbered import Around, Members, between, numbered
from sequere.backends.redis.relations import differences_around
from sequere.backends.redis.scripts import DIGEST, SUMS
from sequere.base import ResourceKey
from sequere.log.locks import KEY, Resource
from sequere.projections.reconciler import Cursor, Difference, Page, RowPass
from sequere.redis.connection import text
from sequere.redis.model import RedisModel
from sequere.registry import registry
from sequere.sql.chunks import chunks

#: Resources whose sums one call of a script adds up, and parts of sets of which one makes digests.
RESOURCES_PER_CALL = 50
PARTS_PER_CALL = 100
#: Members in the parts of one call: what it does holds up everybody else.
MEMBERS_PER_CALL = 2000
#: Calls that are sent together.
CALLS_AT_ONCE = 20

#: How many follow a resource, and how many it follows, by kind.
Sums = dict[str, list[int]]


@dataclass(slots=True)
class Batch:
    """Resources in the order of their keys, and everything between them."""

    resources: list[ResourceKey]
    between: Around
    #: Those of which something differs, as soon as somebody has looked.
    suspects: list[ResourceKey] | None = field(default=None)


class ResourcePass(RowPass):
    """All resources, each with both of its sides.

    The database joins what each set should hold into texts of 1,000 members, the server does the same with what it
    holds, and their SHA-1s are compared: two texts that differ have the same one in 1 of 2^160 cases. Friends and
    counts follow from the sets, which the server sees by itself.
    """

    name = "follows"
    columns = KEY
    size = 10_000

    def __init__(self, model: RedisModel, keys: Keys, number: int | None) -> None:
        """`number` is that of the rebuild, if it is one."""
        self._model = model
        self._keys = keys
        self._number = number

    def rows(self, using: str) -> "models.QuerySet[Any]":
        return Resource.objects.using(using)

    def page(self, after: Cursor, until: Cursor, using: str) -> Page:
        rows, number, end = super().page(after, until, using)
        return Page(rows and Batch(rows, between({*rows}, after, end or until)), number, end)

    def keys(self, rows: list[Any], using: str) -> Any:
        return [ResourceKey(*row) for row in rows]

    def differs(self, keys: Batch, using: str) -> bool:
        return bool(self._suspects(keys, using))

    def resources(self, keys: Batch, using: str) -> Sequence[ResourceKey]:
        return self._suspects(keys, using)

    def compare(self, keys: Batch, using: str, *, repair: bool) -> list[Difference]:
        """Each side belongs to one resource; who has locked that one may compare it, and write it."""
        suspects = self._suspects(keys, using)
        if not suspects:
            return []
        differences = [
            *differences_around(suspects, self._model.connection, self._keys, using),
            *Counts(self._model, self._keys).compare(suspects, using, repair=False),
        ]
        if repair:
            self.repair(keys, using)
        return differences

    def repair(self, keys: Batch, using: str) -> int:
        """Returns how many resources were wrong."""
        suspects = self._suspects(keys, using)
        if self._number is None:
            raise TypeError("a pass that is no part of a rebuild repairs nothing")
        if suspects:
            Loading(self._model, self._keys, self._number).load_again(suspects, using)
        return len(suspects)

    def _suspects(self, keys: Batch, using: str) -> list[ResourceKey]:
        if keys.suspects is None:
            wrong = self._wrong(keys, using)
            keys.suspects = [key for key in keys.resources if key in wrong]
        return keys.suspects

    def _wrong(self, keys: Batch, using: str) -> set[ResourceKey]:
        known: dict[ResourceKey, str] = {}
        sums: dict[str, Sums] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
        wrong: set[str] = set()
        # For who has no uid, numbers that nobody has: their follows are found missing.
        unknown = (f"-{number}" for number in count(1))
        with numbered(using, keys.between) as follows:
            for page in follows.resources():
                (answer,) = self._model.connection.run([uids.look_up(page, self._keys)])
                found = uids.found(page, answer)
                ends = {key: found.get(key) or next(unknown) for key in page}
                follows.learn(ends)
                known |= {key: uid for key, uid in ends.items() if key in keys.between.resources}
            for some in chunks(self._parts(follows.members_in_order(), sums), CALLS_AT_ONCE):
                wrong.update(self._answered(some))
        names = {uid: key for key, uid in known.items()}
        stored = ((uid, key, sums[uid]) for uid, key in names.items() if not uid.startswith("-") or uid in sums)
        for some in chunks(self._sums(stored), CALLS_AT_ONCE):
            wrong.update(self._answered(some))
        return {names[uid] for uid in wrong}

    def _parts(self, members: Iterable[Members], sums: Mapping[str, Sums]) -> Iterator[Sequence[Any]]:
        """Calls for the parts of sets; what they add up to is put into `sums`."""
        arguments: list[Any] = []
        in_call = 0
        for uid, what, kind, number, texts in members:
            side = what == FOLLOWINGS
            start = sums[str(uid)][kind][side]
            sums[str(uid)][kind][side] += number
            digest = sha1(texts.encode(), usedforsecurity=False).hexdigest()
            arguments += (uid, what, kind_of(kind), start, number, digest)
            in_call += number
            if in_call >= MEMBERS_PER_CALL or len(arguments) >= 6 * PARTS_PER_CALL:
                yield DIGEST([], self._keys.uids, *arguments)
                arguments, in_call = [], 0
        if arguments:
            yield DIGEST([], self._keys.uids, *arguments)

    def _sums(self, stored: Iterable[tuple[str, ResourceKey, Sums]]) -> Iterator[Sequence[Any]]:
        registered = {options.get_identifier() for options in registry}
        for some in chunks(stored, RESOURCES_PER_CALL):
            kinds = sorted(registered.union(*(sums.keys() for _, _, sums in some)))
            arguments: list[Any] = [len(kinds), *map(kind_of, kinds)]
            for uid, key, sums in some:
                arguments += (uid, *key, len(sums))
                for kind, numbers in sums.items():
                    arguments += (kind_of(kind), *numbers)
            yield SUMS([], self._keys.uids, *arguments)

    def _answered(self, calls: Iterable[Sequence[Any]]) -> Iterator[str]:
        for answer in self._model.connection.run(calls):
            yield from map(text, answer)
