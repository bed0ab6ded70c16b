from pathlib import Path

import pytest

from tests.docs.pages import blocks, page
from tests.docs.project import follow_page


@pytest.fixture(scope="session")
def community(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files and the tables of the tutorial, without what is done with them; to be copied, not changed."""
    directory = tmp_path_factory.mktemp("community")
    tutorial = blocks(page("tutorial.md"))
    wanted = (block for block in tutorial if block.language != "pycon" and "manage.py test" not in block.text)
    follow_page(wanted, directory)
    return directory
