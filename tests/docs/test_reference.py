"""The reference has all that there is, and nothing else."""

import ast
import inspect
import re
from ast import literal_eval
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import sequere.conf
import sequere.exceptions
import sequere_timeline.conf
import sequere_timeline.exceptions
from sequere.events import DELETED, FOLLOWED, UNFOLLOWED
from sequere.exceptions import SequereException
from sequere.outbox import EVENT_RETRIED, EVENT_SKIPPED
from sequere_timeline.intents import ACTION_DELETED, ACTION_SAVED, TIMELINE_READ
from tests.docs.pages import ROOT, page, sections, table

SOURCES = [path for package in ("sequere", "sequere_timeline") for path in sorted((ROOT / package).rglob("*.py"))]
EVENT_TYPES = [FOLLOWED, UNFOLLOWED, DELETED, ACTION_SAVED, ACTION_DELETED, TIMELINE_READ, EVENT_RETRIED, EVENT_SKIPPED]


def test_every_setting_is_documented_with_its_default() -> None:
    documented = {
        name: [literal_eval(default) for default in re.findall(r"^Default: `(.+)`$", text, re.MULTILINE)]
        for name, text in sections(page("settings.md"), 2).items()
    }

    assert documented == {**_defaults(sequere.conf), **_defaults(sequere_timeline.conf)}


def test_no_setting_is_read_elsewhere_than_in_conf() -> None:
    readers = {path.name for path in SOURCES if re.search(r"settings\.SEQUERE_|get_setting\(", path.read_text())}

    assert readers == {"conf.py"}


def test_every_setting_that_a_page_names_exists() -> None:
    pages = "".join(path.read_text() for path in _pages())

    named = set(re.findall(r"\bSEQUERE_\w+", pages))

    of_the_environment = {"SEQUERE_DATABASE_URL", "SEQUERE_REDIS_URL"}
    of_the_example = {name for name in named if name.startswith("SEQUERE_EXAMPLE_")}
    assert named - of_the_environment - of_the_example == set(sections(page("settings.md"), 2))


def test_every_exception_is_documented_with_its_message() -> None:
    documented = {
        name: " ".join(line.removeprefix("> ") for line in text.splitlines() if line.startswith("> "))
        for name, text in sections(page("errors.md"), 3).items()
    }

    assert documented == {
        error.__name__: " ".join(inspect.cleandoc(error.__doc__ or "").split())
        for module in (sequere.exceptions, sequere_timeline.exceptions)
        for error in vars(module).values()
        if inspect.isclass(error) and issubclass(error, SequereException)
    }


def test_every_check_is_documented() -> None:
    ids = {id_ for path in SOURCES for id_ in re.findall(r"\bid=\"(sequere\w*\.[EW]\d+)\"", path.read_text())}

    assert set(sections(page("checks.md"), 2)) == ids


def test_every_hint_of_a_check_is_documented() -> None:
    documented = {id_: " ".join(text.split()) for id_, text in sections(page("checks.md"), 2).items()}

    missing = [(id_, part) for path in SOURCES for id_, part in _hints(path) if part not in documented[id_]]

    assert missing == []


def test_every_type_of_event_is_documented() -> None:
    rows = table(sections(page("log.md"), 2)["Event types"])

    assert [row[0] for row in rows] == [f"`{type_}`" for type_ in EVENT_TYPES]


def _hints(path: Path) -> Iterator[tuple[str, str]]:
    """The constant parts of the hint of each check, with its id."""
    for function in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)):
        nodes = list(ast.walk(function))
        values = {ast.unparse(node.targets[0]): node.value for node in nodes if isinstance(node, ast.Assign)}
        for call in (node for node in nodes if isinstance(node, ast.Call)):
            arguments = {keyword.arg: keyword.value for keyword in call.keywords}
            if {"id", "hint"} <= set(arguments):
                hint = values.get(ast.unparse(arguments["hint"]), arguments["hint"])
                for part in ast.walk(hint):
                    if isinstance(part, ast.Constant):
                        yield literal_eval(arguments["id"]), str(part.value).strip()


def _defaults(conf: ModuleType) -> dict[str, list[object]]:
    """The settings of a module, each with what it is when nobody has set it."""
    getters = [function for function in vars(conf).values() if inspect.isfunction(function)]
    documented = ((re.match(r"`(SEQUERE_\w+)`", getter.__doc__ or ""), getter) for getter in getters)
    return {found[1]: [getter()] for found, getter in documented if found}


def _pages() -> Iterator[Path]:
    yield from (ROOT / "README.md", ROOT / "CHANGELOG.md")
    yield from sorted((ROOT / "docs").glob("*.md"))
