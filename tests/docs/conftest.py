from pathlib import Path

import pytest

from tests.docs.pages import Block, blocks, page
from tests.docs.project import follow_page


@pytest.fixture(scope="session")
def community(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files and tables of the tutorial, without its later steps; copy it, do not change it."""
    directory = tmp_path_factory.mktemp("community")
    tutorial = blocks(page("tutorial.md"))
    follow_page((block for block in tutorial if not _does_something(block)), directory)
    return directory


def _does_something(block: Block) -> bool:
    return block.language == "pycon" or any(
        name in block.text for name in ("pip install", "manage.py test", "verify_projections")
    )
