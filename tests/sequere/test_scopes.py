"""Scopes, from every side: what can be one, who may use one, and where one is shown."""

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.urls import reverse

from sequere.exceptions import InvalidCursor, InvalidScope, TooManyScopes, UnknownScope
from sequere.log import Intent, numbers, record, stream_of
from sequere.models import (
    Event,
    GraphNumber,
    follow,
    follow_many,
    get_followers,
    get_followers_count,
    is_following,
    unfollow,
    unfollow_many,
)
from sequere.registry import registry
from sequere.signals import followed
from sequere_timeline import Timeline
from tests.statements import exactly
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("scope", [None, 7, b"watch", "a" * 51, "wat\0ch", "\ud800"])
def test_what_cannot_be_a_scope_is_refused_everywhere(thoas: User, project: Project, scope: Any) -> None:
    for call in (
        lambda: follow(thoas, project, scope=scope),
        lambda: unfollow(thoas, project, scope=scope),
        lambda: follow_many([(thoas, project)], scope=scope),
        lambda: is_following(thoas, project, scope=scope),
        lambda: get_followers(project, scope=scope),
        lambda: get_followers_count(project, scope=scope),
    ):
        with pytest.raises(InvalidScope):
            call()
    assert not Event.objects.exists()


def test_a_closed_list_of_scopes(thoas: User, newbie: User, project: Project, settings: Any) -> None:
    follow_many([(thoas, project), (newbie, project)], scope="watch")
    settings.SEQUERE_SCOPES = ["star"]

    for call in (
        lambda: follow(thoas, newbie, scope="watch"),
        lambda: is_following(thoas, project, scope="watch"),
        lambda: get_followers(project, scope="watch"),
    ):
        with pytest.raises(UnknownScope, match="'watch': use one of '', 'star'"):
            call()

    assert (follow(thoas, project), follow(thoas, project, scope="star")) != (None, None)
    assert unfollow(thoas, project, scope="watch")
    assert unfollow_many([(newbie, project)], scope="watch") == 1


def test_there_is_a_last_scope(thoas: User, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    follow(thoas, project)
    follow(thoas, project, scope="first")
    monkeypatch.setattr(numbers, "MAX_GRAPHS", 2)

    with pytest.raises(TooManyScopes, match="'second'"):
        follow(thoas, project, scope="second")

    unfollow(thoas, project, scope="first")
    assert follow(thoas, project, scope="first")
    assert sorted(GraphNumber.objects.values_list("scope", flat=True)) == ["", "first"]


def test_a_scope_is_told_with_the_event(thoas: User, project: Project, django_capture_on_commit_callbacks: Any) -> None:
    told: list[Event] = []

    def receive(event: Event, **_: Any) -> None:
        told.append(event)

    followed.connect(receive)
    with django_capture_on_commit_callbacks(execute=True):
        event = follow(thoas, project, scope="watch")
    followed.disconnect(receive)

    assert event is not None
    assert (told, event.scope) == ([event], "watch")
    assert str(event) == f"user:{thoas.pk} followed project:{project.pk} (watch)"


def test_an_event_of_a_host_has_none(thoas: User) -> None:
    with pytest.raises(TypeError, match="Only relations"):
        record([Intent("joked", stream_of("joke"), thoas, scope="watch")])


def test_a_timeline_has_nothing_of_who_is_only_watched(thoas: User, newbie: User) -> None:
    follow(thoas, newbie, scope="watch")
    Timeline(newbie).save(JoinAction(actor=newbie))
    follow(thoas, newbie, scope="star")

    before = Timeline(thoas).get_private_count()
    follow(thoas, newbie)
    after = Timeline(thoas).get_private_count()
    unfollow(thoas, newbie, scope="watch")

    assert (before, after, Timeline(thoas).get_private_count()) == (0, 1, 1)


def test_methods_and_awaited_functions_take_a_scope(thoas: User, project: Project) -> None:
    thoas.follow(project, scope="watch")

    awaited = async_to_sync(thoas.ais_following)(project, scope="watch")

    assert (awaited, thoas.is_following(project)) == (True, False)
    assert thoas.is_following_many([project], scope="watch") == {project: True}
    assert [one for one, _ in thoas.get_followings(scope="watch")] == [project]
    assert [get(scope="watch") for get in (thoas.get_followings_count, project.get_followers_count)] == [1, 1]
    assert (thoas.unfollow_many([project], scope="watch"), thoas.follow_many([project], scope="watch")) == (1, 1)


def test_a_cursor_belongs_to_one_scope(thoas: User, newbie: User, project: Project) -> None:
    follow_many([(thoas, project), (newbie, project)], scope="watch")
    cursor = get_followers(project, scope="watch").page(1).next_cursor

    with pytest.raises(InvalidCursor):
        get_followers(project).page(1, cursor)


# Over HTTP and on pages


@pytest.fixture
def browser(client: Client, thoas: User, settings: Any) -> Client:
    settings.SEQUERE_SCOPES = ["watch"]
    client.force_login(thoas)
    return client


def test_a_listed_scope_can_be_used_over_http(browser: Client, thoas: User, project: Project) -> None:
    form = {"identifier": "project", "object_id": project.pk, "scope": "watch"}

    answers = [
        browser.post(f"/sequere/{verb}/", form, headers={"Accept": "application/json"}).json()
        for verb in ("follow", "unfollow", "follow")
    ]

    assert [(answer["is_following"], answer["followers_count"]) for answer in answers] == [
        (True, 1),
        (False, 0),
        (True, 1),
    ]
    assert (is_following(thoas, project), is_following(thoas, project, scope="watch")) == (False, True)
    address = reverse("sequere:followers", args=registry.key_of(project))
    found = [browser.get(address, {"scope": scope}).json()["results"] for scope in ("", "watch")]
    assert [[one["label"] for one in results] for results in found] == [[], ["thoas"]]


@pytest.mark.parametrize("scopes", [["star"], None])
def test_no_client_makes_a_scope(browser: Client, project: Project, settings: Any, scopes: Any) -> None:
    settings.SEQUERE_SCOPES = scopes
    form = {"identifier": "project", "object_id": project.pk, "scope": "watch"}

    posted = [browser.post(f"/sequere/{verb}/", form) for verb in ("follow", "unfollow")]
    listed = browser.get(reverse("sequere:followers", args=registry.key_of(project)), {"scope": "watch"})

    assert [answer.status_code for answer in (*posted, listed)] == [400, 400, 400]
    assert not GraphNumber.objects.filter(scope="watch").exists()


def test_buttons_and_filters_of_a_scope(thoas: User, project: Project) -> None:
    follow(thoas, project, scope="watch")
    context = Context({"user": thoas, "request": RequestFactory().get("/"), "project": project, "all": [project]})
    template = Template(
        "{% load sequere %}{% prefetch_following all scope='watch' %}{% follow_button project scope='watch' %}"
    )
    question = Template(
        "{% load sequere %}{{ project|in_scope:'watch'|followers_count:'user' }}{{ project|followers_count }} "
        "{{ user|in_scope:'watch'|is_following:project }} {{ user|is_following:project }}"
    )

    with exactly(1):
        button = template.render(context)

    assert 'action="/sequere/unfollow/"' in button
    assert '<input type="hidden" name="scope" value="watch">' in button
    assert question.render(context) == "10 True False"


def test_the_admin_shows_the_scopes(admin_client: Client, thoas: User, project: Project) -> None:
    event = follow(thoas, project, scope="watch")
    assert event is not None
    address = reverse("admin:sequere_relations", args=("followers", *registry.key_of(project)))

    pages = [admin_client.get(address, parameters) for parameters in ({}, {"scope": "watch"}, {"scope": "star"})]
    addresses = reverse("admin:sequere_event_changelist"), reverse("admin:sequere_event_change", args=(event.pk,))
    log = [admin_client.get(address) for address in addresses]
    exported = admin_client.get(reverse("admin:sequere_event_export", args=("csv",)))

    assert [page.status_code for page in pages] == [200, 200, 404]
    assert [b"?scope=watch" in page.content for page in pages[:2]] == [True, True]
    assert [b"<code>user:" in page.content for page in pages[:2]] == [False, True]
    assert all(b"watch" in page.content for page in log)
    assert b",watch," in b"".join(exported)
