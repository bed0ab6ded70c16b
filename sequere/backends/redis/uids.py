"""Resources by number: what is in the sorted sets is short, and a name is stored once."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from sequere.backends.redis.connection import Connection, text
from sequere.backends.redis.keys import Keys
from sequere.backends.redis.scripts import NAME
from sequere.base import ResourceKey
from sequere.chunks import chunks
from sequere.exceptions import ReadModelLost

#: Resources that one call of a script gives a uid.
NAMES_PER_CALL = 250

#: Those of the resources that have one.
Uids = Mapping[ResourceKey, str]


def look_up(names: Iterable[ResourceKey], keys: Keys) -> tuple[str, ...]:
    """The command that reads the uids of resources; `found()` makes sense of its answer."""
    return ("MGET", *map(keys.name, names))


def found(names: Iterable[ResourceKey], answer: Iterable[Any]) -> dict[ResourceKey, str]:
    return {name: text(uid) for name, uid in zip(names, answer, strict=True) if uid is not None}


def hand_out(names: Collection[ResourceKey], connection: Connection, keys: Keys) -> dict[ResourceKey, str]:
    """The uids of resources that had none; whoever comes second takes that of the first one. 2 round trips."""
    uids: dict[ResourceKey, str] = {}
    while missing := [name for name in names if name not in uids]:
        (last,) = connection.run([("INCRBY", keys.last_uid, len(missing))])
        first = int(last) - len(missing) + 1
        answers = connection.run(_named(some, keys) for some in chunks(enumerate(missing, first), NAMES_PER_CALL))
        uids |= found(missing, chain.from_iterable(answers))
    return uids


def _named(numbered: Iterable[tuple[int, ResourceKey]], keys: Keys) -> tuple[Any, ...]:
    """The command that gives uids to resources."""
    places: list[str] = []
    values: list[Any] = []
    for uid, name in numbered:
        places += (keys.name(name), keys.resource(str(uid)))
        values += (uid, *name)
    return NAME(places, *values)


def names(uids: Sequence[str], connection: Connection, keys: Keys) -> list[ResourceKey | None]:
    """The resources with these uids; None where nobody knows. 1 round trip."""
    answers = connection.run(("HMGET", keys.resource(uid), "identifier", "object_id") for uid in uids)
    return [None if None in name else ResourceKey(*map(text, name)) for name in answers]


#: Uids that a walk remembers: about 200 bytes each.
REMEMBERED = 200_000


class Memory:
    """The uids that a walk over many pages has met already.

    On a server that is emptied meanwhile they may be those of others by now. Then the last uid is a smaller one.
    """

    def __init__(self, connection: Connection, keys: Keys) -> None:
        self.known: dict[ResourceKey, str] = {}
        self._connection = connection
        self._keys = keys
        self._last = 0

    def look_up(self, names: Collection[ResourceKey]) -> tuple[tuple[str, ...], list[ResourceKey]]:
        """The command that reads what is not known of `names`, and what that is, for `learn()`."""
        if len(self.known) > REMEMBERED:
            self.known = {}
        unknown = [name for name in names if name not in self.known]
        command, *arguments = look_up(unknown, self._keys)
        return (command, self._keys.last_uid, *arguments), unknown

    def learn(self, unknown: Sequence[ResourceKey], answer: Sequence[Any]) -> Uids:
        """All that is known. Raises ReadModelLost."""
        last, *uids = answer
        if int(last or 0) < self._last:
            raise ReadModelLost(server=self._connection.server, projection="follows")
        self.remember(found(unknown, uids))
        return self.known

    def remember(self, uids: Uids) -> None:
        self.known |= uids
        self._last = max(self._last, *map(int, uids.values()), 0)
