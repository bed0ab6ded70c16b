"""Resources by number: the members of the sorted sets are short, and a name is stored once."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from sequere.backends.redis.keys import FollowKeys
from sequere.backends.redis.scripts import ASSIGN_UIDS
from sequere.base import ResourceKey
from sequere.redis.connection import Connection, text
from sequere.sql.chunks import chunks

#: Resources that one call of the script gives uids.
RESOURCES_PER_ASSIGNMENT = 250

#: The uids of some resources; those without one are left out.
Uids = Mapping[ResourceKey, str]


def look_up_uids(resources: Iterable[ResourceKey], keys: FollowKeys) -> tuple[str, ...]:
    """The command that reads the uids of resources; `found_uids()` reads its answer."""
    return ("MGET", *map(keys.name, resources))


def found_uids(resources: Iterable[ResourceKey], answer: Iterable[Any]) -> dict[ResourceKey, str]:
    return {key: text(uid) for key, uid in zip(resources, answer, strict=True) if uid is not None}


def assign_uids(resources: Collection[ResourceKey], connection: Connection, keys: FollowKeys) -> dict[ResourceKey, str]:
    """Give uids to resources that have none; where another process is faster, its uids count. 2 round trips."""
    uids: dict[ResourceKey, str] = {}
    while missing := [key for key in resources if key not in uids]:
        (last,) = connection.run([("INCRBY", keys.last_uid, len(missing))])
        first = int(last) - len(missing) + 1
        parts = chunks(enumerate(missing, first), RESOURCES_PER_ASSIGNMENT)
        answers = connection.run(_assignment(part, keys) for part in parts)
        uids |= found_uids(missing, chain.from_iterable(answers))
    return uids


def _assignment(numbered: Iterable[tuple[int, ResourceKey]], keys: FollowKeys) -> tuple[Any, ...]:
    """The command that gives uids to resources."""
    places: list[str] = []
    values: list[Any] = []
    for uid, key in numbered:
        places += (keys.name(key), keys.resource(str(uid)))
        values += (uid, *key)
    return ASSIGN_UIDS(places, *values)


def named_by(uids: Sequence[str], connection: Connection, keys: FollowKeys) -> list[ResourceKey | None]:
    """The resources with these uids; None for a uid that nobody has. 1 round trip."""
    answers = connection.run(("HMGET", keys.resource(uid), "identifier", "object_id") for uid in uids)
    return [None if None in name else ResourceKey(*map(text, name)) for name in answers]
