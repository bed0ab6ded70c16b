"""The longer examples work, word for word."""

import shutil
from pathlib import Path

import pytest

from example_project.servers.process import ServerUnavailable
from tests.docs.pages import DOCS, blocks, page
from tests.docs.project import follow_page, is_run
from tests.docs.servers import served, skip_without

#: Run in a project of their own, in this checkout, or in test_moving.py.
ELSEWHERE = {"tutorial.md", "development.md", "moving.md"}

GUIDES = [
    path.name
    for path in sorted(DOCS.glob("*.md"))
    if path.name not in ELSEWHERE and any(is_run(block) for block in blocks(path.read_text()))
]


def test_the_tutorial_leads_from_an_empty_directory_to_a_timeline_on_a_page(tmp_path: Path) -> None:
    follow_page(blocks(page("tutorial.md")), tmp_path)


@pytest.mark.parametrize("name", GUIDES)
def test_the_examples_of_a_guide_work_in_the_project_of_the_tutorial(
    name: str, community: Path, tmp_path: Path
) -> None:
    shutil.copytree(community, tmp_path, dirs_exist_ok=True)

    with served(page(name)) as text:
        follow_page(blocks(text), tmp_path)


def test_the_example_for_developers_works() -> None:
    try:
        for block in blocks(page("development.md")):
            if block.language == "python":
                exec(block.text)
    except ServerUnavailable as error:
        skip_without(error)
