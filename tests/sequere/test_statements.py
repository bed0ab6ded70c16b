"""The SQL in files: each says what it is for, and is sent by the module beside it."""

from pathlib import Path

import pytest

import sequere
import sequere_timeline
from sequere.sql.statements import statement, statements

PACKAGES = [Path(package.__path__[0]) for package in (sequere, sequere_timeline)]
FILES = sorted(path for package in PACKAGES for path in package.rglob("sql/**/*.sql"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_says_first_what_it_is_for(path: Path) -> None:
    first, *_ = path.read_text(encoding="utf-8").splitlines()

    assert first.startswith("-- ")
    assert path.read_text(encoding="utf-8").isascii()


def test_what_it_says_is_not_sent() -> None:
    assert "--" not in statement("sequere.outbox", "due")
    assert statement("sequere.outbox", "due").startswith("SELECT sequere_event.*")
    assert statements("sequere.log", "sqlite_triggers")["sequere_event_no_delete"].startswith("CREATE TRIGGER")


@pytest.mark.parametrize("path", [path for path in FILES if path.parent.name == "sql"], ids=lambda path: path.name)
def test_a_module_beside_it_sends_it(path: Path) -> None:
    modules = (module.read_text(encoding="utf-8") for module in path.parents[1].glob("*.py"))

    assert any(f'"{path.stem}"' in module or f"'{path.stem}'" in module for module in modules)
