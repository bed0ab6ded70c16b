"""Keys that are not what their names say, and keys with our prefix whose names are not ours."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sequere.base import ResourceKey
from sequere.projections.reconciler import Comparison, Difference, Reconciler, Uncounted
from sequere.projections.registry import projections
from sequere.redis.connection import Connection, text
from sequere.redis.scanning import ScanKeys
from sequere.redis.scripts import load

CHECK_TYPES = load("sequere.redis", "check_types")

#: Keys that are looked at together.
KEYS_AT_ONCE = 1000

#: The keys about a model as a whole, in each layout.
GLOBAL = {
    r"global:token": "number",
    r"global:built:\w+": "string",
    r"global:log:\w+": "hash checkpoint event floor id",
    r"global:load:\d+": "string",
}


class Layout:
    """The names of keys, without their prefix, and their types, as `check_types.lua` knows them."""

    #: All that there are: two models may have one prefix.
    known: "list[Layout]" = []  # filled when the modules are imported

    def __init__(self, types: Mapping[str, str]) -> None:
        """`types` by regular expressions for whole names: the first one that matches counts. Behind "hash", the fields
        that may be there, if there are no others."""
        self._types = [(re.compile(name, re.DOTALL), type_) for name, type_ in types.items()]
        self.known.append(self)

    def type_of(self, name: str) -> str | None:
        """The type of the key with a name; None if it is not one of ours."""
        return next((type_ for pattern, type_ in self._types if pattern.fullmatch(name)), None)


@dataclass
class TypeComparison(Comparison):
    """Removes keys with names of ours and another type, or with another content than a number; and the fields of hashes
    that have no business there, or are tokens that nobody has drawn. What belongs there is missing then."""

    connection: Connection
    layout: Layout

    def resources(self, keys: Sequence[str], using: str) -> Sequence[ResourceKey]:
        return ()  # nobody can write to such a key

    def compare(self, keys: Sequence[str], using: str, *, repair: bool) -> list[Difference]:
        """1 round trip."""
        start = len(self.connection.prefix)
        types = {key: type_ for key in keys if (type_ := self.layout.type_of(key[start:]))}
        if not types:
            return []
        last_token = self.connection.key("global", "token")
        (wrong,) = self.connection.run([CHECK_TYPES([last_token, *types], int(repair), *types.values())])
        in_order = list(types.items())
        return [
            Difference(
                f"key {in_order[int(place)][0]}", f"a {in_order[int(place)][1].split()[0]}", f"another {text(found)}"
            )
            for place, found in zip(wrong[::2], wrong[1::2], strict=True)
        ]


@dataclass
class ForeignComparison(Comparison):
    """Names keys that somebody else has put under our prefix. They are never removed."""

    repairs = False

    connection: Connection

    def resources(self, keys: Sequence[str], using: str) -> Sequence[ResourceKey]:
        return ()

    def compare(self, keys: Sequence[str], using: str, *, repair: bool) -> list[Difference]:
        """1 round trip, none if all names are ours."""
        start = len(self.connection.prefix)
        ours = tuple({one.where() for one in projections().values()} - {self.connection.prefix, ""})
        others = [
            key
            for key in keys
            if not any(layout.type_of(key[start:]) for layout in Layout.known)
            and not any(key.startswith(prefix) for prefix in ours if len(prefix) > start)
        ]
        nested = self._nested({prefix for key in others for prefix in _prefixes(key, start)})
        return [
            Difference(f"key {key}", "none, since its name is not one of ours", "one")
            for key in others
            if not any(prefix in nested for prefix in _prefixes(key, start))
        ]

    def _nested(self, prefixes: set[str]) -> set[str]:
        """The prefixes of other models, such as those of tenants."""
        asked = sorted(prefixes)
        notes = [[f"{prefix}global:log:{name}" for name in projections()] for prefix in asked]
        found = self.connection.run(("EXISTS", *keys) for keys in notes)
        return {prefix for prefix, number in zip(asked, found, strict=True) if number}


def type_reconciler(connection: Connection, layout: Layout) -> Reconciler:
    return Reconciler("types of keys", _all_keys(connection), TypeComparison(connection, layout))


def foreign_reconciler(connection: Connection) -> Reconciler:
    return Reconciler("foreign keys", _all_keys(connection), ForeignComparison(connection))


class _AllKeys(Uncounted, ScanKeys):
    """All keys under a prefix."""


def _all_keys(connection: Connection) -> ScanKeys:
    return _AllKeys(connection, (("*", ""),), size=KEYS_AT_ONCE)


def _prefixes(key: str, start: int) -> list[str]:
    return [key[: place + 1] for place in range(start, len(key)) if key[place] == ":"]
