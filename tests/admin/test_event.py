"""The page of an event: its data, the events before and after it, and the projections that have applied it."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from sequere.contrib.timeline import Timeline
from sequere.log.metadata import event_metadata
from sequere.models import Event, QueuedEvent, follow, unfollow
from sequere.outbox.parked import retry, skip
from tests.admin.pages import EVENTS, events_on, text_of
from tests.statements import at_most
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction

pytestmark = [pytest.mark.django_db, pytest.mark.sequere_queued]


@pytest.fixture(autouse=True)
def later(settings: Any) -> None:
    settings.SEQUERE_PROJECTION_MODES = {"follows": "on_commit", "timelines": "on_commit"}


def page(browser: Client, event: Event | None) -> Any:
    assert event
    with at_most(16):
        return browser.get(f"{EVENTS}{event.pk}/change/")


def test_the_page_shows_data_and_metadata(browser: Client, thoas: User, project: Project) -> None:
    with event_metadata(who=thoas, correlation_id="import 7", rows=[1, {"two": "é"}], note="a\nb"):
        Timeline(thoas).save(JoinAction(actor=thoas, target=project, why="the dialogues", long=list(range(40))))

    text = text_of(page(browser, Event.objects.get()))

    assert '"why": "the dialogues"' in text.replace("&quot;", '"')
    assert "rows [1, {&quot;two&quot;: &quot;é&quot;}]" in text
    assert "By thoas" in text
    assert "note a b" in text
    assert "Same correlation" in text


def test_the_page_says_according_to_whom_it_happened_if_the_caller_gave_a_time(
    browser: Client, thoas: User, newbie: User, project: Project
) -> None:
    Timeline(thoas).save(JoinAction(actor=thoas))
    now, earlier = Event.objects.get(), follow(newbie, project, timestamp=timezone.now() - timedelta(days=1))

    said = ["according to the caller" in text_of(page(browser, event)) for event in (now, earlier)]

    assert said == [False, True]


def test_the_page_shows_the_stream_of_the_event(browser: Client, thoas: User, project: Project) -> None:
    events = [change(thoas, project) for _ in range(7) for change in (follow, unfollow)]
    ids = [event.pk for event in events if event]

    assert events_on(page(browser, events[0])) == ids[:6]
    assert events_on(page(browser, events[6])) == ids[1:12]
    assert events_on(page(browser, events[13])) == ids[8:]


def test_metadata_may_name_anything(browser: Client, thoas: User, project: Project) -> None:
    for who in ("cron", "user:nobody", "gone:1", ":", "testapp.stranger:1", 7, {"user": 1}):
        with event_metadata(who=who):
            event = follow(thoas, project) or unfollow(thoas, project)

        assert page(browser, event).status_code == 200


def states(browser: Client, event: Event | None) -> list[str]:
    text = text_of(page(browser, event))
    table = text[text.index("State Error") :].partition("Before and after")[0]
    return [part.strip() for part in table.replace("State Error", "").split("on_commit")[1:]]


def test_the_page_shows_the_state_in_each_projection(
    browser: Client, thoas: User, newbie: User, project: Project
) -> None:
    event, behind = follow(thoas, project), unfollow(thoas, project)
    waiting = QueuedEvent.objects.filter(event=event)

    pending = states(browser, event)
    waiting.update(attempts=2, retry_at=timezone.now(), error="no mail", traceback="line 7")
    failed = states(browser, event)
    waiting.update(attempts=5, retry_at=None, parked_at=timezone.now())
    parked, waits = states(browser, event), states(browser, behind)
    skip(waiting.all())
    skipped = states(browser, event)
    retry(QueuedEvent.objects.filter(event=behind))
    QueuedEvent.objects.all().delete()
    applied = states(browser, behind)

    assert pending == ["Pending timelines", "Pending"]
    assert failed[1].startswith("Failed, will be retried")
    assert parked[1].startswith("Parked")
    assert parked[1].endswith("no mail Traceback line 7")
    assert event
    assert waits[1].startswith(f"Pending, behind another event of its stream: {event.pk}")
    assert skipped == ["Skipped timelines", "Skipped"]
    assert applied == ["Applied timelines", "Applied"]


def test_the_page_shows_how_many_followers_a_fan_out_has_reached(
    browser: Client, thoas: User, project: Project
) -> None:
    event = follow(thoas, project)
    QueuedEvent.objects.filter(event=event).update(queue="timelines:fan-out", reached=7)

    assert states(browser, event) == ["Applied timelines", "In progress, 7 followers reached"]
