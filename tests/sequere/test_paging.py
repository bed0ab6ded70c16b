"""Pages of the log: complete, in order, and always from a bounded number of rows."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import get_current_timezone

from sequere.log import paging
from sequere.log.models import Event, is_correlated
from sequere.log.paging import EventPage, Selection, first_id_since
from tests.statements import at_most

pytestmark = pytest.mark.django_db

START = datetime(2026, 1, 1, tzinfo=UTC)


def write(number: int, **changes: Any) -> list[Event]:
    """Events one second apart; every third is rare, and every fourth belongs to one stream."""
    events = [
        Event(
            type="rare" if n % 3 == 0 else "common",
            stream=UUID(int=7) if n % 4 == 0 else uuid4(),
            version=n + 1,
            actor_identifier="user",
            actor_object_id=str(n % 5),
            target_identifier="user" if n % 2 else "",
            target_object_id=str(n % 3) if n % 2 else "",
            occurred_at=START + timedelta(seconds=n),
            recorded_at=START + timedelta(seconds=n),
            metadata={"correlation_id": f"request {n % 6}"} if n % 2 else {},
            **changes,
        )
        for n in range(number)
    ]
    return Event.objects.bulk_create(events)


WAYS = {
    "all": (models.Q(),),
    "actor": (models.Q(actor_identifier="user", actor_object_id="1"),),
    "both": (
        models.Q(actor_identifier="user", actor_object_id="1"),
        models.Q(target_identifier="user", target_object_id="1"),
    ),
    "stream": (models.Q(stream=UUID(int=7)),),
    "correlation": (is_correlated("request 3"),),
    "nothing": (),
}


@pytest.mark.parametrize("filters", [models.Q(), models.Q(type="rare"), models.Q(type="never")], ids=str)
@pytest.mark.parametrize("ways", WAYS)
def test_pages_back_and_forth_show_every_event_once(
    monkeypatch: pytest.MonkeyPatch, ways: str, filters: models.Q
) -> None:
    events = write(60)
    monkeypatch.setattr(paging, "LOOK_ALONG_LOG", 7)
    monkeypatch.setattr(paging, "LOOK_ALONG_INDEX", 6)
    selection = Selection(WAYS[ways], filters)
    asked_for = models.Q()
    for way in WAYS[ways]:
        asked_for |= way
    everything = Event.objects.filter(asked_for, filters).order_by("-pk") if WAYS[ways] else Event.objects.none()
    wanted = list(everything.values_list("pk", flat=True))

    back, before = [], None
    while True:
        page = selection.page("default", before=before, size=4)
        back += [event.pk for event in page.events]
        if page.older is None:
            break
        assert before is None or page.older < before
        before = page.older
    forth: list[int] = []
    after: int | None = events[0].pk - 1
    while after is not None:
        page = selection.page("default", after=after, size=4)
        forth = [*(event.pk for event in page.events), *forth]
        after = page.newer

    assert (back, forth) == (wanted, wanted)


def test_the_way_back_shows_the_same_pages() -> None:
    events = [event.pk for event in reversed(write(10))]
    selection = Selection(WAYS["all"])

    first = selection.page("default", size=4)
    second = selection.page("default", size=4, before=first.older)
    again = selection.page("default", size=4, after=second.newer)

    assert [event.pk for event in first.events] == events[:4]
    assert [event.pk for event in second.events] == events[4:8]
    assert [event.pk for event in again.events] == events[:4]
    assert (first.newer, again.newer) == (None, None)


def test_a_search_for_a_rare_event_stops_and_says_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "LOOK_ALONG_LOG", 10)
    events = write(50)
    selection = Selection(WAYS["all"], models.Q(pk=events[5].pk))

    shallow, deep = selection.page("default"), selection.page("default", depth=5)

    assert (shallow.events, shallow.older, shallow.is_cut) == ([], events[40].pk, True)
    assert (deep.events, deep.older, deep.is_cut) == ([events[5]], None, False)


@pytest.mark.parametrize("number", [19, 20, 21, 22])
def test_the_last_event_is_found_wherever_the_steps_to_it_end(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(paging, "LOOK_ALONG_LOG", 10)
    first, *_, last = (event.pk for event in write(number))

    found, before = [], None
    while not found:
        page = Selection(WAYS["all"], models.Q(pk=first)).page("default", before=before)
        found, before = [event.pk for event in page.events], page.older
        assert found or before is not None
    after: int | None = first - 1
    while first in found:
        page = Selection(WAYS["all"], models.Q(pk=last)).page("default", after=after)
        found, after = [event.pk for event in page.events] or found, page.newer
        assert last in found or after is not None

    assert found == [last]


def test_places_that_no_id_can_have_are_before_or_behind_all_events() -> None:
    events = [event.pk for event in reversed(write(3))]
    log, rest = Selection(WAYS["all"]), ([], [])

    assert [event.pk for event in log.page("default", before=2**70).events] == events
    assert (log.page("default", after=2**70).events, log.page("default", before=-(2**70)).events) == rest


@pytest.mark.parametrize("ways", WAYS)
@pytest.mark.parametrize("filters", [models.Q(), models.Q(type="rare")], ids=str)
def test_no_page_counts_the_table_or_skips_rows(ways: str, filters: models.Q) -> None:
    write(20)

    with at_most(3), CaptureQueriesContext(connection) as captured:
        Selection(WAYS[ways], filters).page("default")

    for query in captured:
        sql = query["sql"].upper()
        assert " OFFSET " not in sql
        assert "DISTINCT" not in sql
        # Only a window with a limit is counted.
        assert "COUNT(" not in sql or sql.count("LIMIT") == sql.count("COUNT(")


def test_an_id_is_found_by_its_time() -> None:
    """Even if ids are missing, since their transactions were rolled back."""
    times = {id_: START + timedelta(seconds=2 * id_) for id_ in (1, 2, 3, 7, 8, 20, 21, 22, 40)}
    Event.objects.bulk_create(
        Event(
            pk=id_,
            type="x",
            stream=UUID(int=id_),
            version=1,
            actor_identifier="user",
            actor_object_id="1",
            occurred_at=time,
            recorded_at=time,
        )
        for id_, time in times.items()
    )
    moments = [START + timedelta(seconds=second) for second in range(90)]

    found = [[id_ for id_ in times if id_ >= first_id_since(moment, "default")] for moment in moments]

    assert found == [[id_ for id_, time in times.items() if time >= moment] for moment in moments]


def test_the_last_day_and_the_first_one_are_whole() -> None:
    zone = get_current_timezone()
    days = [datetime(2026, 3, day, hour, tzinfo=zone) for day in (1, 2, 3) for hour in (0, 23)]
    events = [
        Event(
            type="common", stream=uuid4(), version=1, actor_identifier="user", actor_object_id="1", recorded_at=moment
        )
        for moment in days
    ]
    for event in events:
        event.occurred_at = event.recorded_at
    Event.objects.bulk_create(events)

    of_day = Selection().narrowed("default", since=date(2026, 3, 2), until=date(2026, 3, 2)).page("default").events

    assert [event.recorded_at for event in of_day] == [days[3], days[2]]


def test_nothing_is_found_in_an_empty_log() -> None:
    assert first_id_since(START, "default") == 1
    assert Selection(WAYS["all"], models.Q(type="rare")).page("default") == EventPage([])


def write_one(correlation_id: str) -> list[Event]:
    """The only event with this correlation id."""
    return Event.objects.bulk_create(
        [
            Event(
                type="x",
                stream=uuid4(),
                version=1,
                actor_identifier="user",
                actor_object_id="1",
                occurred_at=START,
                recorded_at=START,
                metadata={"correlation_id": correlation_id},
            )
        ]
    )


def test_a_correlation_id_is_found_by_an_index() -> None:
    """On SQLite too, where an expression with parameters cannot use an index."""
    write(500)
    write_one("request 404")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:  # otherwise the plan is for the rows of the last ANALYZE
            cursor.execute("ANALYZE sequere_event")
            cursor.execute("SET LOCAL enable_bitmapscan = off")

    plan = Event.objects.filter(is_correlated("request 404")).order_by("-pk")[:10].explain()

    assert "sequere_event_correlation" in plan
    assert "Sort" not in plan
    assert "TEMP B-TREE" not in plan


def test_a_long_correlation_id_fits_into_the_index() -> None:
    long = "é" * 10_000
    with_it = write_one(long)

    assert list(Event.objects.filter(is_correlated(long))) == with_it


@pytest.mark.parametrize("limits", [{"size": 0}, {"depth": 0}, {"size": -1}, {"size": 0, "depth": 0}])
def test_a_page_of_nothing_is_refused(limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least one event"):
        Selection(WAYS["all"]).page("default", **limits)
