"""What the commands tell an operator, and the status with which they end."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import ManagementUtility
from django.utils import timezone

from sequere.log.metadata import event_metadata
from sequere.log.models import Event
from sequere.models import QueuedEvent, follow, unfollow
from sequere.outbox.drain import MAX_ATTEMPTS, drain_all
from sequere.projections.projector import Projector
from tests.commands import run
from tests.testapp.models import Project, User

pytestmark = [pytest.mark.django_db, pytest.mark.inline, pytest.mark.sequere_queued]


#: No database can store these; the second one is what Python makes of an argument that is not UTF-8.
IMPOSSIBLE = ("\x00", "\udcff")


class Doorkeeper(Projector):
    """Refuses everybody."""

    def on_followed(self, event: Event, *, using: str) -> None:
        raise PermissionError(f"not {event.actor}")


@pytest.fixture
def door(settings: Any) -> None:
    settings.SEQUERE_PROJECTORS = {"door": f"{__name__}.Doorkeeper"}
    settings.SEQUERE_PROJECTION_MODES = {"door": "celery"}


@pytest.fixture
def fail(door: None, thoas: User, newbie: User, project: Project) -> Callable[[int], list[int]]:
    """Lets the door refuse two events a number of times; returns their ids."""

    def fail(attempts: int) -> list[int]:
        events = [event.pk for one in (thoas, newbie) if (event := follow(one, project))]
        for _ in range(attempts):
            QueuedEvent.objects.filter(retry_at__isnull=False).update(retry_at=timezone.now())
            drain_all(using="default")
        return events

    return fail


@pytest.mark.parametrize("attempts", [0, 1, MAX_ATTEMPTS])
def test_a_drain_that_leaves_failures_ends_with_1_and_names_them(
    fail: Callable[[int], list[int]], attempts: int
) -> None:
    ids = fail(attempts)

    status, said = run("run_projections", "--once")

    assert status == 1
    assert said.startswith("0 events applied\n2 have failed and wait: see show_projections --failed\n")
    for id_ in ids:
        next_ = "parked since" if attempts == MAX_ATTEMPTS else "tried again at"
        assert f"  event {id_} ({Event.objects.get(pk=id_)}) in door, {next_} " in said
    assert "PermissionError: not user:" in said


def test_a_drain_without_failures_ends_with_0(door: None) -> None:
    assert run("run_projections", "--once") == (0, "0 events applied\n")


@pytest.mark.parametrize("attempts", [1, MAX_ATTEMPTS])
def test_failed_events_are_listed_with_their_ids(fail: Callable[[int], list[int]], attempts: int) -> None:
    ids = fail(attempts)

    _, table = run("show_projections", "--failed")
    found = json.loads(run("show_projections", "--failed", "--json")[1])

    assert table.splitlines()[0].split() == ["id", "queue", "event", "attempts", "next", "error"]
    assert [line.split()[0] for line in table.splitlines()[1:]] == [str(id_) for id_ in ids]
    assert [(one["id"], one["queue"], one["attempts"]) for one in found] == [(id_, "door", attempts) for id_ in ids]


@pytest.mark.parametrize("attempts", [1, MAX_ATTEMPTS])
def test_show_projections_says_since_when(fail: Callable[[int], list[int]], attempts: int) -> None:
    fail(attempts)

    door = next(one for one in json.loads(run("show_projections", "--json")[1]) if one["name"] == "door")

    assert 0 < door["oldest"] < 60
    assert door["error"].startswith("PermissionError")


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("retry_events", []),
        ("retry_events", ["4711"]),
        ("retry_events", ["4711", "--all"]),
        ("skip_events", ["--all", "--projection", "nowhere"]),
        ("show_events", ["--about", "user:1", "--correlation", "one"]),
        ("show_events", ["--about", "user"]),
        ("show_events", ["--limit", "0"]),
        ("show_events", ["--since", "yesterday"]),
        ("verify_projections", ["--seed", "1"]),
        ("verify_projections", ["--projection", "nowhere"]),
        ("rebuild_projections", ["--workers", "0"]),
        ("import_follows", ["django-sequere", "--rename", "user"]),
        ("run_projections", ["--interval", "0"]),
    ],
)
def test_a_wrong_argument_ends_with_2(command: str, arguments: list[str], settings: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        ManagementUtility(["manage.py", command, *arguments]).execute()

    assert ended.value.code == 2


@pytest.fixture
def story(thoas: User, newbie: User, project: Project) -> list[Event]:
    with event_metadata(correlation_id="one", who="user:7"):
        first = follow(thoas, project)
    second = follow(newbie, project)
    third = unfollow(thoas, project)
    events = [first, second, third]
    assert all(events)
    return [event for event in events if event]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], [2, 1, 0]),
        (["--limit", "1"], [2]),
        (["--type", "unfollowed"], [2]),
        (["--kind", "project", "--type", "followed"], [1, 0]),
        (["--correlation", "one"], [0]),
        (["--since", "2001-01-01"], [2, 1, 0]),
        (["--until", "2001-01-01"], []),
        (["--verb", "join"], []),
        *(([option, text], []) for option in ("--type", "--verb", "--kind", "--correlation") for text in IMPOSSIBLE),
        *((["--about", f"thing:{text}"], []) for text in IMPOSSIBLE),
    ],
)
def test_show_events_filters_the_log(story: list[Event], arguments: list[str], expected: list[int]) -> None:
    found = json.loads(run("show_events", *arguments, "--json")[1])

    assert [one["id"] for one in found] == [story[place].pk for place in expected]


def test_show_events_finds_ids_keys_and_streams(story: list[Event], thoas: User) -> None:
    first, second, third = story

    assert ids(str(second.pk), str(first.pk)) == [second.pk, first.pk]
    assert ids("--about", f"user:{thoas.pk}") == ids("--stream", str(first.stream)) == [third.pk, first.pk]


def ids(*arguments: str) -> list[int]:
    return [one["id"] for one in json.loads(run("show_events", *arguments, "--json")[1])]


def test_show_events_says_who_did_what(story: list[Event]) -> None:
    table = run("show_events", str(story[0].pk))[1].splitlines()

    assert table[0].split() == ["id", "recorded", "at", "event", "who", "stream", "version"]
    assert f"{story[0]}  user:7  {story[0].stream}  1" in table[1]
