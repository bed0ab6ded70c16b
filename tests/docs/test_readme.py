"""The README works, word for word."""

from pathlib import Path

from tests.docs.pages import ROOT, blocks
from tests.docs.project import follow_page

README = (ROOT / "README.md").read_text()


def test_the_example_works_in_a_fresh_project(tmp_path: Path) -> None:
    languages = {block.language for block in blocks(README)}

    follow_page(blocks(README), tmp_path)

    assert languages >= {"console", "python", "pycon"}
