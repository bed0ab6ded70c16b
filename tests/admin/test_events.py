"""The list of events: a search finds its events with few queries, among any number of events."""

import re
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client

import sequere
from sequere.contrib.timeline import Timeline
from sequere.log import paging
from sequere.log.metadata import event_metadata
from sequere.models import Event, follow, unfollow
from sequere.registry import registry
from tests.admin.conftest import LogIn
from tests.admin.pages import EVENTS, events_on, link, text_of
from tests.factories import DocumentFactory, PackageFactory, UserFactory
from tests.statements import at_most
from tests.testapp.models import Project, Stranger, User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db


@pytest.fixture
def log(thoas: User, newbie: User, project: Project) -> dict[str, Event]:
    document = DocumentFactory()
    with event_metadata(who=thoas, correlation_id="import 7"):
        events = {"first": follow(thoas, project), "second": follow(newbie, project)}
    with event_metadata(correlation_id="0123456789abcdef0123456789abcdef"):
        events["third"] = unfollow(newbie, project)
    events["fourth"] = follow(thoas, document)
    Timeline(newbie).save(JoinAction(actor=newbie, target=thoas))
    events["fifth"] = Event.objects.latest("pk")
    return {name: event for name, event in events.items() if event}


def names_of(response: Any, log: dict[str, Event]) -> list[str]:
    by_id = {event.pk: name for name, event in log.items()}
    return [by_id[id_] for id_ in events_on(response)]


ALL = ["fifth", "fourth", "third", "second", "first"]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ({}, ALL),
        ({"type": "followed"}, ["fourth", "second", "first"]),
        ({"type": "nothing"}, []),
        ({"verb": "join"}, ["fifth"]),
        ({"identifier": "document"}, ["fourth"]),
        ({"identifier": "user"}, ALL),
        ({"since": "2020-01-01", "until": "2999-12-31"}, ALL),
        ({"since": "2020-01-01", "until": "2020-12-31"}, []),
        ({"since": "2990-01-01"}, []),
        ({"q": "user:{thoas}"}, ["fifth", "fourth", "first"]),
        ({"q": "project:{project}"}, ["third", "second", "first"]),
        ({"q": "project:{project}", "type": "unfollowed"}, ["third"]),
        ({"q": "project: {project}"}, ["third", "second", "first"]),
        ({"q": "thoas"}, ["fifth", "fourth", "first"]),
        ({"q": "user:thoas"}, ["fifth", "fourth", "first"]),
        ({"q": "thoas", "identifier": "user"}, ["fifth", "fourth", "first"]),
        ({"q": "thoas", "identifier": "project"}, []),
        ({"q": "thoas", "verb": "join"}, ["fifth"]),
        ({"q": "americaine"}, ["third", "second", "first"]),
        ({"q": "{project}", "identifier": "project"}, ["third", "second", "first"]),
        ({"q": "nobody"}, []),
        ({"q": "{second.pk}"}, ["second"]),
        ({"q": "{second.stream}"}, ["third", "second"]),
        ({"q": "{second.stream.hex}"}, ["third", "second"]),
        ({"q": "import 7"}, ["second", "first"]),
        ({"q": "import 7", "type": "unfollowed"}, []),
        ({"q": "0123456789abcdef0123456789abcdef"}, ["third"]),
        ({"q": "import"}, []),
        ({"who": "user:{thoas}"}, ["second", "first"]),
        ({"who": "user:{thoas}", "q": "user:{newbie}"}, ["second"]),
        ({"who": "cron"}, []),
        ({"timeline": "user:{newbie}"}, ["fifth"]),
        ({"timeline": "user:{thoas}"}, []),
        ({"timeline": "user:{newbie}", "q": "user:{thoas}"}, ["fifth"]),
        ({"timeline": "newbie"}, []),
        ({"q": "gone:1"}, []),
        ({"q": "9" * 30}, []),
        ({"q": "\x00"}, []),
        ({"since": "yesterday"}, []),
        ({"until": "9999-12-31"}, []),
        ({"before": "{third.pk}"}, ["second", "first"]),
        ({"before": "x"}, ALL),
        ({"before": "9" * 30, "depth": "9" * 18, "type": "followed"}, ["fourth", "second", "first"]),
    ],
    ids=str,
)
def test_a_search_finds(
    browser: Client,
    log: dict[str, Event],
    thoas: User,
    newbie: User,
    project: Project,
    search: dict[str, str],
    found: list[str],
) -> None:
    keys = {"thoas": thoas.pk, "newbie": newbie.pk, "project": project.pk}
    values = {name: value.format(**keys, **log) for name, value in search.items()}

    response = browser.get(EVENTS, values)

    assert response.status_code == 200
    assert names_of(response, log) == found


def test_an_action_in_several_timelines_is_told_apart_and_so_is_who_did_it(
    browser: Client, thoas: User, newbie: User
) -> None:
    action = JoinAction(actor=newbie)
    for owner, who in ((newbie, thoas), (thoas, "cron")):
        with event_metadata(who=who):
            Timeline(owner).save(action)
    with event_metadata(who=None):
        Timeline(thoas).mark_as_read()
        Timeline(newbie).delete(action)

    page = browser.get(EVENTS)

    rows = re.findall(r"<tr>(.*?)</tr>", page.content.decode().partition("<tbody>")[2], re.DOTALL)
    assert [[cell(row, column) for column in ("Actor", "Timeline", "By")] for row in rows] == [
        ["newbie", "", ""],
        ["thoas", "thoas", ""],
        ["newbie", "thoas", "cron"],
        ["newbie", "newbie", "thoas"],
    ]


def cell(row: str, column: str) -> str:
    """The text of a cell, without its links."""
    (html,) = re.findall(rf'<td data-label="{column}"[^>]*>(.*?)</td>', row, re.DOTALL)
    return re.sub(r"<[^>]+>|↗|&nbsp;", "", html).strip()


def test_a_timeline_must_be_a_resource(browser: Client) -> None:
    assert "Give a resource, such as user:1." in text_of(browser.get(EVENTS, {"timeline": "newbie"}))


def test_a_page_costs_few_queries_however_many_rows_it_has(browser: Client, thoas: User) -> None:
    for user in UserFactory.create_batch(120):
        follow(user, thoas)

    with at_most(12):
        plain = browser.get(EVENTS)
    with at_most(12):
        searched = browser.get(EVENTS, {"q": "thoas", "type": "followed", "since": "2020-01-01", "until": "2999-01-01"})

    assert (len(events_on(plain)), len(events_on(searched))) == (paging.EVENTS_PER_PAGE, paging.EVENTS_PER_PAGE)


def test_pages_lead_to_each_other_and_keep_the_search(browser: Client, thoas: User) -> None:
    for user in UserFactory.create_batch(230):
        follow(user, thoas)
    ids = list(Event.objects.order_by("-pk").values_list("pk", flat=True))

    first = browser.get(EVENTS, {"type": "followed"})
    second = browser.get(EVENTS + link(first, "Older"))
    third = browser.get(EVENTS + link(second, "Older"))
    back = browser.get(EVENTS + link(third, "Newer"))
    newest = browser.get(EVENTS + link(third, "Newest"))
    beyond = browser.get(EVENTS + link(second, "Newer"))

    pages = [events_on(page) for page in (first, second, third, back, newest, beyond)]
    assert pages == [ids[:100], ids[100:200], ids[200:], ids[100:200], ids[:100], ids[:100]]
    assert "Older" not in text_of(third)
    assert "Newer" not in text_of(first)


def test_a_page_that_stops_searching_says_so_and_offers_more(
    browser: Client, log: dict[str, Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "LOOK_ALONG_LOG", 2)

    cut = browser.get(EVENTS, {"identifier": "project", "type": "followed"})
    older = browser.get(EVENTS + link(cut, "Older"))
    deeper = browser.get(EVENTS + link(cut, "Look at ten times as many"))

    assert (names_of(cut, log), names_of(older, log)) == ([], ["second"])
    assert f"looked back to event {log['fourth'].pk}" in text_of(cut)
    assert names_of(deeper, log) == ["second", "first"]
    assert "limited number" not in text_of(deeper)


def test_a_name_with_many_matches_must_be_completed(browser: Client) -> None:
    users = [UserFactory(username=f"thoas{n:02}") for n in range(25)]
    for one, other in pairwise(users):
        follow(one, other)

    with at_most(12):
        response = browser.get(EVENTS, {"q": "thoas"})

    assert "enter more of the name" in text_of(response)
    assert len(events_on(response)) == 20


def test_without_permission_for_a_model_only_keys_are_shown_and_searched(
    log_in: LogIn, log: dict[str, Event], thoas: User, project: Project
) -> None:
    auditor = log_in("sequere.view_event", "testapp.view_project")

    everything, by_name = auditor.get(EVENTS), auditor.get(EVENTS, {"q": "thoas"})

    assert f"user:{thoas.pk} not shown" in text_of(everything)
    assert "La classe americaine" in text_of(everything)
    assert "thoas" not in everything.content.decode()
    assert names_of(by_name, log) == []


def test_a_deleted_instance_is_shown_by_its_key(browser: Client, log: dict[str, Event], project: Project) -> None:
    key = registry.key_of(project)
    project.delete()

    response = browser.get(EVENTS, {"q": str(key)})

    assert {log["first"].pk, log["second"].pk, log["third"].pk} < set(events_on(response))
    assert f"{key} not shown" in text_of(response)


def test_an_unregistered_instance_is_shown_by_its_key(browser: Client, thoas: User) -> None:
    sequere.register(Stranger)
    stranger = Stranger.objects.create(name="somebody")
    follow(thoas, stranger)
    key = registry.key_of(stranger)
    sequere.unregister(Stranger)

    response = browser.get(EVENTS, {"q": str(key)})

    assert len(events_on(response)) == 1
    assert f"{key} not registered" in text_of(response)


def test_any_text_may_be_a_key(browser: Client, thoas: User) -> None:
    package = PackageFactory(name="lib:x/y?z#1:amd64")
    follow(thoas, package)

    response = browser.get(EVENTS, {"q": "package:lib:x/y?z#1:amd64"})

    assert len(events_on(response)) == 1
    assert browser.get(link(response, "lib:x/y?z#1:amd64")).status_code == 200


def test_the_choices_are_offered(browser: Client, db: None) -> None:
    html = browser.get(EVENTS).content.decode()

    assert all(f'<option value="{value}">' in html for value in ("followed", "action_deleted", "join", "package"))
