"""The projections in the admin: their progress, and the operations on failed events."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from sequere.admin import operations
from sequere.backends.database.models import LiveRelation
from sequere.exceptions import BackendUnavailable
from sequere.models import Event, Projection, QueuedEvent, follow, follow_many, get_followers_count, unfollow
from sequere.projections.projector import Projector
from sequere.replay.rebuilding import work
from sequere.signals import rebuilds_left
from tests.admin.conftest import LogIn
from tests.admin.pages import PROJECTIONS, text_of
from tests.factories import UserFactory
from tests.statements import at_most
from tests.testapp.models import Project, User

pytestmark = [pytest.mark.django_db, pytest.mark.sequere_queued]


class Newsletter(Projector):
    """Sends nothing, and refuses some actors."""

    refused: set[str] = set()
    written: list[int] = []

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        for event in events:
            if event.actor.object_id in self.refused:
                raise PermissionError(f"not <b>{event.actor}</b>")
            self.written.append(event.pk)


class Archive(Newsletter):
    def reset(self, subjects: Any, *, using: str) -> None:
        """There is nothing to reset."""


@pytest.fixture(autouse=True)
def later(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # The ids of events continue from one test to the next.
    monkeypatch.setattr(operations, "MANY_EVENTS", 10**9)
    settings.SEQUERE_PROJECTORS = {
        "newsletter": f"{__name__}.Newsletter",
        "archive/of 2026": f"{__name__}.Archive",
    }
    settings.SEQUERE_PROJECTION_MODES = dict.fromkeys(
        ["follows", "timelines", *settings.SEQUERE_PROJECTORS], "on_commit"
    )
    Newsletter.refused.clear()
    Newsletter.written.clear()
    yield
    Newsletter.refused.clear()


@pytest.fixture
def failed(thoas: User, newbie: User, project: Project) -> list[int]:
    """Events that the newsletter has refused for good, and two more that wait."""
    events = [follow(thoas, project), follow(newbie, project)]
    unfollow(thoas, project)
    follow(project, thoas)
    ids = [event.pk for event in events if event]
    QueuedEvent.objects.filter(queue="newsletter", event_id__in=ids).update(
        attempts=5, parked_at=timezone.now(), error="PermissionError: not <b>", traceback="line <7>"
    )
    return ids


def waiting(queue: str) -> list[int]:
    return list(QueuedEvent.objects.filter(queue=queue).order_by("event_id").values_list("event_id", flat=True))


def url(name: str, page: str = "change") -> str:
    return f"{PROJECTIONS}{name}/{page}/"


def perform(browser: Client, name: str, verb: str, **values: Any) -> str:
    """Confirm an operation; returns the text of the page that follows."""
    response = browser.post(url(name, verb), values, follow=True)
    assert response.redirect_chain == [(url(name), 302)]
    return text_of(response)


def logged() -> list[str]:
    return [f"{entry.object_id}: {entry.get_change_message()}" for entry in LogEntry.objects.order_by("pk")]


def test_the_list_shows_the_progress_of_each_projection(browser: Client, failed: list[int]) -> None:
    with at_most(12):
        response = browser.get(PROJECTIONS)

    text = re.sub(r"\b\d+ s\b", "N s", text_of(response))  # depends on the speed of the machine
    assert "follows on_commit sequere.backends.database.projector.FollowsProjector 4 N s 0" in text
    assert f"newsletter on_commit {__name__}.Newsletter 2 N s 2 PermissionError: not &lt;b&gt;" in text


@pytest.mark.parametrize(("seconds", "shown"), [(61, "61 s"), (7200, "2 hours")])
def test_the_lag_is_shown_in_words(browser: Client, seconds: int, shown: str) -> None:
    from sequere.admin.projections import _age

    assert _age(seconds).replace("\xa0", " ") == shown


def test_a_page_shows_failed_events_with_their_errors(browser: Client, failed: list[int]) -> None:
    with at_most(14):
        response = browser.get(url("newsletter"))

    text, html = text_of(response), response.content.decode()
    assert text.count("PermissionError: not &lt;b&gt; Traceback line &lt;7&gt;") == 2
    assert all(f'name="event" value="{id_}"' in html for id_ in failed)
    assert "Verify" not in text
    assert "Rebuild" not in text


def test_a_full_page_leads_to_the_next(browser: Client, thoas: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sequere.admin.projections.FAILED_PER_PAGE", 2)
    follow_many((user, thoas) for user in UserFactory.create_batch(3))
    QueuedEvent.objects.filter(queue="newsletter").update(attempts=1, retry_at=timezone.now())
    ids = waiting("newsletter")

    first = browser.get(url("newsletter"))
    second = browser.get(url("newsletter"), {"after": ids[1]})

    shown = [[id_ for id_ in ids if f'value="{id_}"' in page.content.decode()] for page in (first, second)]
    assert shown == [ids[:2], ids[2:]]
    assert f"?after={ids[1]}" in first.content.decode()
    assert "Next page" not in text_of(second)


def test_a_name_may_be_any_text(browser: Client, failed: list[int]) -> None:
    name = "archive_2Fof 2026"
    page = browser.get(PROJECTIONS)

    assert url("archive_2Fof%202026") in page.content.decode()
    assert "4 events applied" in text_of(browser.post(url(name, "drain"), follow=True))


@pytest.mark.parametrize("verb", ["drain", "verify", "rebuild", "retry", "skip"])
def test_an_operation_must_be_confirmed(browser: Client, failed: list[int], verb: str) -> None:
    name = "newsletter" if verb in {"retry", "skip"} else "follows"

    response = browser.get(url(name, verb), {"all": "1"})

    assert "Yes, do it" in response.content.decode()
    assert (len(waiting("newsletter")), len(waiting("built-in")), logged()) == (4, 4, [])


@pytest.mark.parametrize("verb", ["drain", "verify", "rebuild", "retry", "skip"])
def test_a_form_of_another_site_does_nothing(superuser: User, failed: list[int], verb: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(superuser)

    response = browser.post(url("newsletter", verb), {"all": "1"})

    assert response.status_code == 403
    assert (len(waiting("newsletter")), logged()) == (4, [])


def test_drain_applies_waiting_events(browser: Client, failed: list[int], project: Project) -> None:
    text = perform(browser, "follows", "drain")

    assert "4 events applied" in text
    assert (waiting("built-in"), get_followers_count(project)) == ([], 1)
    assert logged() == ["follows: Apply pending events: 4 events applied"]


def test_retry_applies_the_chosen_events(browser: Client, failed: list[int]) -> None:
    """And the waiting one behind it, which is not counted."""
    text = perform(browser, "newsletter", "retry", event=[failed[0]])

    assert "1 event applied" in text
    assert waiting("newsletter") == [failed[1]]
    assert logged() == [f"newsletter: Retry ({failed[0]}): 1 event applied"]
    assert Event.objects.filter(type="event_retried").count() == 1


def test_retry_reports_events_that_fail_again(browser: Client, failed: list[int], thoas: User) -> None:
    Newsletter.refused.add(str(thoas.pk))

    text = perform(browser, "newsletter", "retry", event=failed)

    assert "1 event applied, 1 still fails" in text
    assert logged() == [f"newsletter: Retry ({failed[0]}, {failed[1]}): 1 event applied, 1 still fails"]


def test_skip_gives_up_the_chosen_events(browser: Client, failed: list[int]) -> None:
    text = perform(browser, "newsletter", "skip", event=failed)

    assert "2 events skipped" in text
    assert not set(failed) & set(waiting("newsletter"))
    assert logged() == [f"newsletter: Skip ({failed[0]}, {failed[1]}): 2 events skipped"]


@pytest.mark.parametrize("values", [{}, {"event": ["x", "-1", "9" * 30]}, {"event": ["0"]}])
def test_invalid_choices_do_nothing(browser: Client, failed: list[int], values: Any) -> None:
    for verb in ("retry", "skip"):
        assert "None of the selected events has failed." in perform(browser, "newsletter", verb, **values)

    assert (len(waiting("newsletter")), logged()) == (4, [])


@pytest.mark.database
def test_verify_lists_differences_and_rebuild_repairs_them(
    browser: Client, failed: list[int], project: Project
) -> None:
    perform(browser, "follows", "drain")
    LiveRelation.objects.all().delete()

    verified = perform(browser, "follows", "verify")
    after_it = LiveRelation.objects.count()
    rebuilt = perform(browser, "follows", "rebuild")
    verified_again = perform(browser, "follows", "verify")

    assert "expected by event" in verified
    assert (after_it, LiveRelation.objects.count()) == (0, 2)
    assert "differences" in rebuilt
    assert re.search(r"\b0 differences", verified_again)
    assert [line.split(": ")[1] for line in logged()] == ["Apply pending events", "Verify", "Rebuild", "Verify"]


def test_a_long_operation_is_refused_with_its_command(
    browser: Client, failed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "MANY_EVENTS", 1)
    commands = {
        "drain": "manage.py run_projections --once",
        "rebuild": "manage.py rebuild_projections --projection follows",
        "verify": "manage.py verify_projections --projection follows",
    }

    pages = {verb: text_of(browser.get(url("follows", verb))) for verb in commands}
    codes = {browser.post(url("follows", verb)).status_code for verb in commands}

    assert [verb for verb in commands if commands[verb] not in pages[verb]] == []
    assert codes == {403}
    assert (len(waiting("built-in")), logged()) == (4, [])


@pytest.mark.parametrize("verb", ["drain", "retry"])
def test_a_fan_out_is_left_to_a_command(browser: Client, failed: list[int], verb: str) -> None:
    queued = QueuedEvent.objects.filter(queue="built-in", event_id=failed[0])
    queued.update(queue="timelines:fan-out", attempts=5, parked_at=timezone.now())

    pages = {name: browser.get(url(name, verb), {"all": "1"}, follow=True) for name in ("timelines", "follows")}

    assert "A fan-out to many followers is pending" in text_of(pages["timelines"])
    assert "many followers" not in text_of(pages["follows"])
    assert browser.post(url("timelines", verb), {"all": "1"}).status_code == 403


def test_a_server_that_is_down_is_named_and_logged(
    browser: Client, failed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> int:
        raise BackendUnavailable(server="Redis", reason="gone", setting="x")

    monkeypatch.setattr("sequere.admin.operations.drain", refuse)

    text = perform(browser, "follows", "drain")

    assert "Redis cannot be used, gone" in text
    assert "Redis cannot be used, gone" in logged()[0]


@pytest.mark.parametrize(
    "page", ["nothing/change/", "nothing/drain/", "follows/explode/", "newsletter/verify/", "newsletter/rebuild/"]
)
def test_an_unknown_page_is_not_found(browser: Client, page: str) -> None:
    assert (browser.get(PROJECTIONS + page).status_code, browser.post(PROJECTIONS + page).status_code) == (404, 404)


@pytest.mark.parametrize("options", [{}, {"use_base_manager": True}], ids=["default", "all"])
def test_no_table_of_projections_is_asked_for(options: dict[str, bool], capsys: pytest.CaptureFixture[str]) -> None:
    """Django reads the table of every model in `dumpdata`; this model has none."""
    call_command("dumpdata", "sequere.projection", **options)

    assert capsys.readouterr().out.strip() == "[]"
    assert Projection._meta.db_table not in connection.introspection.table_names()


def test_recent_actions_lead_back(browser: Client, failed: list[int], log_in: LogIn) -> None:
    perform(browser, "follows", "drain")

    entry = LogEntry.objects.get()

    assert entry.get_admin_url() == url("follows")
    assert url("follows") in browser.get("/admin/").content.decode()


def test_a_rebuild_in_mode_celery_is_left_to_the_workers_and_the_page_shows_its_progress(
    browser: Client, settings: Any, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However large the log is, no request waits for it."""
    settings.SEQUERE_PROJECTION_MODES = {"follows": "celery", "timelines": "celery"}
    monkeypatch.setattr(operations, "MANY_EVENTS", -1)
    monkeypatch.setattr(rebuilds_left, "receivers", [])  # nothing is sent to a broker
    left: list[int] = []

    def note(rebuild_ids: list[int], **_: Any) -> None:
        left.extend(rebuild_ids)

    rebuilds_left.connect(note)
    told = perform(browser, "follows", "rebuild")
    before = text_of(browser.get(url("follows")))
    ended = work(left[0])
    after = text_of(browser.get(url("follows")))

    assert "Celery workers run the rebuild." in told
    assert "at work" in before
    assert ended
    assert "repaired" in after
    assert "at work" not in after
