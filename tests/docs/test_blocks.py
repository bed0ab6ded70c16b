"""No example is there that nobody has tried, or it says why."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, blocks
from tests.docs.project import is_run

#: What is shown and not done: plain text, and what Sphinx is told.
SHOWN = ("text", "{")

#: What test_guides.py runs in this checkout, and not in a project.
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


def test_every_chore_that_a_page_names_is_one() -> None:
    chores = set(re.findall(r"^(\w+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))

    named = {chore for path in PAGES for chore in re.findall(r"(?:`|\$ )make ([a-z]+)", path.read_text())}

    assert named <= chores
