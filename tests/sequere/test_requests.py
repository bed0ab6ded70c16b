"""Requests over HTTP, in templates, and what a plain follow does not pay for them."""

import re
from typing import Any

import pytest
from django.db import connection
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from sequere.models import Event, block, follow, is_following, is_pending, resume, suspend
from sequere.registry import registry
from sequere.signals import follow_requested, followed, request_closed
from tests.factories import UserFactory
from tests.statements import at_most, exactly
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import UserSequere

pytestmark = pytest.mark.django_db

JSON = {"Accept": "application/json"}


@pytest.fixture
def newbie() -> User:
    return UserFactory(username="newbie")


@pytest.fixture
def private(monkeypatch: pytest.MonkeyPatch) -> None:
    """Users accept who follows them."""
    monkeypatch.setattr(UserSequere, "requires_approval", lambda *_: True)


def form(instance: Any, **more: str) -> dict[str, str]:
    key = registry.key_of(instance)
    return {"identifier": key.identifier, "object_id": key.object_id, **more}


def post(browser: Client, view: str, instance: Any, **more: str) -> Any:
    return browser.post(f"/sequere/{view}/", form(instance, **more), headers=JSON)


def states(response: Any) -> tuple[bool, bool, bool]:
    answer = response.json()
    return answer["changed"], answer["is_following"], answer["is_pending"]


@pytest.mark.usefixtures("private")
def test_a_follow_waits_and_is_accepted(browser: Client, thoas: User, newbie: User) -> None:
    """The browser is that of thoas; what newbie does is done in Python."""
    asked = [states(post(browser, "follow", newbie, message="Hello")) for _ in range(2)]

    assert asked == [(True, False, True), (False, False, True)]
    assert Event.objects.get().data == {"message": "Hello"}
    assert states(post(browser, "cancel", newbie)) == (True, False, False)
    follow(newbie, thoas)
    assert states(post(browser, "accept", newbie)) == (True, True, False)
    assert is_following(newbie, thoas)
    assert states(post(browser, "followers/remove", newbie)) == (True, False, False)
    assert states(post(browser, "followers/remove", newbie)) == (False, False, False)
    follow(newbie, thoas)
    assert states(post(browser, "deny", newbie)) == (True, False, False)
    assert (is_following(newbie, thoas), is_pending(newbie, thoas)) == (False, False)


@pytest.mark.usefixtures("private")
def test_what_is_refused(browser: Client, thoas: User, newbie: User, settings: Any) -> None:
    block(newbie, thoas)
    settings.SEQUERE_MAX_FOLLOWINGS = 1
    other = UserFactory()

    refused = [
        post(browser, "accept", newbie),
        post(browser, "deny", newbie),
        post(browser, "cancel", newbie),
        post(browser, "follow", newbie),
        post(browser, "follow", other, message="x" * 1001),
        Client().post("/sequere/accept/", form(newbie), headers=JSON),
    ]
    follow(thoas, other, policy=False)
    refused.append(post(browser, "follow", UserFactory()))

    assert [answer.status_code for answer in refused] == [409, 409, 409, 403, 400, 403, 409]
    with translation.override("fr"):
        assert "n’existe pas" in post(browser, "accept", newbie).json()["error"]


@pytest.mark.usefixtures("private")
def test_lists_of_requests_are_for_their_owner_alone(browser: Client, thoas: User, newbie: User) -> None:
    follow(newbie, thoas)
    follow(thoas, newbie)

    own = [browser.get(f"/sequere/user/{thoas.pk}/{path}/").json() for path in ("pending", "pending/with")]
    of_others = [browser.get(f"/sequere/user/{newbie.pk}/{path}/") for path in ("pending", "pending/with")]

    assert [[one["label"] for one in answer["results"]] for answer in own] == [["newbie"], ["newbie"]]
    assert [answer.status_code for answer in of_others] == [403, 403]


@pytest.mark.inline
@pytest.mark.database
@pytest.mark.usefixtures("private")
def test_the_button_says_that_a_request_waits(thoas: User, newbie: User, project: Project) -> None:
    follow(thoas, newbie)
    request = RequestFactory().get("/")
    request.user = thoas
    buttons = "{% load sequere %}{% prefetch_following all %}{% for one in all %}{% follow_button one %}{% endfor %}"

    shown = [newbie, UserFactory(), project]
    with exactly(3):
        html = Template(buttons).render(Context({"request": request, "all": shown}))

    assert html.count('action="/sequere/cancel/"') == 1
    assert 'aria-label="Requested to follow newbie: cancel">Requested<' in html
    question = "{% load sequere %}{{ thoas|is_pending:newbie }} {{ newbie|pending_count }}"
    assert Template(question).render(Context({"thoas": thoas, "newbie": newbie})) == "True 1"


@pytest.mark.inline
@pytest.mark.usefixtures("private")
def test_while_a_follow_or_a_request_pauses_there_is_no_button(
    browser: Client, thoas: User, newbie: User, project: Project
) -> None:
    follow(thoas, newbie)
    follow(thoas, project)
    shown = [newbie, project, UserFactory()]
    buttons = "{% load sequere %}{% prefetch_following all %}{% for one in all %}{% follow_button one %}{% endfor %}"

    def labels() -> list[str]:
        html = Template(buttons).render(Context({"user": thoas, "all": shown}))
        return re.findall(r">(Follow|Following|Requested)<", html)

    both = labels()
    suspend(newbie)
    with at_most(4):
        without_one = labels()
    said = [states(post(browser, "follow", one)) for one in (newbie, project)]
    resume(newbie)
    suspend(thoas)

    assert (both, without_one, labels()) == (["Requested", "Following", "Follow"], ["Following", "Follow"], ["Follow"])
    assert said == [(False, False, True), (False, True, False)]


@pytest.mark.django_db(transaction=True)
def test_an_accepted_request_sends_two_signals(thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[Any] = []

    def hear(event: Event, from_instance: Any, to_instance: Any, **_: Any) -> None:
        heard.append((event.type, from_instance, to_instance))

    for signal in (follow_requested, request_closed, followed):
        signal.connect(hear, weak=False, dispatch_uid="test_requests")
    try:
        with monkeypatch.context() as patch:
            patch.setattr(UserSequere, "requires_approval", lambda *_: True)
            follow(newbie, thoas)
        thoas.accept(newbie)
    finally:
        for signal in (follow_requested, request_closed, followed):
            signal.disconnect(dispatch_uid="test_requests")

    assert heard == [(type_, newbie, thoas) for type_ in ("follow_requested", "followed", "request_closed")]


@pytest.mark.inline
@pytest.mark.database
def test_a_plain_follow_pays_nothing_for_requests(thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even in a scope where others have asked."""
    others = UserFactory.create_batch(4)
    follow(others[0], thoas)
    with CaptureQueriesContext(connection) as before:
        follow(others[1], thoas)
    with monkeypatch.context() as patch:
        patch.setattr(UserSequere, "requires_approval", lambda *_: True)
        follow(newbie, thoas)

    with CaptureQueriesContext(connection) as after:
        follow(others[2], thoas)

    assert len(after) == len(before)
