"""A lost read model, filled from the log: nobody reads it, so nothing is compared; but others write to it meanwhile.

Whoever fills draws a number, as every writer does, before he reads the log, and takes no locks. An event that is not in
what he reads was committed later, so the drain that applies it has a larger number, and finds the uids of the resources
that he has named. If it comes first, the resource refuses what was read; if it comes second, it changes what was
loaded. So nothing is missed, and nothing older is put over it. A drain with a smaller number has written only what the
log said before; if it comes second, it is refused, and applies its events with another number.

What was refused is loaded again with its resources locked, from a log that says nothing new about them meanwhile.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from django.db import models

from sequere.backends import recorded
from sequere.backends.redis import uids
from sequere.backends.redis.connection import text
from sequere.backends.redis.count_pass import CountPass, Page, StrayPass
from sequere.backends.redis.keys import Keys, kind_of
from sequere.backends.redis.model import RedisModel
from sequere.backends.redis.numbered import Members, numbered
from sequere.backends.redis.scripts import LOAD
from sequere.base import ResourceKey
from sequere.chunks import chunks
from sequere.exceptions import ReadModelLost
from sequere.projectors import Difference, Filled, Pass, Progress
from sequere.resources import Resource

#: Members of sets after which a call of the script ends: what it does holds up everybody else.
MEMBERS_PER_CALL = 1000
#: Calls that are sent together.
CALLS_AT_ONCE = 20
#: How long the mark of a load stays without a call: the database may have much to sort before the first one.
SECONDS_BETWEEN_CALLS = 24 * 60 * 60
#: Resources that are locked together.
RESOURCES_AT_ONCE = 100

#: How many members a call of the script loads, and the call.
Call = tuple[int, Sequence[Any]]


class Loading:
    """Puts live follows of the log into Redis, on both of their sides, under one number.

    In Python there are the rows that are on their way, and the uids that were refused. What else grows with the log,
    the names with their uids and the order of the rows, is left to the database and its disk.
    """

    def __init__(self, model: RedisModel, keys: Keys, *, is_empty: bool) -> None:
        """Where the server `is_empty`, whatever is found has come in between."""
        self._connection = model.connection
        self._is_empty = is_empty
        self._keys = keys
        self._token, _ = model.draw([])
        self._mark = keys.load(self._token)
        self._connection.run([("SET", self._mark, 1, "EX", SECONDS_BETWEEN_CALLS)])
        #: The uids of resources around which somebody else has written.
        self.refused: set[str] = set()

    def name(self, resources: Iterable[list[ResourceKey]]) -> Iterator[uids.Uids]:
        """Give pages of resources their uids. 2 round trips for each."""
        for page in resources:
            yield uids.hand_out(page, self._connection, self._keys)

    def write(self, members: Iterable[Members]) -> Iterator[int]:
        """Load both sides of follows, to the end; tells how many follows are loaded. Raises ReadModelLost."""
        loaded = 0
        for some in chunks(self._calls(members), CALLS_AT_ONCE):
            for refused in self._connection.run(call for _, call in some):
                self._see_to_it(refused is not None)
                self.refused.update(map(text, refused))
            loaded += sum(number for number, _ in some)
            yield loaded // 2
        (is_marked,) = self._connection.run([("UNLINK", self._mark)])
        self._see_to_it(is_marked)

    def _see_to_it(self, is_marked: bool) -> None:
        """On a server that was emptied meanwhile something is missing, and uids are those of others."""
        if not is_marked:
            raise ReadModelLost(server=self._connection.server, projection="follows")

    def _calls(self, members: Iterable[Members]) -> Iterator[Call]:
        arguments: list[Any] = []
        loaded = 0
        for uid, what, kind, number, texts in members:
            arguments += (uid, what, kind_of(kind), texts)
            loaded += number
            if loaded >= MEMBERS_PER_CALL:
                yield loaded, self._call(arguments)
                arguments, loaded = [], 0
        yield loaded, self._call(arguments)

    def _call(self, arguments: Sequence[Any]) -> Sequence[Any]:
        first = (self._token, SECONDS_BETWEEN_CALLS, self._keys.uids, int(self._is_empty))
        return LOAD([self._mark], *first, *arguments)


def fill(model: RedisModel, keys: Keys, using: str, progress: Progress | None) -> Filled:
    """Load all live follows, without locks.

    What was there before is overwritten, but not removed; if there was anything, all resources are counted afterwards.
    """
    was_empty = next(model.connection.keys("uid:*"), None) is None
    loading = Loading(model, keys, is_empty=was_empty)
    named = loaded = 0
    with numbered(using) as follows:
        tell = _telling("resources", Resource.objects.using(using), progress)
        for known in loading.name(follows.resources()):
            follows.learn(known)
            named += len(known)
            tell(named)
        tell = _telling("follows", recorded.relations(using), progress)
        for loaded in loading.write(follows.members()):
            tell(loaded)
    passes: list[Pass] = [RefusedPass(sorted(loading.refused), model, keys)] if loading.refused else []
    if not was_empty:
        passes += [CountPass(model, keys), StrayPass(model, keys)]
    return Filled(loaded, passes)


class RefusedPass(Pass):
    """The resources that have refused what was loaded, once more."""

    name = "refused"

    def __init__(self, refused: Sequence[str], model: RedisModel, keys: Keys) -> None:
        self._refused = refused
        self._model = model
        self._keys = keys

    def total(self, using: str) -> int:
        return len(self._refused)

    def batches(self, using: str) -> Iterator[list[ResourceKey]]:
        for some in chunks(self._refused, RESOURCES_AT_ONCE):
            names = uids.names(some, self._model.connection, self._keys)
            if None in names:
                raise ReadModelLost(server=self._model.connection.server, projection="follows")
            yield [name for name in names if name]

    def differs(self, keys: list[ResourceKey], using: str) -> bool:
        return True

    def resources(self, keys: list[ResourceKey], using: str) -> Collection[ResourceKey]:
        return keys

    def compare(self, keys: list[ResourceKey], using: str, *, repair: bool) -> list[Difference]:
        """Load what is there of the resources, which are locked, and remove what is too much."""
        while self._load(keys, using):  # another load has drawn a number meanwhile
            pass
        counts = CountPass(self._model, self._keys)
        return counts.compare(Page(keys, uids.Memory(self._model.connection, self._keys)), using, repair=repair)

    def _load(self, keys: list[ResourceKey], using: str) -> set[str]:
        loading = Loading(self._model, self._keys, is_empty=False)
        around: set[int] = set()
        with numbered(using, keys) as follows:
            for known in loading.name(follows.resources()):
                follows.learn(known)
                around.update(int(known[key]) for key in keys if key in known)
            for _ in loading.write(row for row in follows.members() if row[0] in around):
                pass
        return loading.refused


def _telling(name: str, rows: models.QuerySet[Any], progress: Progress | None) -> Callable[[int], None]:
    """Call it with how many of the rows are done."""
    if progress is None:
        return lambda done: None
    total = rows.count()
    return lambda done: progress(name, done, max(done, total))
