"""Blocks over HTTP, in templates and in the admin, and the signals of blocks."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.urls import reverse

from sequere import signals
from sequere.models import block, follow, get_blocked, is_blocked, is_following, unblock
from sequere.registry import registry
from tests.factories import UserFactory
from tests.statements import exactly
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import UserSequere

pytestmark = pytest.mark.django_db

JSON = {"Accept": "application/json"}


def form(instance: Any) -> dict[str, Any]:
    return dict(zip(("identifier", "object_id"), registry.key_of(instance), strict=True))


def test_a_block_sends_a_signal_for_each_event(
    thoas: User, newbie: User, django_capture_on_commit_callbacks: Any
) -> None:
    told: list[Any] = []

    def receive(from_instance: Any, to_instance: Any, event: Any, **_: Any) -> None:
        told.append((event.type, from_instance, to_instance))

    follow(newbie, thoas)
    names = ("followed", "unfollowed", "blocked", "unblocked")
    for name in names:
        getattr(signals, name).connect(receive)
    with django_capture_on_commit_callbacks(execute=True):
        block(thoas, newbie)
        block(thoas, newbie)
        unblock(thoas, newbie)
    for name in names:
        getattr(signals, name).disconnect(receive)

    assert told == [("blocked", thoas, newbie), ("unfollowed", newbie, thoas), ("unblocked", thoas, newbie)]


def test_the_events_of_a_block_say_why(thoas: User, newbie: User) -> None:
    follow(newbie, thoas)

    event = block(thoas, newbie)

    assert event is not None
    assert event.metadata == {"cause": "blocked"}


def test_a_block_costs_one_query_if_there_is_one(thoas: User, newbie: User) -> None:
    block(thoas, newbie)

    with exactly(1):
        assert block(thoas, newbie) is None


def test_a_block_and_its_end_over_http(client: Client, thoas: User, newbie: User) -> None:
    client.force_login(thoas)
    follow(newbie, thoas)

    answers = [
        client.post(f"/sequere/{verb}/", form(newbie), headers=JSON).json()
        for verb in ("block", "block", "unblock", "unblock")
    ]
    redirected = client.post("/sequere/block/", {**form(newbie), "next": "/projects/"})
    oneself = client.post("/sequere/block/", form(thoas), headers=JSON)

    assert [(answer["changed"], answer["is_blocked"]) for answer in answers] == [
        (True, True),
        (False, True),
        (True, False),
        (False, False),
    ]
    assert (redirected.status_code, redirected["Location"], oneself.status_code) == (302, "/projects/", 409)
    assert (is_blocked(thoas, newbie), is_following(newbie, thoas)) == (True, False)


def test_nobody_is_told_who_has_blocked_whom(client: Client, thoas: User, newbie: User, settings: Any) -> None:
    client.force_login(newbie)
    block(thoas, newbie)

    refused = client.post("/sequere/follow/", form(thoas), headers=JSON)
    lists = [client.get(reverse("sequere:blocked", args=registry.key_of(user))).status_code for user in (thoas, newbie)]

    assert (refused.status_code, refused.json()) == (403, {"error": "You may not follow that."})
    assert lists == [403, 200]


@pytest.mark.parametrize("prefetched", ["", "{% prefetch_following people %}"])
def test_after_a_block_neither_has_a_button(thoas: User, newbie: User, rf: RequestFactory, prefetched: str) -> None:
    """What the one who is blocked sees is what `can_follow` would leave. Others, and visitors, have their buttons."""
    block(thoas, newbie)
    page = Template("{% load sequere %}" + prefetched + "{% for one in people %}{% follow_button one %}{% endfor %}")
    request = rf.get("/")

    def buttons(user: Any, *people: User) -> list[str]:
        request.user = user
        return re.findall(r">(\w+)</button>", page.render(Context({"request": request, "people": people})))

    before = [buttons(one, other) for one, other in ((thoas, newbie), (newbie, thoas), (UserFactory(), thoas))]
    unblock(thoas, newbie)

    assert before == [[], [], ["Follow"]]
    assert buttons(newbie, thoas) == ["Follow"]


def test_what_can_follow_refuses_has_no_button_unless_it_is_followed(
    thoas: User, newbie: User, rf: RequestFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = UserFactory()
    follow(newbie, other)
    monkeypatch.setattr(UserSequere, "can_follow", lambda *_: False)
    request = rf.get("/")
    request.user = newbie

    html = [
        Template("{% load sequere %}{% follow_button one %}").render(Context({"request": request, "one": one})).strip()
        for one in (thoas, other)
    ]

    assert ("Following" in html[1], html[0]) == (True, "")


def test_everyone_sees_whom_they_have_blocked(client: Client, thoas: User, newbie: User) -> None:
    client.force_login(thoas)
    block(thoas, newbie)

    answer = client.get(reverse("sequere:blocked", args=registry.key_of(thoas))).json()

    assert [one["label"] for one in answer["results"]] == [newbie.username]


def test_a_block_of_what_is_gone_can_be_ended(client: Client, thoas: User, newbie: User) -> None:
    client.force_login(thoas)
    block(thoas, newbie)
    address = form(newbie)
    User.objects.filter(pk=newbie.pk)._raw_delete("default")

    answers = [client.post("/sequere/unblock/", address, headers=JSON).status_code for _ in range(2)]

    assert (answers, get_blocked(thoas).count()) == ([200, 404], 0)


def test_a_filter_asks_for_a_block(thoas: User, newbie: User) -> None:
    block(thoas, newbie)
    template = Template("{% load sequere %}{{ user|is_blocked:other }}")

    answers = [template.render(Context({"user": user, "other": newbie})) for user in (thoas, AnonymousUser())]

    assert answers == ["True", "False"]


def test_the_admin_lists_blocks(admin_client: Client, thoas: User, project: Project) -> None:
    block(thoas, project)

    pages = [
        admin_client.get(reverse("admin:sequere_relations", args=(what, *registry.key_of(one))))
        for what, one in (("blocked", thoas), ("blocked_by", project), ("blocked", project))
    ]

    assert [b'<td data-label="Key">' in page.content for page in pages] == [True, True, False]
