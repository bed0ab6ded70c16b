"""Short numbers for what entries are filtered by: verbs, kinds of targets, targets, and actors.

The database hands them out: a verb and a kind have a number, a resource has its uid. The hash `names` is the copy of
the server, from which its scripts know what a filter means. A target is its uid and its generation, so that an action
upon a deleted target is not found as one upon a new target with the same key. The present generation is a field too;
without it, it is 0.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from sequere.base import ResourceKey
from sequere.log.numbers import KIND, VERB, number_names
from sequere.log.uids import numbers_of
from sequere_timeline.backends.base import Filters
from sequere_timeline.backends.redis.members import to_digits
from sequere_timeline.history import Life


def of_verb(verb: str) -> str:
    return f"verb:{verb}"


def of_kind(identifier: str) -> str:
    return f"kind:{identifier}"


def of_target(key: ResourceKey) -> str:
    return f"target:{key}"


def of_generation(key: ResourceKey) -> str:
    return f"generation:{key}"


def number_of_target(uid: int, generation: int) -> str:
    """A target as entries say it."""
    return f"{to_digits(uid)}:{generation}" if generation else to_digits(uid)


class NameNumbers(NamedTuple):
    """The numbers of what some actions name."""

    verbs: Mapping[str, int]
    kinds: Mapping[str, int]
    uids: Mapping[ResourceKey, int]
    #: Those of the resources that are suspended.
    suspended: Collection[ResourceKey] = ()

    def saved_directly(self, life: Life) -> set[ResourceKey]:
        """The owners of the timelines that have an action because it was saved there."""
        return set() if life.actor in self.suspended else {*life.owners} - {life.actor}

    def fields(self, life: Life) -> dict[str, str]:
        """What the server knows of an action: names, and their numbers."""
        fields = {of_verb(life.verb): to_digits(self.verbs[life.verb])}
        if life.target:
            fields[of_kind(life.target.identifier)] = to_digits(self.kinds[life.target.identifier])
            fields[of_target(life.target)] = to_digits(self.uids[life.target])
        return fields

    def entry_kind(self, life: Life) -> str:
        """The end of an entry: what filters ask for, and the actor."""
        kind = target = ""
        if life.target:
            kind = to_digits(self.kinds[life.target.identifier])
            target = number_of_target(self.uids[life.target], life.target_generation)
        return f"{to_digits(self.verbs[life.verb])}.{kind}.{target}.{to_digits(self.uids[life.actor])}"


def numbers_for(lives: Collection[Life], using: str) -> NameNumbers:
    """The numbers of everything that actions name. 1 query, and 3 more if verbs have none; none for no actions."""
    if not lives:
        return NameNumbers({}, {}, {})
    verbs = {life.verb for life in lives}
    targets = {life.target for life in lives if life.target}
    kinds = {target.identifier for target in targets}
    keys = {*targets, *(life.actor for life in lives)}
    names = [*((VERB, verb) for verb in verbs), *((KIND, kind) for kind in kinds)]
    numbers, uids, suspended = numbers_of(names, keys, using)
    if len(numbers) < len(names):  # they were recorded while nothing knew them by numbers
        number_names(VERB, verbs, using)
        number_names(KIND, kinds, using)
        numbers, uids, suspended = numbers_of(names, keys, using)
    return NameNumbers(
        verbs={verb: numbers[VERB, verb] for verb in verbs},
        kinds={kind: numbers[KIND, kind] for kind in kinds},
        uids=uids,
        suspended=suspended,
    )


def of_filters(filters: Filters) -> list[str]:
    """The arguments of a script that filters: the names of verb and kind, and the target; empty for any."""
    verb, identifier, object_id = filters
    target = ResourceKey(identifier, object_id) if identifier and object_id is not None else None
    return [
        of_verb(verb) if verb is not None else "",
        of_kind(identifier) if identifier is not None else "",
        str(target) if target else "",
    ]


def fields_for(lives: Iterable[Life], numbers: NameNumbers) -> dict[str, str]:
    """What the server knows of actions."""
    return {name: number for life in lives for name, number in numbers.fields(life).items()}
