"""One word, one meaning: no public name is defined in two modules."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: Doorways, in which a verb of the API is offered under its own name: as a view, a task, a tag or an assertion.
DOORWAYS = {"views", "urls", "tasks", "templatetags", "template_tags", "commands", "testing", "apps", "migrations"}

#: Each package has its backends, which hosts name by their dotted paths.
BACKENDS = {"DatabaseBackend", "RedisBackend", "get_backend"}


def test_no_public_name_stands_for_two_things() -> None:
    places = defaultdict(set)
    for path in sorted([*ROOT.glob("sequere/**/*.py"), *ROOT.glob("sequere_timeline/**/*.py")]):
        if DOORWAYS.isdisjoint(path.relative_to(ROOT).with_suffix("").parts):
            for name in public_names(ast.parse(path.read_text())):
                places[name].add(place_of(path))

    assert {name: sorted(found) for name, found in places.items() if len(found) > 1 and name not in BACKENDS} == {}


def place_of(path: Path) -> str:
    """The module. Two backends of a package may keep the same thing in the same place, under one name."""
    return (
        str(path.relative_to(ROOT)).replace("backends/database", "backends/*").replace("backends/redis", "backends/*")
    )


def public_names(module: ast.Module) -> Iterator[str]:
    for node in module.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names = [node.name]
        else:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
        yield from (name for name in names if not name.startswith("_"))
