"""Follow and unfollow by POST."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from sequere.base import ModelBase
from sequere.models import Event, follow, is_following
from sequere.registry import registry
from tests.factories import DocumentFactory, ProjectFactory, UserFactory
from tests.testapp.models import Project, User

pytestmark = pytest.mark.django_db

FOLLOW, UNFOLLOW = "/sequere/follow/", "/sequere/unfollow/"
JSON = {"Accept": "application/json"}


@pytest.fixture
def thoas() -> User:
    return UserFactory(username="thoas")


@pytest.fixture
def project() -> Project:
    return ProjectFactory(name="La classe americaine")


@pytest.fixture
def browser(thoas: User) -> Client:
    browser = Client()
    browser.force_login(thoas)
    return browser


def form(instance: Any, **more: str) -> dict[str, str]:
    key = registry.key_of(instance)
    return {"identifier": key.identifier, "object_id": key.object_id, **more}


def test_the_addresses_have_names() -> None:
    assert (reverse("sequere:follow"), reverse("sequere:unfollow")) == (FOLLOW, UNFOLLOW)


def test_a_form_follows_and_goes_on(browser: Client, thoas: User, project: Project) -> None:
    response = browser.post(FOLLOW, form(project, next="/projects/?page=2"))

    assert (response.status_code, response.headers["Location"]) == (302, "/projects/?page=2")
    assert is_following(thoas, project)

    response = browser.post(UNFOLLOW, form(project))

    assert (response.status_code, response.headers["Location"]) == (302, "/")
    assert not is_following(thoas, project)


def test_who_asks_for_json_gets_the_counts(browser: Client, thoas: User, project: Project) -> None:
    """V6, V8: the followers of a project are not counted among projects, and nobody has to be "ajax"."""
    follow(UserFactory(), project)

    answers = [browser.post(url, form(project), headers=JSON).json() for url in (FOLLOW, FOLLOW, UNFOLLOW, UNFOLLOW)]

    assert answers == [
        {"changed": True, "is_following": True, "followers_count": 2, "followings_count": 1},
        {"changed": False, "is_following": True, "followers_count": 2, "followings_count": 1},
        {"changed": True, "is_following": False, "followers_count": 1, "followings_count": 0},
        {"changed": False, "is_following": False, "followers_count": 1, "followings_count": 0},
    ]


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        "http:evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
    ],
)
@pytest.mark.parametrize("url", [FOLLOW, UNFOLLOW])
def test_nobody_is_sent_elsewhere(browser: Client, project: Project, url: str, elsewhere: str) -> None:
    """V1"""
    response = browser.post(url, form(project, next=elsewhere))

    assert response.status_code == 302
    assert response.headers["Location"] == "/"


def test_an_address_is_one_line(browser: Client, project: Project) -> None:
    response = browser.post(FOLLOW, form(project, next="/\r\nLocation: https://evil.example/"))

    assert response.headers["Location"] == "/%0D%0ALocation:%20https://evil.example/"


def test_a_second_follow_and_a_stray_unfollow_are_no_errors(
    browser: Client, thoas: User, project: Project, settings: Any
) -> None:
    """V2"""
    settings.SEQUERE_FAIL_SILENTLY = False

    codes = [browser.post(url, form(project)).status_code for url in (UNFOLLOW, FOLLOW, FOLLOW, UNFOLLOW, UNFOLLOW)]

    assert codes == [302] * 5
    assert list(Event.objects.order_by("pk").values_list("type", flat=True)) == ["followed", "unfollowed"]


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ({"identifier": "project", "object_id": "10000000000000000000000"}, 404),
        ({"identifier": "project", "object_id": "-1"}, 404),
        ({"identifier": "project", "object_id": "x"}, 404),
        ({"identifier": "project", "object_id": "1\x00"}, 404),
        ({"identifier": "document", "object_id": "not a uuid"}, 404),
        ({"identifier": "nothing", "object_id": "1"}, 404),
        ({"identifier": "stranger", "object_id": "1"}, 404),
        ({"identifier": "project"}, 400),
        ({"object_id": "1"}, 400),
        ({"identifier": "project", "object_id": ""}, 400),
        ({}, 400),
    ],
)
@pytest.mark.parametrize("url", [FOLLOW, UNFOLLOW])
def test_what_is_not_there_is_no_server_error(browser: Client, url: str, key: dict[str, str], code: int) -> None:
    """V3"""
    page, data = browser.post(url, key), browser.post(url, key, headers=JSON)

    assert (page.status_code, data.status_code) == (code, code)
    assert page.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert data.json() == {"error": page.content.decode()}


def test_any_key_can_be_followed(browser: Client, thoas: User) -> None:
    """V4"""
    document = DocumentFactory()

    browser.post(FOLLOW, form(document))

    assert is_following(thoas, document)


@pytest.mark.parametrize("url", ["/sequere/follow/anything", "/sequere/follow/project/1/", "/x/sequere/follow/"])
def test_no_other_address_answers(browser: Client, project: Project, url: str) -> None:
    """V5"""
    assert browser.post(url, form(project)).status_code == 404


def test_a_host_says_who_may_follow_what(
    browser: Client, thoas: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V7"""
    asked = []

    def refuse(options: ModelBase, user: User, instance: Project) -> bool:
        asked.append((user, instance))
        return False

    monkeypatch.setattr(type(registry.options_of(Project)), "can_follow", refuse)

    assert browser.post(FOLLOW, form(project), headers=JSON).status_code == 403
    assert browser.post(UNFOLLOW, form(project)).status_code == 302
    assert asked == [(thoas, project)]
    assert not is_following(thoas, project)


def test_nobody_can_follow_himself(browser: Client, thoas: User) -> None:
    response = browser.post(FOLLOW, form(thoas), headers=JSON)

    assert (response.status_code, response.json()) == (409, {"error": "Nobody can follow himself."})


def test_who_is_not_logged_in_is_asked_to(client: Client, project: Project) -> None:
    page, data = client.post(FOLLOW, form(project, next="/projects/")), client.post(FOLLOW, form(project), headers=JSON)

    assert (page.status_code, page.headers["Location"]) == (302, "/accounts/login/?next=/projects/")
    assert (data.status_code, data.json()) == (403, {"error": "Log in first."})


@pytest.mark.parametrize("url", [FOLLOW, UNFOLLOW])
def test_a_link_changes_nothing(browser: Client, project: Project, url: str) -> None:
    assert browser.get(url, form(project)).status_code == 405


def test_a_form_of_another_site_changes_nothing(thoas: User, project: Project) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(thoas)

    assert browser.post(FOLLOW, form(project)).status_code == 403
    assert not is_following(thoas, project)
