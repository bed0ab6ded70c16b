"""manage.py verify_projections and rebuild_projections."""

from collections.abc import Sequence
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from sequere import ResourceKey
from sequere import signals as sequere_signals
from sequere.backends.database.models import LiveRelation
from sequere.contrib.timeline import Timeline
from sequere.exceptions import ProjectorNotVerifiable, UnknownProjection
from sequere.log.models import Event
from sequere.management import progress_bar
from sequere.models import follow, unfollow
from sequere.projections.projector import Projector
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import Report, verify
from sequere_timeline import signals as timeline_signals
from sequere_timeline.backends.database.models import Entry
from tests.factories import UserFactory
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db


class Newcomers(Projector):
    """A projector of the host: the new followers of each resource, by name."""

    rows: dict[ResourceKey, list[str]] = {}

    def on_followed(self, event: Event, *, using: str) -> None:
        self.rows.setdefault(event.subject, []).append(str(event.actor))

    def reset(self, subjects: Sequence[ResourceKey], *, using: str) -> None:
        for subject in subjects:
            self.rows.pop(subject, None)


@pytest.fixture
def newcomers(settings: Any) -> dict[ResourceKey, list[str]]:
    settings.SEQUERE_PROJECTORS = {"newcomers": f"{__name__}.Newcomers"}
    Newcomers.rows.clear()
    return Newcomers.rows


def said(command: str, out: StringIO | None = None, **options: Any) -> str:
    out = out or StringIO()
    call_command(command, stdout=out, **options)
    return out.getvalue()


def test_an_empty_log_is_equal_to_empty_read_models() -> None:
    assert said("verify_projections") == (
        "follows: 0 checked, equal to the log\ntimelines: 0 checked, equal to the log\n"
    )
    assert said("rebuild_projections") == "follows: rebuilt, 0 checked\ntimelines: rebuilt, 0 checked\n"


def test_one_of_several_projections() -> None:
    thoas, newbie = UserFactory.create_batch(2)
    Timeline(thoas).save(JoinAction(actor=thoas))
    follow(newbie, thoas)
    LiveRelation.objects.all().delete()
    Entry.objects.all().delete()

    said("rebuild_projections", projection="timelines")

    assert said("verify_projections", projection="timelines") == "timelines: 6 checked, equal to the log\n"
    with pytest.raises(SystemExit):
        said("verify_projections", projection="follows")


def test_an_unknown_projection_is_refused() -> None:
    with pytest.raises(CommandError, match="invalid choice: 'likes'"):
        call_command("verify_projections", "--projection", "likes")
    with pytest.raises(UnknownProjection, match="use one of follows, timelines"):
        rebuild("likes")


def test_a_repair_says_so_and_succeeds() -> None:
    thoas, newbie = UserFactory.create_batch(2)
    follow(newbie, thoas)
    LiveRelation.objects.all().delete()

    first, second = said("verify_projections", repair=True), said("verify_projections", repair=True)

    assert "6 checked, 1 differences, repaired" in first
    assert "follows: 6 checked, equal to the log" in second


def test_a_projector_of_the_host_is_rebuilt_subject_by_subject(newcomers: dict[ResourceKey, list[str]]) -> None:
    thoas, newbie, fan = UserFactory.create_batch(3)
    for follower in (newbie, fan):
        follow(follower, thoas)
    unfollow(newbie, thoas)
    follow(newbie, thoas)
    before = dict(newcomers)
    newcomers.clear()
    newcomers[ResourceKey("user", str(fan.pk))] = ["somebody"]

    report = rebuild("newcomers")

    assert report == Report(checked=3)
    assert newcomers == before == {ResourceKey("user", str(thoas.pk)): [f"user:{u.pk}" for u in (newbie, fan, newbie)]}
    assert "newcomers: rebuilt, 3 checked" in said("rebuild_projections", projection="newcomers")


def test_a_projector_of_the_host_cannot_be_verified(newcomers: dict[ResourceKey, list[str]]) -> None:
    with pytest.raises(ProjectorNotVerifiable):
        verify("newcomers")

    assert "newcomers" not in said("verify_projections")


def test_a_replay_sends_no_signal(django_capture_on_commit_callbacks: Any) -> None:
    thoas, newbie = UserFactory.create_batch(2)
    Timeline(thoas).save(JoinAction(actor=thoas))
    follow(newbie, thoas)
    LiveRelation.objects.all().delete()
    Entry.objects.all().delete()
    sent: list[Any] = []

    def receiver(signal: Any, **_: Any) -> None:
        sent.append(signal)

    watched = [
        *(getattr(sequere_signals, name) for name in ("events_recorded", "followed", "unfollowed")),
        *(getattr(timeline_signals, name) for name in ("pre_save", "post_save", "pre_delete", "post_delete")),
    ]
    for signal in watched:
        signal.connect(receiver)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            said("rebuild_projections")
    finally:
        for signal in watched:
            signal.disconnect(receiver)

    assert sent == []
    assert LiveRelation.objects.count() == 1


def test_a_rebuild_shows_the_progress_of_each_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_bar, "SECONDS_PER_LINE", 0.0)
    thoas, newbie = UserFactory.create_batch(2)
    follow(newbie, thoas)

    shown = said("rebuild_projections", projection="follows")

    assert [line.partition(",")[0] for line in shown.splitlines()] == [
        *("rows of actors: 0 of 0", "rows of targets: 0 of 0", "suspensions: 0 of 0"),
        *("follows: 2 of 2", "opposites: 2 of 2", "counts: 2 of 2"),
        "follows: rebuilt",
    ]


def test_a_healthy_model_is_read_and_not_written() -> None:
    thoas, newbie = UserFactory.create_batch(2)
    Timeline(thoas).save(JoinAction(actor=thoas))
    follow(newbie, thoas)
    before = [list(model._default_manager.values()) for model in (LiveRelation, Entry)]
    writes: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "INSERT" in sql or "UPDATE" in sql.partition("FOR UPDATE")[0] or "DELETE" in sql:
            writes.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        said("rebuild_projections")

    assert [sql for sql in writes if "sequere_rebuild" not in sql and "sequere_slice" not in sql] == []
    assert [list(model._default_manager.values()) for model in (LiveRelation, Entry)] == before
