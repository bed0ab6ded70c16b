"""Short numbers for the names that entries are filtered by: verbs, kinds of targets, and targets.

They are fields of one hash, `names`. A name keeps its number for good; numbers are lost only together with all entries.
A target has a number for each generation, so that an action upon a deleted target is not found as one upon a new target
with the same key. The present generation is a field too; without it, it is 0.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sequere.base import ResourceKey
from sequere.redis.connection import Connection, text
from sequere_timeline.backends.base import Filters
from sequere_timeline.backends.redis.keys import TimelineKeys
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


def of_lives(lives: Iterable[Life]) -> list[str]:
    return [name for life in lives for name in of_life(life)]


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
NameNumbers = Mapping[str, str]


def look_up_numbers(names: Collection[str], keys: TimelineKeys) -> tuple[Any, ...]:
    """The command that reads the numbers of names; `found_numbers()` and `assigned_numbers()` read its answer."""
    return ("HMGET", keys.names, *(names or [""]))


def found_numbers(names: Collection[str], answer: Sequence[Any]) -> NameNumbers:
    """The numbers of the names that have one."""
    return {name: text(number) for name, number in zip(names, answer, strict=False) if number is not None}


def assigned_numbers(names: Collection[str], answer: Sequence[Any], connection: Connection) -> NameNumbers:
    """The numbers of all names; those without one get it. 2 round trips if there are any, none otherwise."""
    known = found_numbers(names, answer)
    if missing := [name for name in dict.fromkeys(names) if name not in known]:
        keys = TimelineKeys(connection)
        (last,) = connection.run([("INCRBY", keys.last_number, len(missing))])
        candidates = range(int(last) - len(missing) + 1, int(last) + 1)
        # Another writer may assign a number to the same name: the first one counts.
        offers = [("HSETNX", keys.names, name, to_digits(n)) for name, n in zip(missing, candidates, strict=True)]
        *_, answer = connection.run([*offers, look_up_numbers(missing, keys)])
        known = {**known, **found_numbers(missing, answer)}
    return known


def entry_kind(life: Life, numbers: NameNumbers) -> str:
    """The end of an entry: what filters ask for. A name without a number is in no entry."""
    return ".".join(numbers.get(name, "") for name in of_life(life))
