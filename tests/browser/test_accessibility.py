"""axe finds nothing serious on any page, light on a desktop and dark on a phone; no page is wider than the phone."""

from typing import Any

import pytest

from tests.browser.people import Visit, log_in

pytest.importorskip("axe_playwright_python")
from axe_playwright_python.sync_playwright import Axe  # if it is installed
from playwright.sync_api import expect

PUBLIC = [
    "/",
    "/latest/",
    "/projects/",
    "/projects/2/",
    "/projects/2/followers/",
    "/people/thoas/",
    "/people/thoas/followings/",
    "/people/jonas/friends/",
    "/search/",
    "/search/?q=an",
    "/search/?q=nobody+has+such+a+name",
    "/login/",
    "/sign-up/",
    "/not/there/",
]
OF_LOGGED_IN_USERS = [
    "/",
    "/projects/",
    "/projects/2/",
    "/people/thoas/followers/",
    "/people/demo/",
    "/people/thoas/",
    "/requests/",
    "/profile/",
    "/projects/new/",
    "/projects/2/edit/",
]
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}},
}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("who", ["stranger", "demo"])
def test_axe_finds_nothing_serious(visit: Visit, look: str, who: str) -> None:
    page = visit(**LOOKS[look])
    if who == "demo":
        page.goto("/login/")
        log_in(page, "demo", "demo")
        expect(page).to_have_url("/")
    axe = Axe()

    found = {}
    for address in PUBLIC if who == "stranger" else OF_LOGGED_IN_USERS:
        page.goto(address)
        violations = axe.run(page).response["violations"]
        serious = [
            f"{one['id']}: {node['html']}"
            for one in violations
            if one["impact"] in {"serious", "critical"}
            for node in one["nodes"]
        ]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            serious.append("wider than the window")
        if serious:
            found[address] = serious

    assert found == {}
