"""The example site in a process of its own, and its visitors in Chromium."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from example_project.servers.process import ServerUnavailable
from tests.browser.chromium import chromium
from tests.browser.people import Visit, Visitors
from tests.conftest import CI
from tests.host.processes import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    with ExitStack() as stack:
        try:
            started = stack.enter_context(chromium())
        except ServerUnavailable as error:
            (pytest.fail if CI else pytest.skip)(str(error))
        yield started


@pytest.fixture(scope="session")
def site(browser: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the site, with its sample data in an SQLite file."""
    database = tmp_path_factory.mktemp("site") / "site.sqlite3"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("SEQUERE_", "DJANGO_"))}
    environment = inherited | {
        "DJANGO_SETTINGS_MODULE": "tests.browser.settings",
        "SEQUERE_DATABASE_URL": f"sqlite:///{database}",
    }
    for command in ("migrate", "sample"):
        subprocess.run(
            [sys.executable, "manage.py", command, "-v0"], cwd=ROOT, env=environment, check=True, capture_output=True
        )
    command = [sys.executable, "-m", "tests.browser.serving"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@pytest.fixture
def visit(browser: "Browser", site: str) -> Iterator[Visit]:
    """A new visitor opens the site: `visit()`. No page may log an error, or connect to anything but the site."""
    with ExitStack() as stack:
        visitors = Visitors(browser, site, stack)
        yield visitors.visit
        assert visitors.complaints == []
