"""Lua scripts. Each is one atomic step on the server, and stands in a file of its own: `lua/<name>.lua` of a package.

A line `-- include NAME` in it stands for the text of the fragment `lua/_NAME.lua`, of the same package or of this one.
A fragment may include others; each is included once.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from importlib.resources import files
from typing import Any

_SHARED = "sequere.redis"
_INCLUDE = re.compile(r"-- include (\w+)")


@dataclass(frozen=True, slots=True)
class Script:
    """A script, which is sent once, and called by its SHA-1 from then on.

    Running it twice must do no harm: a call of several scripts is repeated if the server did not know all of them.
    """

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha", sha1(self.text.encode(), usedforsecurity=False).hexdigest())

    def __call__(self, keys: Sequence[str], *args: Any) -> tuple[Any, ...]:
        """The command that runs it."""
        return ("EVALSHA", self, len(keys), *keys, *args)


def load(package: str, name: str) -> Script:
    """The script in `lua/<name>.lua` of a package, with everything that it includes."""
    return Script("\n".join(_lines(package, name, set())))


def _lines(package: str, name: str, included: set[str]) -> Iterator[str]:
    for line in (files(package) / "lua" / f"{name}.lua").read_text("utf-8").splitlines():
        include = _INCLUDE.fullmatch(line)
        if include is None:
            yield line
        elif include[1] not in included:
            included.add(include[1])
            fragment = f"_{include[1]}"
            is_own = (files(package) / "lua" / f"{fragment}.lua").is_file()
            yield from _lines(package if is_own else _SHARED, fragment, included)
