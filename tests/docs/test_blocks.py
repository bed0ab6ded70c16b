"""Every example has been tried, or says why not."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, blocks
from tests.docs.project import is_run

#: Shown and not run: plain text, and directives for Sphinx.
SHOWN = ("text", "{")

#: test_tutorial.py runs these in this checkout, not in a project.
RUN_HERE = [("development.md", "python")]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_block_is_run_or_says_why_not(path: Path) -> None:
    untried = [
        block.text
        for block in blocks(path.read_text())
        if not (block.language.startswith(SHOWN) or block.reason or is_run(block))
        if (path.name, block.language) not in RUN_HERE
    ]

    assert untried == []


def test_every_make_target_on_a_page_exists() -> None:
    chores = set(re.findall(r"^(\w+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))

    named = {chore for path in PAGES for chore in re.findall(r"(?:`|\$ )make ([a-z]+)", path.read_text())}

    assert named <= chores
