"""The visitors of the site and their actions."""

from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from typing import TYPE_CHECKING, Any

from tests.browser.chromium import PATIENCE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response

PASSWORD = "Il est fort ce George"
#: All tests share a database, so every name is new.
NUMBERS = count(1)

Visit = Callable[..., "Page"]


class Visitors:
    """Each has a browser context of their own: cookies, language, colours, and JavaScript or not."""

    def __init__(self, browser: "Browser", site: str, stack: ExitStack) -> None:
        self._browser = browser
        self._site = site
        self._stack = stack
        self.complaints: list[str] = []

    def visit(self, *, is_refused: bool = False, **options: Any) -> "Page":
        context = self._browser.new_context(base_url=self._site, locale="en", **options)
        self._stack.callback(context.close)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._asked)
        if not is_refused:
            page.on("console", self._heard)
            page.on("response", self._answered)
        return page

    def _heard(self, message: "ConsoleMessage") -> None:
        # A resource that failed to load is seen in the responses.
        if message.type in {"error", "warning"} and not message.text.startswith("Failed to load resource"):
            self.complaints.append(message.text)

    def _asked(self, request: "Request") -> None:
        if not request.url.startswith((f"{self._site}/", "data:")):
            self.complaints.append(f"asks {request.url}")

    def _answered(self, response: "Response") -> None:
        # The status of a whole page is seen in the page.
        if response.status >= 400 and response.request.resource_type != "document":
            self.complaints.append(f"{response.status} {response.url}")


def sign_up(page: "Page", name: str) -> str:
    """Sign up; returns the username, which begins with the name."""
    username = f"{name}{next(NUMBERS)}"
    page.goto("/")
    page.get_by_role("navigation", name="Account").get_by_role("link", name="Sign up").click()
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password confirmation").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign up").click()
    page.get_by_text(f"Welcome, {username}!").wait_for()
    return username


def log_in(page: "Page", username: str, password: str) -> None:
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("main").get_by_role("button", name="Log in").click()


def post(page: "Page", text: str) -> None:
    page.goto("/")
    page.get_by_label("What is new?").fill(text)
    page.get_by_role("button", name="Post").click()
    page.get_by_role("main").get_by_role("listitem").filter(has_text=text).wait_for()
