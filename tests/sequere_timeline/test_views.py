"""Timelines as JSON."""

from typing import Any

import pytest
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import translation

from sequere.base import ResourceKey
from sequere.contrib.timeline import Timeline
from sequere.models import follow
from sequere.registry import registry
from tests.factories import (
    ArticleFactory,
    DocumentFactory,
    PackageFactory,
    ProfileFactory,
    ProjectFactory,
    UserFactory,
)
from tests.sequere_timeline.dates import october
from tests.statements import exactly
from tests.testapp.models import Article, Project, User
from tests.testapp.sequere_registry import JoinAction, LikeAction, ProjectSequere, UserSequere

pytestmark = pytest.mark.django_db

BOTH = pytest.mark.parametrize("what", ["public", "private"])


def address(what: str, instance: Any) -> str:
    return reverse(f"sequere_timeline:{what}", args=registry.key_of(instance))


def labels(answer: Any) -> list[str]:
    return [result["label"] for result in answer.json()["results"]]


@pytest.fixture
def thoas() -> User:
    return UserFactory(username="thoas", email="secret@example.org")


def test_an_action_is_shown_with_its_actor_its_target_and_its_public_data(
    client: Client, thoas: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LikeAction, "public_kwargs", ("stars", "missing"))
    monkeypatch.setattr(Project, "get_absolute_url", lambda self: f"/projects/{self.pk}/", raising=False)
    like = LikeAction(actor=thoas, target=project, date=october(25, microsecond=123456), stars=5, secret="x")
    Timeline(thoas).save(like)

    response = client.get(address("public", thoas))

    assert response.json() == {
        "next": None,
        "previous": None,
        "results": [
            {
                "uid": like.uid,
                "verb": "like",
                "label": "thoas like La classe americaine",
                "when": "2013-10-25T00:00:00.123456+00:00",
                "actor": {"identifier": "user", "object_id": str(thoas.pk), "label": "thoas", "url": None},
                "target": {
                    "identifier": "project",
                    "object_id": str(project.pk),
                    "label": "La classe americaine",
                    "url": f"/projects/{project.pk}/",
                },
                "target_deleted": False,
                "data": {"stars": 5},
            }
        ],
    }
    assert response.headers["Link"] == f'<http://testserver{address("public", thoas)}>; rel="first"'


def test_a_private_timeline_says_why(browser: Client, thoas: User, newbie: User) -> None:
    follow(thoas, newbie)
    Timeline(newbie).save(JoinAction(actor=newbie, date=october(2)))
    Timeline(thoas).save(JoinAction(actor=thoas, date=october(1)))

    response = browser.get(address("private", thoas))

    assert [(result["label"], result["reasons"]) for result in response.json()["results"]] == [
        ("newbie join", ["followed"]),
        ("thoas join", ["own"]),
    ]
    assert "no-store" in response.headers["Cache-Control"]


def test_nobody_else_sees_a_private_timeline(browser: Client, client: Client, newbie: User, project: Project) -> None:
    for other in (newbie, project):
        Timeline(other).save(LikeAction(actor=newbie, target=project))
        refused, anonymous = browser.get(address("private", other)), client.get(address("private", other))

        assert (refused.status_code, refused.json()) == (403, {"error": "You may not see that."})
        assert (anonymous.status_code, anonymous.json()) == (403, {"error": "Log in first."})


@pytest.mark.parametrize(
    "follower",
    [lambda request: getattr(request.user, "profile", None), lambda request: ResourceKey("profile", request.user.pk)],
)
def test_a_private_timeline_is_for_the_follower_of_the_request(
    browser: Client, client: Client, thoas: User, rf: RequestFactory, settings: Any, follower: Any
) -> None:
    mine, other = ProfileFactory(user=thoas), ProfileFactory()
    Timeline(mine).save(LikeAction(actor=mine, target=other))
    settings.SEQUERE_FOLLOWER_OF_REQUEST = lambda request: follower(request) if request.user.pk else None
    request = rf.get("/")
    request.user = thoas

    answers = [browser.get(address("private", one)).status_code for one in (mine, other, thoas)]
    page = Template("{% load sequere %}{% timeline one private=True %}")
    pages = ["like" in page.render(Context({"request": request, "one": one})) for one in (mine, other)]

    assert (answers, pages) == ([200, 403, 403], [True, False])
    assert client.get(address("private", mine)).json() == {"error": "Log in first."}


def test_a_host_decides_who_may_see_a_timeline(
    browser: Client, thoas: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    Timeline(project).save(JoinAction(actor=thoas))
    monkeypatch.setattr(ProjectSequere, "can_view_private", lambda options, user, instance: instance == project)
    monkeypatch.setattr(UserSequere, "can_view", lambda options, user, instance: False)

    assert labels(browser.get(address("private", project))) == ["thoas join"]
    assert browser.get(address("public", thoas)).status_code == 403


def test_filters_combine(client: Client, thoas: User, newbie: User, project: Project) -> None:
    package = PackageFactory(name="lib:x:amd64")
    for day, (action, target) in enumerate(
        [(LikeAction, project), (LikeAction, newbie), (LikeAction, package), (JoinAction, project)], start=1
    ):
        Timeline(thoas).save(action(actor=thoas, target=target, date=october(day)))

    def found(**query: str) -> list[str]:
        return labels(client.get(address("public", thoas), query))

    assert len(found()) == len(found(verb="", target="")) == 4
    assert found(verb="join") == ["thoas join La classe americaine"]
    assert found(target="project") == ["thoas join La classe americaine", "thoas like La classe americaine"]
    assert found(verb="like", target=f"project:{project.pk}") == ["thoas like La classe americaine"]
    assert found(target="package:lib:x:amd64") == ["thoas like lib:x:amd64"]
    assert found(verb="leave") == []


@BOTH
def test_the_pages_lead_to_each_other(browser: Client, thoas: User, project: Project, what: str) -> None:
    for day in (1, 1, 1, 1, 2):
        Timeline(thoas).save(LikeAction(actor=thoas, target=project, date=october(day)))

    pages = [browser.get(address(what, thoas), {"limit": 2, "verb": "like"})]
    while url := pages[-1].json()["next"]:
        Timeline(thoas).save(LikeAction(actor=thoas, target=project))
        assert f'<{url}>; rel="next"' in pages[-1].headers["Link"]
        pages.append(browser.get(url))

    uids = [result["uid"] for page in pages for result in page.json()["results"]]
    assert [len(labels(page)) for page in pages] == [2, 2, 1]
    assert len(set(uids)) == 5


@pytest.mark.database
@BOTH
def test_a_page_costs_one_query_for_each_model_class(browser: Client, thoas: User, what: str) -> None:
    for make in (ProjectFactory, DocumentFactory, PackageFactory):
        for target in make.create_batch(5):
            Timeline(thoas).save(LikeAction(actor=thoas, target=target))

    # The session and its user; the owner; the page; users, projects, documents, packages.
    with exactly((2 if what == "private" else 0) + 1 + 1 + 4):
        assert len(labels(browser.get(address(what, thoas)))) == 15


def test_deleted_and_hidden_targets_are_not_shown(client: Client, thoas: User, project: Project) -> None:
    article = ArticleFactory(name="hidden")
    Timeline(thoas).save(LikeAction(actor=thoas, target=project, date=october(2)))
    Timeline(thoas).save(LikeAction(actor=thoas, target=article, date=october(1)))
    project.delete()
    Article.everything.filter(pk=article.pk).update(is_hidden=True)

    results = client.get(address("public", thoas)).json()["results"]

    assert [(one["label"], one["target"], one["target_deleted"]) for one in results] == [
        ("thoas like", None, True),
        ("thoas like", None, False),
    ]


@BOTH
@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"cursor": "x"},
        {"verb": "\x00"},
        {"target": "nothing"},
        {"target": "nothing:1"},
        {"target": "project:x"},
        {"target": "project:"},
        {"target": "project:1\x00"},
        {"target": "<script>alert(1)</script>:1"},
    ],
)
def test_an_invalid_query_is_refused_with_a_reason(
    browser: Client, thoas: User, what: str, query: dict[str, str]
) -> None:
    response = browser.get(address(what, thoas), query)

    assert response.status_code == 400
    assert set(response.json()) == {"error"}
    assert b"<script>" not in response.content


@BOTH
@pytest.mark.parametrize(
    "key", ["project/10000000000000000000000", "project/x", "nothing/1", "user/1%00", "user/1%0Ax"]
)
def test_an_unknown_resource_is_not_found(browser: Client, what: str, key: str) -> None:
    url = f"/sequere/{key}/timeline/" + ("private/" if what == "private" else "")

    assert browser.get(url).status_code == 404


@BOTH
def test_names_and_data_are_not_markup(
    browser: Client, thoas: User, what: str, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", *settings.MIDDLEWARE]
    monkeypatch.setattr(LikeAction, "public_kwargs", ("note",))
    bad = "</script><img src=x onerror=alert(1)>"
    Timeline(thoas).save(LikeAction(actor=thoas, target=ProjectFactory(name=bad), note=bad))

    response = browser.get(address(what, thoas))

    (result,) = response.json()["results"]
    assert (result["target"]["label"], result["data"]) == (bad, {"note": bad})
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


@BOTH
def test_timelines_are_read_only(browser: Client, thoas: User, what: str) -> None:
    url = address(what, thoas)

    assert [browser.post(url).status_code, browser.head(url).status_code] == [405, 200]


def test_reasons_are_given_in_french(client: Client, thoas: User, settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
    french = {"Accept-Language": "fr"}

    with translation.override(None):  # restores what the middleware changes
        reasons = [
            client.get(address(what, thoas), query, headers=french).json()["error"]
            for what, query in (
                ("public", {"cursor": "x"}),
                ("public", {"limit": "x"}),
                ("public", {"target": "x"}),
                ("public", {"verb": "\x00"}),
                ("private", {}),
            )
        ]

    assert reasons == [
        "Ce curseur n’est pas valide. Commencez sans curseur.",
        "La limite doit être un nombre supérieur à 0.",
        "La cible n’est pas valide.",
        "Le verbe n’est pas valide.",
        "Connectez-vous d’abord.",
    ]
