"""The pages say what can be installed today."""

import re
import tomllib

from tests.docs.pages import PAGES, ROOT, blocks
from tests.docs.project import INSTALL, commands

RELEASES = re.findall(r"^## (\d[\w.]*)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_pages_install_a_checkout_until_something_is_released() -> None:
    installed = {
        path.name: command
        for path in PAGES
        for block in blocks(path.read_text())
        if block.language == "console"
        for command, _ in commands(block)
        if re.search(r"pip install (\S*sequere)$", command)
    }

    assert installed == dict.fromkeys(
        ("README.md", "tutorial.md"), "python -m pip install django-sequere" if RELEASES else INSTALL
    )


def test_the_version_is_that_of_the_last_release_or_one_in_development() -> None:
    version = PROJECT["version"]

    assert RELEASES[:1] == [version] or version.endswith(".dev0")
