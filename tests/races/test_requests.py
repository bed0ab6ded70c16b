"""Requests that are accepted, denied and taken back at once."""

from collections.abc import Callable
from typing import Any

import pytest

from sequere.exceptions import NotPending
from sequere.models import Event, accept, cancel, deny, follow, get_pending_count, is_following, unfollow
from tests.factories import UserFactory
from tests.races.concurrently import in_rounds
from tests.races.outcome import differences
from tests.rounds import rounds
from tests.testapp.models import User
from tests.testapp.sequere_registry import UserSequere

pytestmark = pytest.mark.django_db(transaction=True)


def type_of_event(change: Callable[..., Event | None], *ends: User) -> str | None:
    """That of the event which the call has recorded; "not pending" if that is what it says."""
    try:
        event = change(*ends)
    except NotPending:
        return "not pending"
    return event.type if event else None


def test_a_request_is_closed_by_one_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unfollow that comes after the accept ends the follow."""
    number = rounds(12, 4)
    asked, asking = (User.objects.bulk_create(UserFactory.build_batch(number)) for _ in range(2))
    with monkeypatch.context() as patch:
        patch.setattr(UserSequere, "requires_approval", lambda *_: True)
        for thoas, newbie in zip(asked, asking, strict=True):
            follow(newbie, thoas)

    results: list[list[Any]] = in_rounds(
        number,
        lambda n: type_of_event(accept, asked[n], asking[n]),
        lambda n: type_of_event(deny, asked[n], asking[n]),
        lambda n: type_of_event(cancel, asking[n], asked[n]),
        lambda n: type_of_event(unfollow, asking[n], asked[n]),
    )

    for thoas, newbie, (accepted, denied, cancelled, unfollowed) in zip(asked, asking, results, strict=True):
        is_accepted, is_over = accepted == "followed", unfollowed == "unfollowed"
        closings = [one for one in (accepted, denied, cancelled, unfollowed) if one in {"followed", "request_closed"}]
        assert len(closings) == 1
        assert {accepted, denied, cancelled} - {"followed", "request_closed"} == {"not pending"}
        assert unfollowed in ({"unfollowed", None} if is_accepted else {"request_closed", None})
        assert (is_following(newbie, thoas), get_pending_count(thoas)) == (is_accepted and not is_over, 0)
    assert Event.objects.filter(type="request_closed").count() == number
    assert differences() == []
