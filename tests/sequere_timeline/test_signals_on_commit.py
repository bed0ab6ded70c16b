"""What receivers of the signals see of the transaction, and how their exceptions affect it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction
from django.dispatch import Signal

from sequere.contrib.timeline import Timeline
from sequere.log.models import Event
from sequere.models import follow, unfollow
from sequere_timeline import signals
from tests.factories import UserFactory
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db(transaction=True)


class VetoError(Exception):
    pass


def veto(**_: Any) -> None:
    raise VetoError


@contextmanager
def connected(signal: Signal, receiver: Any) -> Iterator[None]:
    signal.connect(receiver)
    try:
        yield
    finally:
        signal.disconnect(receiver)


@contextmanager
def heard() -> Iterator[list[str]]:
    """The names of the signals that are sent inside the block."""
    names = {getattr(signals, name): name for name in ("pre_save", "post_save", "pre_delete", "post_delete")}
    sent: list[str] = []

    def listen(signal: Signal, **_: Any) -> None:
        sent.append(names[signal])

    for signal in names:
        signal.connect(listen)
    try:
        yield sent
    finally:
        for signal in names:
            signal.disconnect(listen)


def test_post_save_and_post_delete_wait_for_the_commit(thoas: User) -> None:
    action = JoinAction(actor=thoas)
    with heard() as sent:
        with transaction.atomic():
            Timeline(thoas).save(action)
            assert sent == ["pre_save"]
        assert sent == ["pre_save", "post_save"]

        with transaction.atomic():
            Timeline(thoas).delete(action)
            transaction.set_rollback(True)

    assert sent == ["pre_save", "post_save", "pre_delete"]
    assert Timeline(thoas).get_public() == [action]


def test_after_the_commit_the_action_has_its_uid_and_is_in_the_timeline(thoas: User) -> None:
    seen = []

    def look(action: JoinAction, **_: Any) -> None:
        seen.append((action.uid, Timeline(thoas).get_public_count()))

    with connected(signals.post_save, look):
        event = Timeline(thoas).save(JoinAction(actor=thoas))

    assert seen == [(str(event and event.stream), 1)]


def test_an_exception_in_pre_save_or_pre_delete_prevents_the_change(thoas: User) -> None:
    action, refused = JoinAction(actor=thoas), JoinAction(actor=thoas)
    Timeline(thoas).save(action)

    with connected(signals.pre_save, veto), pytest.raises(VetoError):
        Timeline(thoas).save(refused)
    with connected(signals.pre_delete, veto), pytest.raises(VetoError):
        Timeline(thoas).delete(action)

    assert refused.uid is None
    assert Timeline(thoas).get_public() == [action]
    assert Event.objects.count() == 1


def test_an_exception_in_post_save_is_logged_and_stops_no_other_receiver(
    thoas: User, caplog: pytest.LogCaptureFixture
) -> None:
    with connected(signals.post_save, veto), heard() as sent:
        event = Timeline(thoas).save(JoinAction(actor=thoas))

    assert event == Event.objects.get()
    assert sent == ["pre_save", "post_save"]
    assert [record.exc_info and record.exc_info[0] for record in caplog.records] == [VetoError]


def test_follows_and_deletions_send_no_signals_of_timelines(thoas: User) -> None:
    newbie = UserFactory(username="newbie")
    Timeline(thoas).save(JoinAction(actor=thoas))

    with heard() as sent:
        follow(newbie, thoas)
        unfollow(newbie, thoas)
        Timeline(newbie).mark_as_read()
        thoas.delete()

    assert sent == []
