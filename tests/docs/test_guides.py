"""The longer examples work, word for word."""

import shutil
from pathlib import Path

import pytest

from tests.docs.pages import blocks, page
from tests.docs.project import follow_page

GUIDES = [
    "follows.md",
    "timelines.md",
    "log.md",
    "projectors.md",
    "operations.md",
    "admin.md",
    "watching.md",
    "testing.md",
    "backends.md",
]


def test_the_tutorial_leads_from_an_empty_directory_to_a_timeline_on_a_page(tmp_path: Path) -> None:
    follow_page(blocks(page("tutorial.md")), tmp_path)


@pytest.mark.parametrize("name", GUIDES)
def test_the_examples_of_a_guide_work_in_the_project_of_the_tutorial(
    name: str, community: Path, tmp_path: Path
) -> None:
    shutil.copytree(community, tmp_path, dirs_exist_ok=True)

    follow_page(blocks(page(name)), tmp_path)
