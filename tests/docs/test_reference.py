"""The reference is complete, and has nothing else."""

import ast
import inspect
import re
from argparse import SUPPRESS
from ast import literal_eval
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from django.conf import settings
from django.core.management import BaseCommand, get_commands, load_command_class
from django.dispatch import Signal
from django.test import override_settings

import sequere.conf
import sequere.exceptions
import sequere.signals
import sequere_timeline.conf
import sequere_timeline.exceptions
import sequere_timeline.signals
from sequere.event_types import event_types
from sequere.exceptions import SequereException
from tests.docs.pages import PAGES, ROOT, page, sections, table, without_code

SOURCES = [path for package in ("sequere", "sequere_timeline") for path in sorted((ROOT / package).rglob("*.py"))]
EVENT_TYPES = [event_type.name for event_type in event_types if event_type.internal]


def test_every_setting_is_documented_with_its_default() -> None:
    documented = {
        name: [literal_eval(default) for default in re.findall(r"^Default: `(.+)`$", text, re.MULTILINE)]
        for name, text in sections(page("settings.md"), 2).items()
    }

    assert documented == {**_defaults(sequere.conf), **_defaults(sequere_timeline.conf)}


def test_the_checks_know_every_setting() -> None:
    assert {*sequere.conf.SETTINGS, *sequere_timeline.conf.TIMELINE_SETTINGS} == set(sections(page("settings.md"), 2))


def test_settings_are_read_only_in_conf() -> None:
    readers = {
        path.name
        for path in SOURCES
        if re.search(r"settings\.SEQUERE_|getattr\(settings, \"SEQUERE_", path.read_text())
    }

    assert readers == {"conf.py"}


def test_every_setting_that_a_page_names_exists() -> None:
    pages = "".join(path.read_text() for path in PAGES)

    named = set(re.findall(r"\bSEQUERE_\w+", pages))

    of_the_environment = {"SEQUERE_DATABASE_URL", "SEQUERE_REDIS_URL", "SEQUERE_DESTROY_LOG"}
    of_the_example = {name for name in named if name.startswith("SEQUERE_EXAMPLE_")}
    assert named - of_the_environment - of_the_example == set(sections(page("settings.md"), 2))


def test_every_exception_is_documented_with_its_message() -> None:
    documented = {name: _quoted(text) for name, text in sections(page("errors.md"), 3).items()}

    assert documented == {
        error.__name__: " ".join(inspect.cleandoc(error.__doc__ or "").split())
        for module in (sequere.exceptions, sequere_timeline.exceptions)
        for error in vars(module).values()
        if inspect.isclass(error) and issubclass(error, SequereException)
    }


def test_every_check_is_documented() -> None:
    ids = {id_ for path in SOURCES for id_ in re.findall(r"\bid=\"(sequere\w*\.[EIW]\d+)\"", path.read_text())}

    assert set(sections(page("checks.md"), 2)) == ids


def test_every_hint_of_a_check_is_documented() -> None:
    documented = {id_: " ".join(text.split()) for id_, text in sections(page("checks.md"), 2).items()}

    missing = [(id_, part) for path in SOURCES for id_, part in _hints(path) if part not in documented[id_]]

    assert missing == []


def test_every_type_of_event_is_documented() -> None:
    rows = table(sections(page("events.md"), 2)["Event types"])

    assert sorted(row[0] for row in rows) == sorted(f"`{type_}`" for type_ in EVENT_TYPES)


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
    """The settings of a module, each with its default."""
    getters = [function for function in vars(conf).values() if inspect.isfunction(function)]
    documented = ((re.match(r"`(SEQUERE_\w+)`", getter.__doc__ or ""), getter) for getter in getters)
    with override_settings():
        for name in [name for name in dir(settings) if name.startswith("SEQUERE_")]:
            delattr(settings, name)
        return {found[1]: [getter()] for found, getter in documented if found}


def test_every_signal_is_documented() -> None:
    text = without_code(page("signals.md"))

    documented = {
        name for row in re.findall(r"^\| (`.+?`) \|", text, re.MULTILINE) for name in row.strip("`").split("`, `")
    }

    assert documented == {
        name
        for module in (sequere.signals, sequere_timeline.signals)
        for name in dir(module)
        if isinstance(getattr(module, name), Signal)
    }


#: Django's own command, with an additional question.
FLUSH = "flush"


def test_every_command_is_documented_with_its_options() -> None:
    documented = {
        name: (_quoted(text), {row[0].strip("`"): row[1] for row in table(text)})
        for name, text in sections(page("commands.md"), 2).items()
        if name != FLUSH
    }

    assert documented == {
        name: _help(load_command_class(app, name), name)
        for name, app in get_commands().items()
        if app in {"sequere", "sequere_timeline"} and name != FLUSH
    }


def _help(command: BaseCommand, name: str) -> tuple[str, dict[str, str]]:
    """The help of a command, and of each of its own options."""
    everywhere = {action.dest for action in BaseCommand().create_parser("manage.py", name)._actions}
    options = [action for action in command.create_parser("manage.py", name)._actions if action.dest not in everywhere]
    said = {(action.option_strings or [action.dest])[0]: (action.help or "").replace("%%", "%") for action in options}
    return command.help, {option: text for option, text in said.items() if text != SUPPRESS}


def _quoted(text: str) -> str:
    return " ".join(line.removeprefix("> ") for line in text.splitlines() if line.startswith("> "))
