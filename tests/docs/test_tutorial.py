"""What a newcomer and a developer read first works, word for word."""

from pathlib import Path

from example_project.servers.process import ServerUnavailable
from tests.docs.pages import blocks, page
from tests.docs.project import follow_page
from tests.docs.servers import skip_without


def test_the_tutorial_leads_from_an_empty_directory_to_a_timeline_on_a_page(tmp_path: Path) -> None:
    follow_page(blocks(page("tutorial.md")), tmp_path)


def test_the_example_for_developers_works() -> None:
    try:
        for block in blocks(page("development.md")):
            if block.language == "python":
                exec(block.text)
    except ServerUnavailable as error:
        skip_without(error)
