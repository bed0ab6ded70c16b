"""The examples of the guides work, word for word, in the project of the tutorial."""

import shutil
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, blocks, page
from tests.docs.project import follow_page, is_run
from tests.docs.servers import served

#: Run in test_tutorial.py, in a project of its own and in this checkout, and in test_moving.py.
ELSEWHERE = {"tutorial.md", "development.md", "moving.md"}

GUIDES = [
    path.name
    for path in sorted(DOCS.glob("*.md"))
    if path.name not in ELSEWHERE and any(is_run(block) for block in blocks(path.read_text()))
]


@pytest.mark.parametrize("name", GUIDES)
def test_the_examples_of_a_guide_work_in_the_project_of_the_tutorial(
    name: str, community: Path, tmp_path: Path
) -> None:
    shutil.copytree(community, tmp_path, dirs_exist_ok=True)

    with served(page(name)) as text:
        follow_page(blocks(text), tmp_path)
