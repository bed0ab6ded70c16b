"""A lost read model, loaded from the log. Nothing is compared, since nobody reads it; but others write to it meanwhile.

The rebuild draws a token, as every writer does, before anything is read from the log, and takes no locks. Its processes
share the token and divide the resources; each loads all sides of its own ones. An event that is missing in what a
process reads is committed later, so the drain that applies it has a larger token. If the drain comes first, the
resource refuses what was read; if it comes second, it changes what was loaded. So nothing is missed, and nothing newer
is overwritten. A drain with a smaller token has written only what the log said before; if it comes second, it is
refused, and applies its events with another token.

Refused resources are locked, so that the log says nothing new about them, and loaded again. What is applied without
locks has no token: as long as the model is loaded, nothing is (`RedisModel.start_rebuild()`).
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any

from sequere.backends.redis.batches import Batch
from sequere.backends.redis.counts import Counts
from sequere.backends.redis.follows_by_uid import Around, Members, around
from sequere.backends.redis.graphs import PLAIN
from sequere.backends.redis.keys import FOLLOWINGS, FollowKeys, kind_in_key
from sequere.backends.redis.scripts import LOAD_SIDES
from sequere.backends.redis.uids import Uids, store_names
from sequere.base import ResourceKey
from sequere.log.locks import lock
from sequere.log.reading import last_id
from sequere.projections.reconciler import Comparison, Difference
from sequere.redis.fencing import LockedWriter
from sequere.redis.read_model import SECONDS_TO_RESUME, RebuildStart, RedisModel
from sequere.sql.chunks import chunks

#: Members of sets after which a call of the script ends, since it blocks the server.
MEMBERS_PER_LOAD = 1000
#: Calls that are sent together.
LOADS_AT_ONCE = 20

#: How many follows a call of the script loads, and the call.
Call = tuple[int, Sequence[Any]]


class Loading:
    """Puts sides of the live follows of the log into Redis, with one token.

    Python keeps only the resources whose sides are loaded, and the rows that are being sent. Everything else that grows
    with the log, such as names with their uids and the order of the rows, is left to the database and its disk.
    """

    def __init__(
        self,
        model: RedisModel,
        keys: FollowKeys,
        token: int,
        *,
        writes_as: LockedWriter | None = None,
        is_empty: bool = False,
    ) -> None:
        """`token` is that of a rebuild, with which it writes unless it is a writer with locks. If the server is empty,
        everything found there was written since."""
        self._model = model
        self._connection = model.connection
        self._keys = keys
        self._token = token
        self._writes_as = writes_as
        self._mark = model.mark(token)
        self._is_empty = is_empty
        #: The uids of resources around which another process has written.
        self.refused: set[int] = set()

    def load(self, wanted: Around, using: str) -> int:
        """Load all sides of some resources, and their names; returns how many others they follow. Raises
        ReadModelLost."""
        store_names(wanted.named(using), self._connection, self._keys)
        with closing(wanted.members(using)) as members:
            return self._write(members)

    def load_again(self, uids: Uids, using: str) -> None:
        """Load the sides and the names of locked resources, and remove what does not belong there."""
        while True:
            token, _ = self._model.draw([], using)
            writer = LockedWriter(token, last_id(using))
            again = Loading(self._model, self._keys, self._token, writes_as=writer)
            again.load(around(uids), using)
            if not again.refused:  # by another rebuild, which has drawn a token meanwhile
                break
        Counts(self._model, self._keys).compare(uids, using, repair=True)

    def _write(self, members: Iterable[Members]) -> int:
        loaded = 0
        for some in chunks(self._calls(members), LOADS_AT_ONCE):
            for refused in self._connection.run(call for _, call in some):
                if refused is None:  # the server was emptied, and somebody may have loaded it meanwhile
                    raise self._connection.lost()
                self.refused.update(map(int, refused))
            loaded += sum(number for number, _ in some)
        return loaded

    def _calls(self, members: Iterable[Members]) -> Iterator[Call]:
        arguments: dict[int, list[Any]] = {PLAIN: []}  # by graph
        in_call = followings = 0
        for uid, what, graph, kind, number, texts in members:
            arguments.setdefault(graph, []).extend((uid, what, kind_in_key(kind), texts))
            in_call += number
            followings += number if what == FOLLOWINGS else 0
            if in_call >= MEMBERS_PER_LOAD:
                yield from self._calls_for(arguments, followings)
                arguments, in_call, followings = {}, 0, 0
        yield from self._calls_for(arguments, followings)

    def _calls_for(self, by_graph: dict[int, list[Any]], followings: int) -> Iterator[Call]:
        for graph, arguments in by_graph.items():
            yield followings, self._call(graph, arguments)
            followings = 0

    def _call(self, graph: int, arguments: Sequence[Any]) -> Sequence[Any]:
        keys = self._keys.in_graph(graph)
        token, last_event = self._writes_as or (self._token, "")
        first = (token, SECONDS_TO_RESUME, keys.uids, keys.sets, int(self._is_empty), last_event)
        return LOAD_SIDES([self._mark, self._model.note], *first, *arguments)


class LoadComparison(Comparison):
    """Loads both sides of resources, without comparing or locking them.

    Existing members are overwritten, but not removed.
    """

    compares = False

    def __init__(self, model: RedisModel, keys: FollowKeys, start: RebuildStart) -> None:
        self._model = model
        self._keys = keys
        self._start = start

    def differs(self, keys: Batch, using: str) -> bool:
        return True

    def resources(self, keys: Batch, using: str) -> Collection[ResourceKey]:
        return ()

    def compare(self, keys: Batch, using: str, *, repair: bool) -> list[Difference]:
        loaded = self.repair(keys, using)
        return [Difference(f"follows of {len(keys.uids)} resources", loaded, "none")] if loaded else []

    def repair(self, keys: Batch, using: str) -> int:
        """Returns how many follows were loaded."""
        loading = Loading(self._model, self._keys, self._start.token, is_empty=self._start.was_empty)
        loaded = loading.load(keys.around, using)
        if loading.refused:
            refused = {key: uid for key, uid in keys.uids.items() if uid in loading.refused}
            lock(refused, using)
            loading.load_again(refused, using)
        return loaded
