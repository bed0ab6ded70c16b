"""A lost read model, filled from the log: nobody reads it, so nothing is compared; but others write to it meanwhile.

The rebuild has drawn a number, as every writer does, before anything is read from the log, and takes no locks. Its
processes share the number, and the resources; each loads all sides of its own ones. An event that is not in
what he reads was committed later, so the drain that applies it has a larger number, and finds the uids of the resources
that he has named. If it comes first, the resource refuses what was read; if it comes second, it changes what was
loaded. So nothing is missed, and nothing older is put over it. A drain with a smaller number has written only what the
log said before; if it comes second, it is refused, and applies its events with another number.

What was refused is loaded again with its resources locked, from a log that says nothing new about them meanwhile.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from django.db import models

from sequere.backends.redis import uids
from sequere.backends.redis.counts import Counts
from sequere.backends.redis.keys import FOLLOWINGS, Keys, kind_of
from sequere.backends.redis.numbered import Around, Members, around, between, numbered
from sequere.backends.redis.scripts import LOAD
from sequere.base import ResourceKey
from sequere.exceptions import ReadModelLost
from sequere.log.locks import KEY, Resource, lock
from sequere.projections.reconciler import Cursor, Difference, Page, RowPass
from sequere.redis.connection import text
from sequere.redis.model import SECONDS_TO_GO_ON, RedisModel
from sequere.sql.chunks import chunks

#: Members of sets after which a call of the script ends: what it does holds up everybody else.
MEMBERS_PER_CALL = 1000
#: Calls that are sent together.
CALLS_AT_ONCE = 20
#: Resources that are loaded together: those at the other ends are looked up each time.
RESOURCES_AT_ONCE = 10_000

#: How many follows a call of the script loads, and the call.
Call = tuple[int, Sequence[Any]]


class Loading:
    """Puts sides of live follows of the log into Redis, under one number.

    In Python there are the resources whose sides they are, and the rows that are on their way. What else grows with the
    log, the names with their uids and the order of the rows, is left to the database and its disk.
    """

    def __init__(self, model: RedisModel, keys: Keys, number: int, *, is_empty: bool = False) -> None:
        """`number` is that of a rebuild. Where the server `is_empty`, whatever is found has come in between."""
        self._model = model
        self._connection = model.connection
        self._keys = keys
        self._number = number
        self._mark = model.mark(number)
        self._is_empty = is_empty
        #: The uids of resources around which somebody else has written.
        self.refused: set[str] = set()

    def load(self, wanted: Around, using: str) -> int:
        """Load all sides of some resources; returns how many others they follow. Raises ReadModelLost."""
        with numbered(using, wanted) as follows:
            for page in follows.resources():
                follows.learn(self._uids_of(page, wanted.resources))
            return self._write(follows.members())

    def load_again(self, resources: Sequence[ResourceKey], using: str) -> None:
        """Load what is there of resources that are locked, give them their names, and remove what is too much."""
        while True:
            again = Loading(self._model, self._keys, self._number)
            again._number, _ = self._model.draw([])
            again.load(around(resources), using)
            if not again.refused:  # by another rebuild, which has drawn a number meanwhile
                break
        (answer,) = self._connection.run([uids.look_up(resources, self._keys)])
        self._connection.run(
            ("HSET", self._keys.resource(uid), "identifier", key.identifier, "object_id", key.object_id)
            for key, uid in uids.found(resources, answer).items()
        )
        Counts(self._model, self._keys).compare(resources, using, repair=True)

    def _uids_of(self, page: Sequence[ResourceKey], wanted: Collection[ResourceKey]) -> uids.Uids:
        """The uids of resources, of which those that are wanted are told their names as well. 3 round trips."""
        others = [key for key in page if key not in wanted]
        (answer,) = self._connection.run([uids.look_up(others, self._keys)]) if others else ((),)
        known = uids.found(others, answer)
        return {**known, **uids.hand_out([key for key in page if key not in known], self._connection, self._keys)}

    def _write(self, members: Iterable[Members]) -> int:
        loaded = 0
        for some in chunks(self._calls(members), CALLS_AT_ONCE):
            for refused in self._connection.run(call for _, call in some):
                if refused is None:  # something is missing, and uids are those of others
                    raise ReadModelLost(server=self._connection.server, projection="follows")
                self.refused.update(map(text, refused))
            loaded += sum(number for number, _ in some)
        return loaded

    def _calls(self, members: Iterable[Members]) -> Iterator[Call]:
        arguments: list[Any] = []
        in_call = followings = 0
        for uid, what, kind, number, texts in members:
            arguments += (uid, what, kind_of(kind), texts)
            in_call += number
            followings += number if what == FOLLOWINGS else 0
            if in_call >= MEMBERS_PER_CALL:
                yield followings, self._call(arguments)
                arguments, in_call, followings = [], 0, 0
        yield followings, self._call(arguments)

    def _call(self, arguments: Sequence[Any]) -> Sequence[Any]:
        first = (self._number, SECONDS_TO_GO_ON, self._keys.uids, int(self._is_empty))
        return LOAD([self._mark], *first, *arguments)


class LoadPass(RowPass):
    """All resources, each with both of its sides, without locks.

    What was there before is overwritten, but not removed; if there was anything, all resources are counted afterwards.
    """

    name = "resources"
    columns = KEY
    size = RESOURCES_AT_ONCE

    def __init__(self, model: RedisModel, keys: Keys, number: int, *, was_empty: bool) -> None:
        self._model = model
        self._keys = keys
        self._number = number
        self._was_empty = was_empty

    def rows(self, using: str) -> "models.QuerySet[Any]":
        return Resource.objects.using(using)

    def page(self, after: Cursor, until: Cursor, using: str) -> Page:
        rows, number, end = super().page(after, until, using)
        return Page(rows and between(rows, after, end or until), number, end)

    def keys(self, rows: list[Any], using: str) -> Any:
        return {ResourceKey(*row) for row in rows}

    def differs(self, keys: Around, using: str) -> bool:
        return True

    def resources(self, keys: Around, using: str) -> Collection[ResourceKey]:
        return ()

    def compare(self, keys: Around, using: str, *, repair: bool) -> list[Difference]:
        loaded = self.repair(keys, using)
        return [Difference(f"follows of {len(keys.resources)} resources", loaded, "none")] if loaded else []

    def repair(self, keys: Around, using: str) -> int:
        loading = Loading(self._model, self._keys, self._number, is_empty=self._was_empty)
        loaded = loading.load(keys, using)
        if loading.refused:
            names = uids.names(sorted(loading.refused), self._model.connection, self._keys)
            if None in names:
                raise ReadModelLost(server=self._model.connection.server, projection="follows")
            refused = sorted(name for name in names if name)
            lock(refused, using)
            loading.load_again(refused, using)
        return loaded
