"""The browser of this machine, for Playwright; none is downloaded."""

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from example_project.servers.process import ServerUnavailable

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",  # it only shows our pages
    "--disable-gpu",
    # It connects only to the site.
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: How long a test waits for its expectations, in milliseconds, however busy the machine is.
PATIENCE = 15_000


def chromium_program() -> str:
    """The path of Chromium or a related browser. Raises ServerUnavailable."""
    if importlib.util.find_spec("playwright") is None:
        raise ServerUnavailable("playwright is not installed; it may have no wheel for this platform")
    programs = filter(None, map(shutil.which, NAMES))
    for program in programs:
        return program
    raise ServerUnavailable("no chromium is installed")


@contextmanager
def chromium() -> Iterator["Browser"]:
    """A browser for the length of the block. Raises ServerUnavailable."""
    program = chromium_program()
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()
