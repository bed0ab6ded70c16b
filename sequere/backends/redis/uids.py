"""Resources by number: what is in the sorted sets is short, and a name is stored once."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sequere.backends.redis.connection import Connection, text
from sequere.backends.redis.keys import Keys
from sequere.backends.redis.scripts import NAME
from sequere.base import ResourceKey

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
        numbered = [(str(uid), name) for uid, name in enumerate(missing, first)]
        answers = connection.run(NAME((keys.name(name), keys.resource(uid)), uid, *name) for uid, name in numbered)
        uids |= found(missing, answers)
    return uids


def names(uids: Sequence[str], connection: Connection, keys: Keys) -> list[ResourceKey | None]:
    """The resources with these uids; None where nobody knows. 1 round trip."""
    answers = connection.run(("HMGET", keys.resource(uid), "identifier", "object_id") for uid in uids)
    return [None if None in name else ResourceKey(*map(text, name)) for name in answers]
