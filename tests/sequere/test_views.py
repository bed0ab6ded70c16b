"""Follow and unfollow by POST."""

from time import time
from typing import Any
from urllib.parse import unquote

import pytest
from django.contrib.auth import SESSION_KEY
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import translation

from sequere.base import ModelBase, ResourceKey
from sequere.models import Event, follow, is_following
from sequere.registry import registry
from sequere.views import following
from sequere.views.following import SECONDS_TO_LOG_IN
from tests.factories import ArticleFactory, DocumentFactory, ProfileFactory, UserFactory
from tests.testapp.models import Article, Project, User

pytestmark = pytest.mark.django_db

FOLLOW, UNFOLLOW = "/sequere/follow/", "/sequere/unfollow/"
JSON = {"Accept": "application/json"}


def form(instance: Any, **more: str) -> dict[str, str]:
    key = registry.key_of(instance)
    return {"identifier": key.identifier, "object_id": key.object_id, **more}


def test_the_urls_have_names() -> None:
    assert (reverse("sequere:follow"), reverse("sequere:unfollow")) == (FOLLOW, UNFOLLOW)


def test_a_form_follows_and_redirects(browser: Client, thoas: User, project: Project) -> None:
    response = browser.post(FOLLOW, form(project, next="/projects/?page=2"))

    assert (response.status_code, response.headers["Location"]) == (302, "/projects/?page=2")
    assert is_following(thoas, project)

    response = browser.post(UNFOLLOW, form(project))

    assert (response.status_code, response.headers["Location"]) == (302, "/")
    assert not is_following(thoas, project)


def test_a_request_for_json_gets_the_counts(browser: Client, thoas: User, project: Project) -> None:
    """The followers of a project are not counted among projects, and the request need not be "ajax"."""
    follow(UserFactory(), project)

    answers = [browser.post(url, form(project), headers=JSON).json() for url in (FOLLOW, FOLLOW, UNFOLLOW, UNFOLLOW)]

    assert answers == [
        {"changed": True, "is_following": True, "is_pending": False, "followers_count": 2, "followings_count": 1},
        {"changed": False, "is_following": True, "is_pending": False, "followers_count": 2, "followings_count": 1},
        {"changed": True, "is_following": False, "is_pending": False, "followers_count": 1, "followings_count": 0},
        {"changed": False, "is_following": False, "is_pending": False, "followers_count": 1, "followings_count": 0},
    ]


@pytest.mark.django_db(transaction=True)
def test_the_counts_are_right_if_requests_are_transactions(
    browser: Client, project: Project, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """With a projection after the commit, a count inside the transaction is the old one."""
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    settings.SEQUERE_PROJECTION_MODES = {"follows": "on_commit", "timelines": "on_commit"}

    answers = [browser.post(url, form(project), headers=JSON).json() for url in (FOLLOW, UNFOLLOW)]

    assert [answer["followers_count"] for answer in answers] == [1, 0]
    assert [answer["is_following"] for answer in answers] == [True, False]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/json", "application/json"),
        ("application/json, text/html;q=0.9", "application/json"),
        ("text/html, application/json;q=0.9", None),
        ("*/*", None),
        ("application/xml", None),
        ("nonsense;;;,", None),
        ("", None),
    ],
)
def test_the_accept_header_asks_for_json(
    browser: Client, project: Project, accept: str, content_type: str | None
) -> None:
    response = browser.post(FOLLOW, form(project), headers={"Accept": accept})

    assert response.status_code == (200 if content_type else 302)
    if content_type:
        assert response.headers["Content-Type"] == content_type


@pytest.mark.parametrize("next_", ["projects", "page=2", "?page=2", "admin", "follow", "#here", "/é"])
def test_any_address_of_this_site_is_allowed(browser: Client, project: Project, next_: str) -> None:
    """Also one that looks like the name of a view."""
    response = browser.post(FOLLOW, form(project, next=next_))

    assert (response.status_code, unquote(response.headers["Location"])) == (302, next_)


def test_a_form_without_an_address_redirects_to_the_page_of_the_instance(
    browser: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """get_absolute_url() is trusted no more than an address in a form."""
    for address, expected in (("/projects/1/", "/projects/1/"), ("https://evil.example/", "/"), ("", "/")):
        monkeypatch.setattr(Project, "get_absolute_url", lambda self, address=address: address, raising=False)
        assert browser.post(FOLLOW, form(project)).headers["Location"] == expected


def test_an_endless_address_is_not_used(browser: Client, project: Project) -> None:
    """Django finds it unsafe, or refuses to redirect to it."""
    response = browser.post(FOLLOW, form(project, next="/" + "a" * 100_000))

    assert (response.status_code, response.get("Location")) in {(302, "/"), (400, None)}


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        "http:evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "/\\evil.example",
        "/\t/evil.example",
        " //evil.example",
        "https://testserver@evil.example/",
        "https://testserver.evil.example/",
        "http://[evil",
    ],
)
@pytest.mark.parametrize("url", [FOLLOW, UNFOLLOW])
def test_nobody_is_redirected_to_another_site(browser: Client, project: Project, url: str, elsewhere: str) -> None:
    response = browser.post(url, form(project, next=elsewhere))

    assert response.status_code == 302
    assert response.headers["Location"] == "/"


@pytest.mark.parametrize("url", [FOLLOW, UNFOLLOW])
def test_an_address_is_one_line(browser: Client, project: Project, url: str) -> None:
    response = browser.post(url, form(project, next="/\r\nLocation: https://evil.example/"))

    assert response.headers["Location"] == "/%0D%0ALocation:%20https://evil.example/"


def test_a_second_follow_and_a_second_unfollow_are_not_errors(
    browser: Client, thoas: User, project: Project, settings: Any
) -> None:
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
def test_an_unknown_resource_is_not_a_server_error(browser: Client, url: str, key: dict[str, str], code: int) -> None:
    page, data = browser.post(url, key), browser.post(url, key, headers=JSON)

    assert (page.status_code, data.status_code) == (code, code)
    assert page.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert data.json() == {"error": page.content.decode()}


def test_any_key_can_be_followed(browser: Client, thoas: User) -> None:
    document = DocumentFactory()

    browser.post(FOLLOW, form(document))

    assert is_following(thoas, document)


@pytest.mark.parametrize("url", ["/sequere/follow/anything", "/sequere/follow/project/1/", "/x/sequere/follow/"])
def test_no_other_address_answers(browser: Client, project: Project, url: str) -> None:
    assert browser.post(url, form(project)).status_code == 404


def test_a_host_decides_who_may_follow_what(
    browser: Client, thoas: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def refuse(options: ModelBase, user: User, instance: Project) -> bool:
        asked.append((user, instance))
        return False

    monkeypatch.setattr(type(registry.options_of(Project)), "can_follow", refuse)

    assert browser.post(FOLLOW, form(project), headers=JSON).status_code == 403
    assert browser.post(UNFOLLOW, form(project)).status_code == 302
    assert asked == [(thoas, project)]
    assert not is_following(thoas, project)


def test_nobody_can_follow_themselves(browser: Client, thoas: User) -> None:
    response = browser.post(FOLLOW, form(thoas), headers=JSON)

    assert (response.status_code, response.json()) == (409, {"error": "You cannot follow yourself."})


@pytest.mark.parametrize("url", [FOLLOW, UNFOLLOW])
def test_a_user_who_is_not_a_resource_cannot_follow(
    browser: Client, project: Project, url: str, as_a_profile: Any, without_users: Any
) -> None:
    """Neither a user without a profile, nor one of a model that is not registered."""
    page, data = browser.post(url, form(project)), browser.post(url, form(project), headers=JSON)

    assert (page.status_code, data.status_code) == (403, 403)
    assert data.json() == {"error": "You cannot follow anything."}


def test_a_request_follows_as_whom_the_host_says(
    browser: Client, client: Client, thoas: User, project: Project, as_a_profile: Any
) -> None:
    profile = ProfileFactory(user=thoas)

    answer = browser.post(FOLLOW, form(project), headers=JSON).json()
    to_oneself = browser.post(FOLLOW, form(profile), headers=JSON)

    assert answer == {
        "changed": True,
        "is_following": True,
        "is_pending": False,
        "followers_count": 1,
        "followings_count": 1,
    }
    assert (is_following(profile, project), is_following(thoas, project)) == (True, False)
    assert to_oneself.status_code == 409
    assert client.post(FOLLOW, form(project)).status_code == 302
    assert browser.post(UNFOLLOW, form(project), headers=JSON).json()["changed"]


@pytest.mark.parametrize("path", [f"{__name__}.newest_user", lambda request: ResourceKey("user", "7")])
def test_a_follower_may_be_anybody_and_a_key(client: Client, project: Project, settings: Any, path: Any) -> None:
    """Also without a login, such as for the key of an API."""
    UserFactory(pk=7)
    settings.SEQUERE_FOLLOWER_OF_REQUEST = path

    assert client.post(FOLLOW, form(project), headers=JSON).json()["changed"]
    assert is_following(ResourceKey("user", "7"), project)


def newest_user(request: Any) -> User:
    return User.objects.latest("pk")


def test_what_is_hidden_can_be_unfollowed(browser: Client, thoas: User) -> None:
    """By who follows it; for all others it is not there."""
    articles = ArticleFactory.create_batch(3)
    for article in articles:
        follow(thoas, article)
    Article.everything.update(is_hidden=True)

    answer = browser.post(UNFOLLOW, form(articles[0]), headers=JSON)
    page = browser.post(UNFOLLOW, form(articles[1], next="/articles/"))
    again = browser.post(UNFOLLOW, form(articles[0]), headers=JSON)

    assert answer.json() == {
        "changed": True,
        "is_following": False,
        "is_pending": False,
        "followers_count": 0,
        "followings_count": 2,
    }
    assert (page.status_code, page.headers["Location"], again.status_code) == (302, "/articles/", 404)
    assert browser.post(FOLLOW, form(articles[0])).status_code == 404


def test_an_anonymous_visitor_is_asked_to_log_in(client: Client, project: Project) -> None:
    page, data = client.post(FOLLOW, form(project, next="/projects/")), client.post(FOLLOW, form(project), headers=JSON)

    assert (page.status_code, page.headers["Location"]) == (302, "/accounts/login/?next=/projects/")
    assert (data.status_code, data.json()) == (403, {"error": "Log in first."})


def test_a_follow_of_a_visitor_is_done_after_the_login(client: Client, thoas: User, project: Project) -> None:
    client.post(FOLLOW, form(project, next="/projects/"))
    assert Event.objects.count() == 0

    client.force_login(thoas)
    assert is_following(thoas, project)

    client.force_login(UserFactory())
    assert Event.objects.count() == 1, "it waits for one login"


@pytest.mark.parametrize(
    ("url", "seconds", "whom"),
    [
        (FOLLOW, SECONDS_TO_LOG_IN + 1, {}),
        (UNFOLLOW, 0, {}),
        (FOLLOW, 0, {"object_id": "2" * 300}),
        (FOLLOW, 0, {"identifier": "nothing"}),
    ],
    ids=["too late", "an unfollow", "no key", "no model"],
)
def test_a_login_does_nothing_else(
    client: Client,
    thoas: User,
    project: Project,
    url: str,
    seconds: int,
    whom: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert client.post(url, form(project) | whom).status_code == 302

    monkeypatch.setattr(following, "time", lambda: time() + seconds)
    client.force_login(thoas)

    assert client.session[SESSION_KEY] == str(thoas.pk)
    assert Event.objects.count() == 0


def test_a_visitor_may_not_follow_by_a_login_what_a_user_may_not(client: Client, thoas: User) -> None:
    """Oneself, and what `can_follow()` refuses."""
    client.post(FOLLOW, form(thoas))

    client.force_login(thoas)

    assert Event.objects.count() == 0


@pytest.mark.parametrize("url", [FOLLOW, UNFOLLOW])
def test_a_link_changes_nothing(browser: Client, project: Project, url: str) -> None:
    assert browser.get(url, form(project)).status_code == 405


@pytest.mark.parametrize("headers", [{}, JSON])
@pytest.mark.parametrize("url", [FOLLOW, UNFOLLOW])
def test_a_form_of_another_site_changes_nothing(
    thoas: User, project: Project, url: str, headers: dict[str, str], settings: Any
) -> None:
    """Also without the middleware."""
    follow(UserFactory(), thoas)
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(thoas)

    assert browser.post(url, form(project), headers=headers).status_code == 403
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Csrf" not in name]
    assert browser.post(url, form(project), headers=headers).status_code == 403
    assert Event.objects.count() == 1


def test_reasons_are_given_in_the_language_of_the_reader(browser: Client, thoas: User, settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]

    with translation.override(None):  # restores what the middleware changes
        response = browser.post(FOLLOW, form(thoas), headers={**JSON, "Accept-Language": "fr"})

    assert response.json() == {"error": "Vous ne pouvez pas vous suivre vous-même."}


def test_a_name_in_a_refusal_is_not_markup(browser: Client) -> None:
    key = {"identifier": "<script>alert(1)</script>", "object_id": "<script>alert(1)</script>"}

    for headers in ({}, JSON):
        response = browser.post(FOLLOW, key, headers=headers)
        assert (response.status_code, b"<script>" in response.content) == (404, False)
