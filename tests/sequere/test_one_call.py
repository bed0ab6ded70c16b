"""Verbs that PostgreSQL does in one call: it is a transaction of its own, unless somebody else takes part in it."""

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from sequere.contrib.timeline import Timeline
from sequere.models import Event, follow, get_followers_count, unfollow
from sequere.signals import PROJECT, events_recorded
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.inline,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has functions"),
]


@pytest.fixture(autouse=True)
def _only_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a site: our plugin for pytest listens to every event."""
    ours = [receiver for receiver in events_recorded.receivers if receiver[0][0] == PROJECT]
    monkeypatch.setattr(events_recorded, "receivers", ours)


def test_a_verb_is_one_statement_with_no_transaction_around_it(thoas: User, newbie: User) -> None:
    action = JoinAction(actor=newbie)
    verbs = (
        lambda: follow(thoas, newbie),
        lambda: Timeline(newbie).save(action),
        lambda: Timeline(newbie).delete(action),
        lambda: unfollow(thoas, newbie),
    )
    with CaptureQueriesContext(connection) as queries:
        events = [verb() for verb in verbs]

    assert [event and event.type for event in events] == ["followed", "action_saved", "action_deleted", "unfollowed"]
    assert [query["sql"].partition(" ")[0] for query in queries.captured_queries] == ["SELECT"] * 4


def test_a_receiver_that_refuses_an_event_undoes_the_call(thoas: User, newbie: User) -> None:
    def refuse(**_: Any) -> None:
        raise PermissionError

    events_recorded.connect(refuse)
    try:
        with pytest.raises(PermissionError):
            follow(thoas, newbie)
    finally:
        events_recorded.disconnect(refuse)

    assert not Event.objects.exists()
    assert get_followers_count(newbie) == 0


def test_the_transaction_of_a_caller_is_left_to_the_caller(thoas: User, newbie: User) -> None:
    with transaction.atomic():
        follow(thoas, newbie)
        transaction.set_rollback(True)

    assert not Event.objects.exists()
    assert get_followers_count(newbie) == 0
