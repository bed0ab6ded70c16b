"""No page without its permission; and nobody changes the log."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client, RequestFactory

from sequere.models import Event, Projection, QueuedEvent, follow
from tests.admin.conftest import LogIn
from tests.admin.pages import EVENTS, PROJECTIONS, text_of
from tests.testapp.models import Project, User

VIEW, EXPORT, PROJECTION = "sequere.view_event", "sequere.export_event", "sequere.view_projection"

#: Each page, and the permissions that it requires.
PAGES = {
    EVENTS: [VIEW],
    f"{EVENTS}1/change/": [VIEW],
    f"{EVENTS}followers/project/1/": [VIEW],
    f"{EVENTS}followings/user/1/": [VIEW],
    f"{EVENTS}events.csv": [VIEW, EXPORT],
    f"{EVENTS}events.jsonl": [VIEW, EXPORT],
    PROJECTIONS: [PROJECTION],
    f"{PROJECTIONS}follows/change/": [PROJECTION],
    **{
        f"{PROJECTIONS}follows/{verb}/?all": [PROJECTION, f"sequere.{verb}_projection"]
        for verb in ("drain", "retry", "skip", "rebuild", "verify")
    },
}
#: What a form on one of them requires as well.
REMOVE_FOLLOWER = "sequere.remove_follower_event"
SUSPEND = "sequere.suspend_event"
ALL = sorted({REMOVE_FOLLOWER, SUSPEND, *(permission for permissions in PAGES.values() for permission in permissions)})


@pytest.fixture(autouse=True)
def something_failed(thoas: User, project: Project) -> None:
    event = follow(thoas, project)
    assert event
    QueuedEvent.objects.create(
        queue="built-in", event=event, shard=0, stream=event.stream, attempts=1, retry_at=event.recorded_at
    )


@pytest.fixture
def urls(thoas: User, project: Project) -> dict[str, list[str]]:
    event = Event.objects.get()
    keys = {
        "/1/change/": f"/{event.pk}/change/",
        "project/1/": f"project/{project.pk}/",
        "user/1/": f"user/{thoas.pk}/",
    }
    urls = dict(PAGES)
    for old, new in keys.items():
        urls = {url.replace(old, new): permissions for url, permissions in urls.items()}
    return urls


@pytest.mark.parametrize("index", range(len(PAGES)), ids=list(PAGES))
def test_a_page_requires_its_permissions_and_no_others(log_in: LogIn, urls: Any, index: int) -> None:
    url, needed = list(urls.items())[index]

    codes = {
        "anonymous": Client().get(url).status_code,
        "user": log_in(*needed, is_staff=False).get(url).status_code,
        "staff": log_in().get(url).status_code,
        "all but one": {log_in(*(one for one in ALL if one != lacking)).get(url).status_code for lacking in needed},
        "enough": log_in(*needed).get(url).status_code,
    }

    assert codes == {"anonymous": 302, "user": 302, "staff": 403, "all but one": {403}, "enough": 200}


@pytest.mark.parametrize("verb", ["drain", "retry", "skip", "rebuild", "verify"])
def test_an_operation_by_post_requires_its_permission(log_in: LogIn, verb: str) -> None:
    others = [permission for permission in ALL if permission != f"sequere.{verb}_projection"]

    response = log_in(*others).post(f"{PROJECTIONS}follows/{verb}/", {"all": "1"})

    assert response.status_code == 403
    assert QueuedEvent.objects.count() == 1


def test_links_lead_only_to_permitted_pages(log_in: LogIn, thoas: User) -> None:
    plain = text_of(log_in(VIEW).get(EVENTS))
    more = text_of(log_in(VIEW, EXPORT, PROJECTION).get(EVENTS))
    projection = text_of(log_in(PROJECTION, "sequere.verify_projection").get(f"{PROJECTIONS}follows/change/"))

    assert [word in plain for word in ("Export", "Projections")] == [False, False]
    assert [word in more for word in ("Export", "Projections")] == [True, True]
    assert [word in projection for word in ("Verify", "Rebuild", "Retry", "Skip", "Apply")] == [True, *[False] * 4]


@pytest.mark.parametrize("model", [Event, Projection])
def test_nobody_adds_changes_or_deletes(rf: RequestFactory, superuser: User, model: Any) -> None:
    request = rf.get("/")
    request.user = superuser
    model_admin = admin.site.get_model_admin(model)

    may = model_admin.get_model_perms(request)

    assert may == {"add": False, "change": False, "delete": False, "view": True}


@pytest.mark.parametrize("page", ["add/", "{id}/delete/", "{id}/history/", "{id}/", "0/change/", "x/change/"])
def test_there_are_no_pages_to_change_events(browser: Client, page: str) -> None:
    url = EVENTS + page.format(id=Event.objects.get().pk)

    assert (browser.get(url).status_code, browser.post(url).status_code) == (404, 404)


def test_no_other_permissions_exist() -> None:
    ours = Permission.objects.filter(content_type__app_label="sequere", content_type__model__in=["event", "projection"])

    assert sorted(f"sequere.{permission.codename}" for permission in ours) == ALL
