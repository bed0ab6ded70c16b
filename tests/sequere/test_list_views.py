"""The lists of follows, as JSON."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import reverse

from sequere.base import ModelBase
from sequere.models import follow, follow_many, get_followers, unfollow
from sequere.registry import registry
from tests.factories import ArticleFactory, DocumentFactory, PackageFactory, ProjectFactory, UserFactory
from tests.statements import exactly
from tests.testapp.models import Article, Project, User

pytestmark = pytest.mark.django_db

START = datetime(2013, 10, 25, 4, 41, 31, 123456, tzinfo=UTC)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def address(what: str, instance: Any) -> str:
    return reverse(f"sequere:{what}", args=registry.key_of(instance))


def labels(answer: Any) -> list[str]:
    return [result["label"] for result in answer.json()["results"]]


@pytest.fixture
def fans(project: Project) -> list[User]:
    """Five followers of the project, newest first."""
    fans = [UserFactory(username=f"fan {number}", email="secret@example.org") for number in range(5)]
    follow_many((fan, project, at(number)) for number, fan in enumerate(fans))
    return fans[::-1]


def test_a_follower_is_shown_by_name_and_nothing_else(
    client: Client, project: Project, fans: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(User, "get_absolute_url", lambda self: f"/people/{self.pk}/", raising=False)

    response = client.get(address("followers", project), {"limit": 2})

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.json()["results"] == [
        {
            "identifier": "user",
            "object_id": str(fan.pk),
            "label": fan.username,
            "url": f"/people/{fan.pk}/",
            "when": at(4 - number).isoformat(),
        }
        for number, fan in enumerate(fans[:2])
    ]


def test_the_pages_lead_to_each_other(client: Client, project: Project, fans: list[User]) -> None:
    first = client.get(address("followers", project), {"limit": 2, "identifier": "user"})
    follow(UserFactory(username="newcomer"), project)
    unfollow(fans[1], project)
    second = client.get(first.json()["next"])
    third = client.get(second.json()["next"])

    assert [labels(page) for page in (first, second, third)] == [["fan 4", "fan 3"], ["fan 2", "fan 1"], ["fan 0"]]
    assert third.json()["next"] is None
    beginning = f'<http://testserver{address("followers", project)}?limit=2&identifier=user>; rel="first"'
    assert first.headers["Link"] == f'<{first.json()["next"]}>; rel="next", {beginning}'
    back = third.json()["previous"]
    assert third.headers["Link"] == f'<{back}>; rel="prev", {beginning}'
    assert labels(client.get(back)) == labels(second)
    assert first.json()["previous"] is None


def test_every_list(client: Client, thoas: User, newbie: User, project: Project) -> None:
    follow_many([(thoas, newbie), (newbie, thoas), (thoas, project)])

    answers = {what: client.get(address(what, thoas)) for what in ("followers", "followings", "friends")}

    assert {what: labels(answer) for what, answer in answers.items()} == {
        "followers": ["newbie"],
        "followings": ["La classe americaine", "newbie"],
        "friends": ["newbie"],
    }
    assert labels(client.get(address("followings", thoas), {"identifier": "user"})) == ["newbie"]
    assert answers["followings"].json()["results"][0]["url"] is None


@pytest.mark.database
def test_a_page_costs_one_query_for_each_model_class(client: Client, project: Project, fans: list[User]) -> None:
    for make in (ProjectFactory, DocumentFactory, PackageFactory):
        follow_many((one, project) for one in make.create_batch(10))

    # One for the project, one for the page, one for each of users, projects, documents and packages.
    with exactly(1 + 1 + 4):
        assert len(labels(client.get(address("followers", project), {"limit": 50}))) == 35


@pytest.mark.parametrize(
    ("limit", "shown"), [("1", 1), ("0003", 3), ("100", 100), ("101", 100), ("9" * 5000, 100), (None, 25)]
)
def test_a_limit_has_a_limit(client: Client, project: Project, limit: str | None, shown: int) -> None:
    follow_many((user, project) for user in User.objects.bulk_create(UserFactory.build_batch(102)))

    response = client.get(address("followers", project), {} if limit is None else {"limit": limit})

    assert len(labels(response)) == shown


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "00"},
        {"limit": "-1"},
        {"limit": "x"},
        {"limit": ""},
        {"limit": "²"},
        {"limit": "1.5"},
        {"cursor": "x"},
        {"cursor": "WyIyMDEzIiwxXQ.x"},
        {"cursor": "é\x00\r\n"},
        {"identifier": "nothing"},
        {"identifier": "<script>alert(1)</script>"},
        {"identifier": "\x00"},
    ],
)
def test_an_invalid_query_is_refused_with_a_reason(client: Client, project: Project, query: dict[str, str]) -> None:
    response = client.get(address("followers", project), query)

    assert response.status_code == 400
    assert set(response.json()) == {"error"}
    assert b"<script>" not in response.content


def test_a_cursor_cannot_be_changed(client: Client, project: Project, fans: list[User]) -> None:
    cursor = get_followers(project).page(2).next_cursor or ""

    answers = [client.get(address("followers", project), {"cursor": text}) for text in (cursor, cursor[1:], "")]

    assert [answer.status_code for answer in answers] == [200, 400, 200]
    assert answers[1].json() == {"error": "The cursor is invalid. Start without one."}


@pytest.mark.parametrize(
    "url",
    [
        "/sequere/project/10000000000000000000000/followers/",
        "/sequere/project/-1/followers/",
        "/sequere/project/x/followings/",
        "/sequere/project/1%00/friends/",
        "/sequere/document/not-a-uuid/followers/",
        "/sequere/nothing/1/followers/",
        "/sequere/stranger/1/followers/",
        "/sequere/%3Cscript%3E/%3Cscript%3E/followers/",
        "/sequere/project/1%0D%0AX-Evil:%201/followers/",
    ],
)
def test_an_unknown_resource_is_not_found(client: Client, url: str) -> None:
    response = client.get(url)

    assert response.status_code == 404
    assert b"<script>" not in response.content
    assert "X-Evil" not in response.headers


@pytest.mark.parametrize("name", ["lib:x/y:amd64", "a b?c#d%2F", "é", "<script>", "..x", 'it\'s "so"', "a,b;c>d"])
def test_any_key_has_an_address(client: Client, name: str) -> None:
    package = PackageFactory(name=name)
    follow_many((user, package) for user in UserFactory.create_batch(3))

    first = client.get(address("followers", package), {"limit": 2})
    second = client.get(first.json()["next"])

    assert [len(labels(page)) for page in (first, second)] == [2, 1]
    assert first.headers["Link"].count("<") == first.headers["Link"].count(">") == 2
    assert quote(name[0]) in first.headers["Link"]


def test_instances_hidden_by_the_queryset_are_not_shown(client: Client, project: Project) -> None:
    hidden, shown = ArticleFactory(name="hidden"), ArticleFactory(name="shown")
    follow_many([(hidden, project), (shown, project), (project, hidden)])
    Article.everything.filter(pk=hidden.pk).update(is_hidden=True)

    assert client.get(address("followers", hidden)).status_code == 404
    assert labels(client.get(address("followers", project))) == ["shown"]
    assert labels(client.get(address("followings", project))) == []


@pytest.mark.parametrize("what", ["followers", "followings", "friends"])
def test_a_host_decides_who_may_see_a_list(
    client: Client, thoas: User, project: Project, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def only_authenticated_users(options: ModelBase, user: Any, instance: Project) -> bool:
        return bool(user.is_authenticated and instance == project)

    monkeypatch.setattr(type(registry.options_of(Project)), "can_view", only_authenticated_users)

    refused = client.get(address(what, project))
    client.force_login(thoas)
    answer = client.get(address(what, project))

    assert (refused.status_code, refused.json()) == (403, {"error": "You may not see that."})
    assert (answer.status_code, answer.headers["Vary"]) == (200, "Cookie")


def test_a_name_is_not_markup(client: Client, project: Project, settings: Any) -> None:
    settings.MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", *settings.MIDDLEWARE]
    name = "</script><img src=x onerror=alert(1)>"
    follow(UserFactory(username=name), project)

    response = client.get(address("followers", project))

    assert labels(response) == [name]
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_lists_are_read_only(client: Client, project: Project) -> None:
    url = address("followers", project)

    assert [client.post(url).status_code, client.delete(url).status_code, client.head(url).status_code] == [
        405,
        405,
        200,
    ]


def test_a_query_cannot_inject_a_header(client: Client, project: Project, fans: list[User]) -> None:
    query = {"limit": 2, "x": '\r\nX-Evil: 1>; rel="next"', "<>": ","}

    response = client.get(address("followers", project), query)

    assert "X-Evil" not in response.headers
    assert response.headers["Link"].count("rel=") == 2
    assert labels(client.get(response.json()["next"])) == ["fan 2", "fan 1"]


def test_lists_about_who_looks(browser: Client, thoas: User, newbie: User, project: Project) -> None:
    """thoas and newbie both follow the project; a fan follows both, and the project."""
    fan = UserFactory(username="fan")
    follow_many([(thoas, project), (newbie, project), (thoas, fan), (fan, thoas), (fan, newbie), (fan, project)])

    def asked(name: str, instance: Any) -> list[str]:
        return labels(browser.get(reverse(f"sequere:{name}", args=registry.key_of(instance))))

    assert asked("common_followers", newbie) == ["fan"]
    assert asked("common_followings", newbie) == [str(project)]
    assert asked("followed_by_followings", project) == ["fan"]
    suggestions = browser.get(reverse("sequere:suggestions"), {"identifier": "user"}).json()["results"]
    assert [(one["label"], one["shared"]) for one in suggestions] == [("newbie", 1)]


def test_lists_about_who_looks_are_not_for_others(client: Client, project: Project) -> None:
    for name in ("common_followers", "common_followings", "followed_by_followings"):
        answer = client.get(reverse(f"sequere:{name}", args=registry.key_of(project)))
        assert (answer.status_code, answer.json()) == (403, {"error": "You may not see that."})
    assert client.get(reverse("sequere:suggestions")).status_code == 403
