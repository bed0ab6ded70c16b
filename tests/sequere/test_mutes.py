"""Mutes over HTTP, in templates and in the admin; their signals, and what they cost."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import Context, Template
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sequere import signals
from sequere.contrib.timeline import Timeline
from sequere.exceptions import InvalidTimestamp
from sequere.models import Event, get_muted, is_muted, mute, unmute
from sequere.registry import registry
from sequere.relations.lasting import end_of
from tests.sequere_timeline.dates import october
from tests.statements import exactly
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db

JSON = {"Accept": "application/json"}


def form(instance: Any, **more: str) -> dict[str, Any]:
    return dict(zip(("identifier", "object_id"), registry.key_of(instance), strict=True)) | more


def test_a_mute_sends_a_signal_for_each_event(
    thoas: User, newbie: User, django_capture_on_commit_callbacks: Any
) -> None:
    told: list[Any] = []

    def receive(from_instance: Any, to_instance: Any, event: Any, **_: Any) -> None:
        told.append((event.type, from_instance, to_instance))

    for signal in (signals.muted, signals.unmuted):
        signal.connect(receive)
    with django_capture_on_commit_callbacks(execute=True):
        for until in (None, None, october(1)):
            mute(thoas, newbie, until)
        unmute(thoas, newbie)
    for signal in (signals.muted, signals.unmuted):
        signal.disconnect(receive)

    assert told == [(name, thoas, newbie) for name in ("muted", "unmuted", "muted", "unmuted")]


@pytest.mark.parametrize("use_tz", [True, False])
def test_the_log_says_until_when_in_utc(thoas: User, newbie: User, settings: Any, *, use_tz: bool) -> None:
    settings.USE_TZ = use_tz

    event = mute(thoas, newbie, 1_900_000_000)

    assert event is not None
    assert event.data == {"until": "2030-03-17T17:46:40.000000+00:00"}
    assert (end_of(event), is_muted(thoas, newbie)) == (end_of(Event.objects.get(pk=event.pk)), True)
    assert mute(thoas, newbie, end_of(event)) is None
    with pytest.raises(InvalidTimestamp):
        mute(thoas, newbie, "tomorrow")  # type: ignore[arg-type]


@pytest.mark.inline
def test_who_mutes_costs_no_more_queries_than_who_does_not(thoas: User, newbie: User, project: Project) -> None:
    for day in (1, 2):
        Timeline(thoas).save(JoinAction(actor=newbie, date=october(day)))
    timeline = Timeline(thoas)

    for until in (None, october(1)):
        with exactly(4):
            assert len(timeline.get_private().page(1)) + timeline.get_private_count() + timeline.get_unread_count() > 0
        mute(thoas, project, until)

    with exactly(1):
        assert mute(thoas, project, october(1)) is None
    with exactly(4):
        assert (is_muted(thoas, project), list(get_muted(thoas)), get_muted(thoas).count()) == (False, [], 0)
        assert thoas.get_muted_count() == 0


def test_a_mute_and_its_end_over_http(client: Client, thoas: User, newbie: User) -> None:
    client.force_login(thoas)

    answers = [
        client.post(f"/sequere/{verb}/", form(newbie), headers=JSON).json()
        for verb in ("mute", "mute", "unmute", "unmute")
    ]
    redirected = client.post("/sequere/mute/", form(newbie, next="/projects/", hours="024"))
    refused = [
        client.post("/sequere/mute/", given, headers=JSON).status_code
        for given in (form(thoas), *(form(newbie, hours=hours) for hours in ("-1", "soon", "9" * 9, "٣")))
    ]

    assert [(answer["changed"], answer["is_muted"]) for answer in answers] == [
        (True, True),
        (False, True),
        (True, False),
        (False, False),
    ]
    assert (redirected.status_code, redirected["Location"], refused) == (302, "/projects/", [409, 400, 400, 400, 400])
    until = end_of(Event.objects.of_type("muted").latest("pk"))
    assert until is not None
    assert timedelta(hours=23) < until - timezone.now() <= timedelta(hours=24)


def test_only_oneself_sees_whom_one_has_muted(client: Client, thoas: User, newbie: User, project: Project) -> None:
    mute(thoas, newbie)
    mute(thoas, project, october(1))
    address = reverse("sequere:muted", args=registry.key_of(thoas))

    answers = []
    for user in (thoas, newbie):
        client.force_login(user)
        answers.append(client.get(address))

    assert [one["label"] for one in answers[0].json()["results"]] == [newbie.username]
    assert answers[1].status_code == 403


def test_a_mute_of_what_is_gone_can_be_ended(client: Client, thoas: User, newbie: User) -> None:
    client.force_login(thoas)
    mute(thoas, newbie)
    address = form(newbie)
    User.objects.filter(pk=newbie.pk)._raw_delete("default")

    answers = [client.post("/sequere/unmute/", address, headers=JSON).status_code for _ in range(2)]

    assert (answers, get_muted(thoas).count()) == ([200, 404], 0)


def test_a_filter_asks_for_a_mute(thoas: User, newbie: User) -> None:
    mute(thoas, newbie)
    template = Template("{% load sequere %}{{ user|is_muted:other }}")

    answers = [template.render(Context({"user": user, "other": newbie})) for user in (thoas, AnonymousUser())]

    assert answers == ["True", "False"]


def test_the_admin_lists_mutes(admin_client: Client, thoas: User, project: Project) -> None:
    mute(thoas, project)

    pages = [
        admin_client.get(reverse("admin:sequere_relations", args=("muted", *registry.key_of(one))))
        for one in (thoas, project)
    ]

    assert [b'<td data-label="Key">' in page.content for page in pages] == [True, False]
