"""Long statements, each in a file `sql/NAME.sql` beside the module that sends it.

The comments in a file say what the statement answers or does, its {fragments}, its parameters and its cost. They are
not sent.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable


@cache
def statement(package: str, name: str) -> str:
    """The statement in a file of a package, with its {fragments} still to be filled in."""
    return _read(files(package) / "sql" / f"{name}.sql")


@cache
def statements(package: str, folder: str) -> Mapping[str, str]:
    """All statements in a folder of a package, by their names."""
    found = (files(package) / "sql" / folder).iterdir()
    return {path.name.removesuffix(".sql"): _read(path) for path in sorted(found, key=lambda path: path.name)}


def statements_with(package: str, folder: str, fragments: Mapping[str, str]) -> dict[str, str]:
    """The same, with fragments in the places of their names, such as "{given}"."""
    found = dict(statements(package, folder))
    for place, fragment in fragments.items():
        found = {name: text.replace(place, fragment) for name, text in found.items()}
    return found


def _read(path: Traversable) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("--"))
