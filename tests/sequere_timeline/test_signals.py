"""pre_save, post_save, pre_delete and post_delete."""

from collections.abc import Iterator
from typing import Any

import pytest

from sequere import ResourceKey
from sequere.contrib.timeline import Timeline
from sequere.log.models import Event
from sequere.models import follow_many
from sequere_timeline import signals
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard() -> Iterator[list[tuple[str, Any, Any, Any]]]:
    """The signals in order, each with its sender, instance and action."""
    said: list[tuple[str, Any, Any, Any]] = []
    receivers = {}
    for name in ("pre_save", "post_save", "pre_delete", "post_delete"):

        def receiver(sender: Any, instance: Any, action: Any, name: str = name, **_: Any) -> None:
            said.append((name, sender, instance, action))

        receivers[name] = receiver
        getattr(signals, name).connect(receiver)
    yield said
    for name, receiver in receivers.items():
        getattr(signals, name).disconnect(receiver)


def test_each_signal_is_sent_once_for_any_number_of_followers(
    thoas: User, heard: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    """It is not sent for each copy."""
    follow_many((ResourceKey("user", str(10**6 + number)), thoas) for number in range(20))
    joined = JoinAction(actor=thoas)

    with django_capture_on_commit_callbacks(execute=True):
        Timeline(thoas).save(joined)
        assert heard == [("pre_save", Timeline, thoas, joined)]
    with django_capture_on_commit_callbacks(execute=True):
        Timeline(thoas).delete(joined)

    assert heard == [(name, Timeline, thoas, joined) for name in ("pre_save", "post_save", "pre_delete", "post_delete")]


def test_post_save_is_not_sent_if_nothing_has_changed(
    thoas: User, heard: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    joined = JoinAction(actor=thoas)
    Timeline(thoas).save(joined)
    heard.clear()

    with django_capture_on_commit_callbacks(execute=True):
        Timeline(thoas).save(joined)

    assert [name for name, *_ in heard] == ["pre_save"]


def test_a_receiver_of_pre_save_can_prevent_saving(thoas: User) -> None:
    def refuse(**_: Any) -> None:
        raise PermissionError

    signals.pre_save.connect(refuse)
    try:
        with pytest.raises(PermissionError):
            Timeline(thoas).save(JoinAction(actor=thoas))
    finally:
        signals.pre_save.disconnect(refuse)

    assert Event.objects.count() == 0
