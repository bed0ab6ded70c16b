"""Sign up, follow, and see the other's posts; with JavaScript, without a reload."""

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.people import PASSWORD, Visit, log_in, post, sign_up

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytest.importorskip("playwright")
from playwright.sync_api import expect  # if it is installed

BADGE = "#badge"


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def javascript(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def newbie(visit: Visit, javascript: bool) -> "Page":
    page = visit(java_script_enabled=javascript)
    sign_up(page, "newbie")
    return page


def test_posts_of_another_user_are_shown_as_long_as_one_follows(newbie: "Page", visit: Visit) -> None:
    other = visit()
    thoas = sign_up(other, "thoas")
    timeline = newbie.get_by_role("main").get_by_role("listitem")

    newbie.goto(f"/people/{thoas}/")
    newbie.get_by_role("button", name=f"Follow {thoas}").click()
    expect(newbie.get_by_role("button", name=f"Following {thoas}: unfollow")).to_be_visible()
    expect(newbie.get_by_role("link", name=re.compile("^Followers 1$"))).to_be_visible()

    post(other, "Il est fort ce George")
    newbie.goto("/")
    expect(timeline.filter(has_text="Il est fort ce George")).to_be_visible()

    newbie.goto(f"/people/{thoas}/")
    newbie.get_by_role("button", name=f"Following {thoas}: unfollow").click()
    expect(newbie.get_by_role("button", name=f"Follow {thoas}", exact=True)).to_be_visible()
    newbie.goto("/")
    expect(timeline.filter(has_text="Il est fort ce George")).to_have_count(0)


def test_the_badge_shows_the_unread_count(newbie: "Page", visit: Visit) -> None:
    other = visit()
    thoas = sign_up(other, "thoas")
    newbie.goto(f"/people/{thoas}/")
    expect(newbie.locator(BADGE)).to_have_text("")

    newbie.get_by_role("button", name=f"Follow {thoas}").click()
    expect(newbie.locator(BADGE)).to_contain_text("1 unread")  # the other has joined

    post(other, "Il est fort ce George")
    newbie.goto("/")
    expect(newbie.locator(BADGE)).to_contain_text("2 unread")

    newbie.get_by_role("button", name="Mark as read").click()
    expect(newbie.locator(BADGE)).to_have_text("")
    expect(newbie.get_by_text("Il est fort ce George")).to_be_visible()


def test_a_project_is_started_liked_and_released(newbie: "Page", visit: Visit) -> None:
    name = newbie.get_by_role("navigation", name="Site").get_by_role("link", name="Profile").get_attribute("href")
    newbie.goto("/projects/new/")
    newbie.get_by_label("Name").fill(f"La classe americaine of {name}")
    newbie.get_by_role("button", name="Start").click()
    expect(newbie.get_by_role("heading", level=1)).to_contain_text("La classe americaine")

    newbie.get_by_role("button", name="Like 0").click()
    expect(newbie.get_by_role("button", name="Like 1", pressed=True)).to_be_visible()

    newbie.get_by_role("link", name="Post a release").click()
    newbie.get_by_label("Version").fill("1.0")
    newbie.get_by_role("button", name="Post").click()
    expect(newbie.get_by_role("main").get_by_role("listitem").first).to_contain_text("released 1.0")

    stranger = visit()
    stranger.goto("/latest/")
    expect(stranger.get_by_role("main").get_by_role("listitem").first).to_contain_text("released 1.0")


def test_an_invalid_form_says_what_is_wrong(newbie: "Page") -> None:
    newbie.goto("/projects/new/")
    newbie.get_by_label("Name").fill("Tidewater")
    newbie.get_by_role("button", name="Start").click()

    expect(newbie.get_by_text("Project with this Name already exists.")).to_be_visible()


def test_a_follow_of_an_anonymous_visitor_is_done_after_the_login(visit: Visit, javascript: bool) -> None:
    thoas = sign_up(visit(), "thoas")
    newbie = sign_up(visit(), "newbie")
    stranger = visit(java_script_enabled=javascript)
    stranger.goto(f"/people/{thoas}/")

    stranger.get_by_role("button", name=f"Follow {thoas}").click()
    log_in(stranger, newbie, PASSWORD)

    expect(stranger).to_have_url(f"/people/{thoas}/")
    expect(stranger.get_by_role("button", name=f"Following {thoas}: unfollow")).to_be_visible()
