"""What htmx adds: no reload, and the same place on the page."""

from typing import TYPE_CHECKING

import pytest

from tests.browser.people import Visit, sign_up

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytest.importorskip("playwright")
from playwright.sync_api import expect  # if it is installed


@pytest.fixture
def newbie(visit: Visit) -> "Page":
    page = visit()
    sign_up(page, "newbie")
    return page


def test_a_follow_button_does_not_reload_the_page(newbie: "Page") -> None:
    newbie.goto("/people/thoas/")
    newbie.evaluate("window.isTheSame = true")
    been = newbie.evaluate("history.length")

    newbie.get_by_role("button", name="Follow Théo Abitbol").click()
    expect(newbie.get_by_role("button", name="Following Théo Abitbol: unfollow")).to_be_visible()

    assert newbie.evaluate("window.isTheSame") is True
    assert newbie.evaluate("history.length") == been


def test_a_follow_button_works_by_keyboard_and_keeps_the_focus(newbie: "Page") -> None:
    newbie.goto("/people/thoas/")
    newbie.get_by_role("button", name="Follow Théo Abitbol").focus()

    newbie.keyboard.press("Enter")
    expect(newbie.get_by_role("button", name="Following Théo Abitbol: unfollow")).to_be_focused()
    newbie.keyboard.press("Space")
    expect(newbie.get_by_role("button", name="Follow Théo Abitbol", exact=True)).to_be_focused()


def test_the_skip_link_is_the_first_stop_of_the_keyboard(newbie: "Page") -> None:
    newbie.goto("/latest/")

    newbie.keyboard.press("Tab")

    expect(newbie.get_by_role("link", name="Skip to the content")).to_be_focused()


def test_an_error_is_shown(visit: Visit) -> None:
    """A user who has logged out in another window is told so, as without JavaScript."""
    page = visit(is_refused=True)
    sign_up(page, "newbie")
    page.goto("/people/thoas/")
    page.context.clear_cookies()

    page.get_by_role("button", name="Follow Théo Abitbol").click()

    expect(page.get_by_role("heading", name="That came from nowhere")).to_be_visible()
