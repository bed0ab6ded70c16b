"""Short numbers for what entries are filtered by: verbs, kinds of targets, and targets.

They are the fields of one hash, `names`; the numbers are handed out once, and lost only with all that is written in
them. A target has a number for each generation, so that an action upon something deleted is none upon what has its key
now. The present generation is a field too; none is generation 0.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sequere.base import ResourceKey
from sequere.redis.connection import Connection, text
from sequere_timeline.backends.base import Filters
from sequere_timeline.backends.redis.keys import Keys
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


#: Names and their numbers.
Numbers = Mapping[str, str]


def look_up(names: Collection[str], keys: Keys) -> tuple[Any, ...]:
    """The command that answers the numbers of names."""
    return ("HMGET", keys.names, *(names or [""]))


def found(names: Collection[str], answer: Sequence[Any]) -> Numbers:
    """The numbers of those names that have one."""
    return {name: text(number) for name, number in zip(names, answer, strict=False) if number is not None}


def hand_out(names: Collection[str], answer: Sequence[Any], connection: Connection) -> Numbers:
    """The numbers of all these names, after a look. 2 round trips where one has none yet."""
    known = found(names, answer)
    if missing := [name for name in dict.fromkeys(names) if name not in known]:
        keys = Keys(connection)
        (last,) = connection.run([("INCRBY", keys.last_number, len(missing))])
        candidates = range(int(last) - len(missing) + 1, int(last) + 1)
        # Two writers may want the same name: the first one gives it its number.
        offers = [("HSETNX", keys.names, name, to_digits(n)) for name, n in zip(missing, candidates, strict=True)]
        *_, answer = connection.run([*offers, look_up(missing, keys)])
        known = {**known, **found(missing, answer)}
    return known


def kind_of(life: Life, numbers: Numbers) -> str:
    """What an entry says of an action besides its id; what has no number is in no entry."""
    return ".".join(numbers.get(name, "") for name in of_life(life))
