"""`{% timeline object %}`."""

from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.template import Context, RequestContext, Template
from django.test import Client, RequestFactory
from django.urls import path
from django.utils import translation

from sequere.contrib.timeline import Timeline
from sequere.models import follow
from tests.factories import ArticleFactory, DocumentFactory, PackageFactory, ProjectFactory, UserFactory
from tests.sequere_timeline.dates import october
from tests.statements import exactly
from tests.testapp.models import Article, Project, User
from tests.testapp.sequere_registry import JoinAction, LikeAction, ProjectSequere, UserSequere

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

PAGE = """{% load sequere %}
{% timeline person size=2 %}
{% timeline person private=True size=2 parameter="home" %}
"""


def show(request: HttpRequest, pk: int) -> HttpResponse:
    """The page of a person, whom its context calls `user`, as in a DetailView."""
    person = User.objects.get(pk=pk)
    return HttpResponse(Template(PAGE).render(RequestContext(request, {"person": person, "user": person})))


urlpatterns = [path("people/<int:pk>/", show)]


@pytest.fixture
def templates(tmp_path: Path, settings: Any) -> Path:
    """A directory for templates of the host, which take precedence."""
    (engine,) = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "DIRS": [tmp_path]}]
    (tmp_path / "sequere" / "timeline").mkdir(parents=True)
    return tmp_path


def render(template: str, **context: Any) -> str:
    return Template("{% load sequere %}" + template).render(Context(context))


def requested(user: Any, **query: str) -> HttpRequest:
    request = RequestFactory().get("/", query)
    request.user = user
    return request


def text(html: str) -> str:
    """The text without markup."""
    return " ".join(unescape(part.partition(">")[2]) for part in html.split("<") if ">" in part)


def test_a_public_timeline_shows_actions_of_its_owner(thoas: User, newbie: User, project: Project) -> None:
    Timeline(thoas).save(JoinAction(actor=thoas, date=october(1)))
    Timeline(thoas).save(LikeAction(actor=thoas, target=project, date=october(2)))
    Timeline(thoas).save(LikeAction(actor=newbie, target=project, date=october(3)))

    with translation.override("en"):
        shown = " ".join(text(render("{% timeline thoas %}", thoas=thoas)).split())

    assert shown == "thoas like La classe americaine Oct. 2, 2013, 2 a.m. thoas join Oct. 1, 2013, 2 a.m."


def test_an_instance_with_a_page_is_a_link(thoas: User, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Project, "get_absolute_url", lambda self: "/projects/?a=1&b=2", raising=False)
    Timeline(thoas).save(LikeAction(actor=thoas, target=project))

    assert '<a href="/projects/?a=1&amp;b=2">La classe americaine</a>' in render("{% timeline thoas %}", thoas=thoas)


def test_filters(thoas: User, project: Project) -> None:
    Timeline(thoas).save(JoinAction(actor=thoas))
    Timeline(thoas).save(LikeAction(actor=thoas, target=project))
    Timeline(thoas).save(LikeAction(actor=thoas, target=PackageFactory()))

    by_verb = render("{% timeline thoas action='join' %}", thoas=thoas)
    by_target = render("{% timeline thoas action='like' target=project %}", thoas=thoas, project=project)

    assert [html.count("<li") for html in (by_verb, by_target)] == [1, 1]


def test_an_empty_timeline_says_so_in_french(thoas: User) -> None:
    with translation.override("fr"):
        assert text(render("{% timeline thoas %}", thoas=thoas)).strip() == "Rien pour le moment."


def test_older_actions_are_behind_a_link_that_keeps_the_rest_of_the_address(client: Client, thoas: User) -> None:
    for day in (1, 1, 1, 2, 2):
        Timeline(thoas).save(LikeAction(actor=thoas, target=ProjectFactory(name=f"project {day}"), date=october(day)))
    client.force_login(thoas)

    def follow_links(response: Any, name: str) -> list[int]:
        """The number of actions on each page of a timeline; a page has two timelines."""
        lists, sizes = response.content.decode().split('<div class="sequere-timeline">')[1:], []
        html = lists[("older", "home").index(name)]
        sizes.append(html.count("<li"))
        if 'class="sequere-older"' in html:
            href = unescape(html.partition('class="sequere-older" href="')[2].partition('"')[0])
            assert "tab=all" in href
            sizes += follow_links(client.get(f"/people/{thoas.pk}/{href}"), name)
        return sizes

    first = client.get(f"/people/{thoas.pk}/", {"tab": "all"})

    assert follow_links(first, "older") == [2, 2, 1]
    assert follow_links(first, "home") == [2, 2, 1]


def test_an_invalid_cursor_is_a_bad_request(client: Client, thoas: User) -> None:
    client.force_login(thoas)

    for query in ({"older": "x"}, {"home": '"><script>alert(1)</script>'}):
        response = client.get(f"/people/{thoas.pk}/", query)
        assert (response.status_code, b"<script>" in response.content) == (400, False)


def test_without_a_request_there_is_no_link(thoas: User) -> None:
    for _ in range(3):
        Timeline(thoas).save(JoinAction(actor=thoas))

    html = render("{% timeline thoas size=2 %}", thoas=thoas)

    assert (html.count("<li"), html.count("href")) == (2, 0)


def test_a_private_timeline_is_shown_only_to_its_owner(client: Client, thoas: User, newbie: User) -> None:
    """Also on a page about the owner, whom it calls `user`."""
    Timeline(newbie).save(JoinAction(actor=thoas))
    url = f"/people/{newbie.pk}/"

    pages = [client.get(url)]
    for user in (thoas, newbie):
        client.force_login(user)
        pages.append(client.get(url))

    assert [page.content.count(b"sequere-timeline") for page in pages] == [1, 1, 2]
    assert ["thoas join" in " ".join(text(page.content.decode()).split()) for page in pages] == [False, False, True]


def test_a_host_decides_who_sees_a_timeline(thoas: User, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    Timeline(thoas).save(JoinAction(actor=thoas))
    Timeline(project).save(JoinAction(actor=thoas))
    monkeypatch.setattr(ProjectSequere, "can_view_private", lambda options, user, instance: user == thoas)
    monkeypatch.setattr(UserSequere, "can_view", lambda options, user, instance: user == thoas)
    page = "{% timeline thoas %}{% timeline project private=True %}"

    shown = [
        render(page, request=requested(user), user=thoas, thoas=thoas, project=project).count("<li")
        for user in (thoas, UserFactory(), AnonymousUser())
    ]

    assert shown == [2, 0, 0]


@pytest.mark.parametrize("private", [True, False])
def test_an_anonymous_user_has_no_timeline(private: bool) -> None:
    nobody = AnonymousUser()

    page = render(f"{{% timeline user private={private} %}}", request=requested(nobody), user=nobody)

    assert page.strip() == ""


@pytest.mark.database
def test_a_timeline_costs_one_query_and_one_for_each_model_class(thoas: User, newbie: User) -> None:
    follow(newbie, thoas)
    for make in (ProjectFactory, DocumentFactory, PackageFactory):
        for target in make.create_batch(5):
            Timeline(thoas).save(LikeAction(actor=thoas, target=target))
    request = requested(newbie)

    with exactly(1 + 4):
        public = render("{% timeline thoas %}", request=request, thoas=thoas)
    with exactly(1 + 4):
        private = render("{% timeline newbie private=True %}", request=request, newbie=newbie)

    assert (public.count("<li"), private.count("<li")) == (15, 15)


def test_a_verb_has_a_template_of_its_own(thoas: User, project: Project, templates: Path) -> None:
    (templates / "sequere/timeline/like.html").write_text("{{ action.kwargs.stars }} stars for {{ action.target }}")
    Timeline(thoas).save(LikeAction(actor=thoas, target=project, stars=5, date=october(2)))
    Timeline(thoas).save(JoinAction(actor=thoas, date=october(1)))

    shown = " ".join(text(render("{% timeline thoas %}", thoas=thoas)).split())

    assert shown.startswith("5 stars for La classe americaine thoas join ")


@pytest.mark.parametrize(
    ("name", "template", "shown"),
    [
        ("action", "an action of {{ action.actor }} for {{ user }}", "an action of thoas for newbie"),
        ("timeline", "{{ page|length }} of {{ instance }}", "1 of thoas"),
    ],
)
def test_a_host_may_have_its_own_templates(
    thoas: User, newbie: User, templates: Path, name: str, template: str, shown: str
) -> None:
    Timeline(thoas).save(JoinAction(actor=thoas))
    (templates / f"sequere/{name}.html").write_text(template)

    assert shown in render("{% timeline thoas %}", thoas=thoas, request=requested(newbie))


@pytest.mark.parametrize(
    "verb", ["../../../etc/passwd", "a\\b", "\N{SNOWMAN}" * 255, "é" * 255, "x" * 255, "a b: c", "action"]
)
def test_any_verb_can_be_shown(thoas: User, templates: Path, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    action = type("Odd", (JoinAction,), {"verb": verb})
    monkeypatch.setattr(UserSequere, "actions", (action,))
    Timeline(thoas).save(action(actor=thoas))

    assert f"thoas {verb} " in " ".join(text(render("{% timeline thoas %}", thoas=thoas)).split())


def test_a_verb_with_spaces_has_a_template_too(thoas: User, templates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    action = type("Posts", (JoinAction,), {"verb": "Posts: a Release!"})
    monkeypatch.setattr(UserSequere, "actions", (action,))
    (templates / "sequere/timeline/posts-a-release.html").write_text("posted")
    Timeline(thoas).save(action(actor=thoas))

    assert "posted" in render("{% timeline thoas %}", thoas=thoas)


def test_names_and_data_are_not_markup(thoas: User, templates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = "\"'><script>alert(1)</script>"
    (templates / "sequere/timeline/like.html").write_text("{{ action.kwargs }} {{ action.kwargs.note }} {{ action }}")
    actor = UserFactory(username=bad)
    evil = type("Evil", (JoinAction,), {"verb": bad})
    monkeypatch.setattr(UserSequere, "actions", (evil, LikeAction))
    monkeypatch.setattr(Project, "get_absolute_url", lambda self: bad, raising=False)
    target = ProjectFactory(name=bad)
    for action in (evil(actor=actor, target=target), LikeAction(actor=actor, target=target, note=bad)):
        Timeline(actor).save(action)

    html = render("{% timeline actor size=1 %}{% timeline actor %}", actor=actor, request=requested(actor, x=bad))

    assert bad in unescape(html)
    assert "<script" not in html
    assert "%3Cscript%3E" in html  # the link to older actions keeps the rest of the query


def test_a_deleted_target_is_called_deleted_and_a_hidden_one_is_not_named(thoas: User, project: Project) -> None:
    article = ArticleFactory(name="a secret")
    Timeline(thoas).save(LikeAction(actor=thoas, target=project, date=october(2)))
    Timeline(thoas).save(LikeAction(actor=thoas, target=article, date=october(1)))
    project.delete()
    Article.everything.filter(pk=article.pk).update(is_hidden=True)

    shown = " ".join(text(render("{% timeline thoas %}", thoas=thoas)).split())

    assert shown.count("something that was deleted") == 1
    assert "secret" not in shown


@pytest.mark.database
def test_a_badge_counts_up_to_its_limit(thoas: User, newbie: User) -> None:
    follow(newbie, thoas)
    for _ in range(3):
        Timeline(thoas).save(JoinAction(actor=thoas))

    with exactly(3):
        said = [render(f"{{% unread_count user{limit} %}}", user=newbie) for limit in ("", " limit=4", " limit=3")]

    assert said == ["3", "3", "2+"]


def test_a_badge_is_for_its_owner_only(thoas: User, newbie: User) -> None:
    follow(newbie, thoas)
    Timeline(thoas).save(JoinAction(actor=thoas))

    with exactly(0):
        said = [
            render("{% unread_count person %}", user=thoas, person=newbie),
            render("{% unread_count user %}", user=AnonymousUser()),
        ]

    assert said == ["0", "0"]
