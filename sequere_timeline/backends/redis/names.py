"""Short numbers for what entries are filtered by: verbs, kinds of targets, and targets.

They are the fields of one hash, `names`; the numbers are handed out once, and lost only with all that is written in
them. A target has a number for each generation, so that an action upon something deleted is none upon what has its key
now. The present generation is a field too; none is generation 0.
"""

from collections.abc import Collection, Mapping

from sequere.backends.redis.connection import Connection, text
from sequere.base import ResourceKey
from sequere_timeline.backends.base import Filters
from sequere_timeline.backends.redis.members import to_digits
from sequere_timeline.history import Life


def of_verb(verb: str) -> str:
    return f"verb:{verb}"


def of_kind(identifier: str) -> str:
    return f"kind:{identifier}"


def of_target(key: ResourceKey, generation: int) -> str:
    return f"target:{generation}:{key}"


def of_generation(key: ResourceKey) -> str:
    return f"generation:{key}"


def of_life(life: Life) -> list[str]:
    """The names of an action, in the order in which its entries have their numbers."""
    names = [of_verb(life.verb)]
    if life.target:
        names += [of_kind(life.target.identifier), of_target(life.target, life.target_generation)]
    return names


def of_filters(filters: Filters) -> list[str]:
    """The arguments of a script that filters: the names of verb and kind, and the target; empty for any."""
    verb, identifier, object_id = filters
    target = ResourceKey(identifier, object_id) if identifier and object_id is not None else None
    return [
        of_verb(verb) if verb is not None else "",
        of_kind(identifier) if identifier is not None else "",
        str(target) if target else "",
    ]


def numbers(names: Collection[str], connection: Connection, *, hand_out: bool = True) -> Mapping[str, str]:
    """The number of each name; one that has none gets one, if they are to be handed out. 1 round trip, 4 then."""
    key = connection.key("names")
    known = _known(key, list(dict.fromkeys(names)), connection)
    unknown = [name for name, number in known.items() if number is None]
    if unknown and hand_out:
        (last,) = connection.run([("INCRBY", connection.key("global", "name"), len(unknown))])
        candidates = range(int(last) - len(unknown) + 1, int(last) + 1)
        # Two writers may want the same name: the first one gives it its number.
        connection.run(
            ("HSETNX", key, name, to_digits(number)) for name, number in zip(unknown, candidates, strict=True)
        )
        known |= _known(key, unknown, connection)
    return {name: number for name, number in known.items() if number is not None}


def _known(key: str, names: list[str], connection: Connection) -> dict[str, str | None]:
    if not names:
        return {}
    (found,) = connection.run([("HMGET", key, *names)])
    return {name: None if number is None else text(number) for name, number in zip(names, found, strict=True)}


def kind_of(life: Life, numbers: Mapping[str, str]) -> str:
    """What an entry says of an action besides its id; what has no number is in no entry."""
    return ".".join(numbers.get(name, "") for name in of_life(life))
