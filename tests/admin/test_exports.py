"""Events as files: all of them, in constant memory, and harmless in a spreadsheet."""

import csv
import io
import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext

from sequere.contrib.timeline import Timeline
from sequere.log import paging
from sequere.log.metadata import event_metadata
from sequere.models import follow
from tests.admin.pages import EVENTS
from tests.factories import PackageFactory, UserFactory
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db

CSV, JSON_LINES = f"{EVENTS}events.csv", f"{EVENTS}events.jsonl"


def text(response: Any) -> str:
    assert response.status_code == 200
    return b"".join(response.streaming_content).decode()


def rows(response: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text(response).removeprefix("\ufeff"))))


def test_a_file_has_the_events_of_the_list(browser: Client, thoas: User, project: Project) -> None:
    with event_metadata(correlation_id="import 7", who=thoas):
        event = follow(thoas, project)
    follow(UserFactory(), thoas)
    assert event

    (line,) = text(browser.get(JSON_LINES, {"q": "import 7"})).splitlines()
    (row,) = rows(browser.get(CSV, {"q": "import 7"}))

    expected = {
        "id": event.pk,
        "type": "followed",
        "actor": f"user:{thoas.pk}",
        "verb": "",
        "target": f"project:{project.pk}",
        "scope": "",
        "timeline": None,
        "who": f"user:{thoas.pk}",
        "occurred_at": event.occurred_at.isoformat(),
        "recorded_at": event.recorded_at.isoformat(),
        "stream": str(event.stream),
        "version": 1,
        "data": {},
        "metadata": {"who": f"user:{thoas.pk}", "correlation_id": "import 7"},
        "schema_version": 1,
        "idempotency_key": None,
    }
    assert json.loads(line) == expected
    assert {**row, "metadata": json.loads(row["metadata"])} == {
        name: json.dumps(value) if isinstance(value, dict) else "" if value is None else str(value)
        for name, value in expected.items()
    } | {"metadata": expected["metadata"]}


def test_a_file_is_read_page_by_page(browser: Client, thoas: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "EVENTS_PER_QUERY", 10)
    for user in UserFactory.create_batch(35):
        follow(user, thoas)
    response: Any = browser.get(JSON_LINES)
    lines = iter(response.streaming_content)

    with CaptureQueriesContext(connection) as first:
        next(lines)
    with CaptureQueriesContext(connection) as others:
        number = 1 + sum(1 for _ in lines)

    assert number == 35
    assert (len(first), len(others)) == (2, 6)
    assert not any("OFFSET" in query["sql"] for query in [*first, *others])


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_is_a_formula(browser: Client, thoas: User, start: str) -> None:
    evil = start + 'cmd|"/c calc"!A0'
    follow(thoas, PackageFactory(), idempotency_key=evil)

    (row,) = rows(browser.get(CSV))
    (line,) = text(browser.get(JSON_LINES)).splitlines()

    assert row["idempotency_key"] == f"'{evil}"
    assert json.loads(line)["idempotency_key"] == evil


def test_an_event_is_one_line_whatever_its_data(browser: Client, thoas: User) -> None:
    Timeline(thoas).save(JoinAction(actor=thoas, note='a\r\nb,"c"\u2028d'))

    (row,) = rows(browser.get(CSV))
    (line, end) = text(browser.get(JSON_LINES)).split("\n")

    assert end == ""
    assert json.loads(row["data"])["kwargs"] == json.loads(line)["data"]["kwargs"] == {"note": 'a\r\nb,"c"\u2028d'}


@pytest.mark.parametrize("form", ["xlsx", "csv%0d%0aSet-Cookie:%20a=b", "csv%22;x=%22", "CSV"])
def test_only_two_formats_are_allowed_and_inject_no_header(browser: Client, form: str) -> None:
    response = browser.get(f"{EVENTS}events.{form}", {"q": "a\r\nSet-Cookie: a=b"})

    assert response.status_code == 404
    assert "Set-Cookie" not in str(response.headers)


def test_the_name_of_a_file_is_ours(browser: Client) -> None:
    response = browser.get(CSV, {"q": "a\r\nSet-Cookie: a=b", "type": '"; filename="evil.exe'})

    assert response.headers["Content-Disposition"] == 'attachment; filename="events.csv"'
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert rows(response) == []


def test_an_asynchronous_server_streams_a_file_line_by_line(superuser: User, thoas: User) -> None:
    event = follow(superuser, thoas)
    assert event

    async def export() -> tuple[bool, list[int]]:
        browser = AsyncClient()
        await browser.aforce_login(superuser)
        response: Any = await browser.get(JSON_LINES)
        return response.is_async, [json.loads(line)["id"] async for line in response.streaming_content]

    assert async_to_sync(export)() == (True, [event.pk])
