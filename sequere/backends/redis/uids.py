"""Resources by number: what is in the sorted sets is short, and a name is stored once."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from sequere.backends.redis.keys import Keys
from sequere.backends.redis.scripts import NAME
from sequere.base import ResourceKey
from sequere.redis.connection import Connection, text
from sequere.sql.chunks import chunks

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
