"""Names of users and data of actions are text wherever the admin shows them."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from sequere.contrib.timeline import Timeline
from sequere.log.metadata import event_metadata
from sequere.models import Event, QueuedEvent, follow
from tests.admin.pages import EVENTS, PROJECTIONS
from tests.factories import PackageFactory, ProjectFactory, UserFactory
from tests.testapp.sequere_registry import LikeAction

pytestmark = [pytest.mark.django_db, pytest.mark.sequere_queued]

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7|add:7 }}"


@pytest.fixture(autouse=True)
def evil(settings: Any) -> None:
    settings.SEQUERE_PROJECTION_MODES = {"follows": "on_commit", "timelines": "on_commit"}
    user = UserFactory(username=EVIL)
    project, package = ProjectFactory(name=EVIL), PackageFactory(name=EVIL)
    with event_metadata(who=user, correlation_id=EVIL, **{EVIL: EVIL}):
        follow(user, project, idempotency_key=EVIL)
        follow(user, package)
        Timeline(user).save(LikeAction(actor=user, target=project, **{EVIL: [EVIL]}))
    for event in Event.objects.all():
        QueuedEvent.objects.filter(event=event).update(
            attempts=5, parked_at=timezone.now(), error=EVIL, traceback=f"{EVIL}\n{EVIL}"
        )


def test_no_page_runs_a_script(browser: Client) -> None:
    first, *_, last = Event.objects.order_by("pk").values_list("pk", flat=True)
    user = Event.objects.get(pk=first).actor.object_id
    project = Event.objects.get(pk=first).target
    assert project
    pages = [
        (EVENTS, {}),
        *((EVENTS, {name: EVIL}) for name in ("q", "type", "verb", "identifier", "since", "before", "depth", EVIL)),
        (EVENTS, {"q": f"package:{EVIL}"}),
        (f"{EVENTS}{first}/change/", {}),
        (f"{EVENTS}{last}/change/", {}),
        (f"{EVENTS}followers/project/{project.object_id}/", {EVIL: EVIL}),
        (f"{EVENTS}followings/user/{user}/", {}),
        (f"/admin/testapp/user/{user}/change/", {}),
        (PROJECTIONS, {}),
        (f"{PROJECTIONS}follows/change/", {EVIL: EVIL}),
        (f"{PROJECTIONS}follows/retry/", {"event": [str(first), EVIL]}),
    ]

    for url, parameters in pages:
        response = browser.get(url, parameters)
        html = response.content.decode()
        main = html[html.index('<main id="content-start"') :]

        assert response.status_code == 200, url
        assert "<script>alert" not in html, (url, parameters)
        assert "<img src=x" not in html, (url, parameters)
        assert "14" not in main.partition("onerror")[2][:40], (url, parameters)


def test_a_link_is_an_address_whatever_a_key_holds(browser: Client) -> None:
    html = browser.get(EVENTS).content.decode()

    assert "javascript:" not in html
    assert "q=package%3A%22%27%3E%3Cscript%3Ealert%281%29%3C/script%3E" in html
