"""follow() and unfollow(): what they return, what they refuse, and which signals they send."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import IntegrityError, models, transaction
from django.dispatch import Signal
from django.test import override_settings

from sequere.backends.database.models import LiveRelation
from sequere.exceptions import (
    AlreadyFollowingException,
    InvalidTimestamp,
    NotFollowingException,
    SelfFollowException,
    SequereException,
)
from sequere.models import (
    Event,
    Resource,
    follow,
    get_followers,
    get_followers_count,
    get_followings_count,
    get_friends_count,
    is_following,
    is_following_many,
    unfollow,
)
from sequere.signals import followed, unfollowed
from tests.factories import BasketFactory, UserFactory
from tests.statements import at_most, exactly
from tests.testapp.models import Project, User

#: With sequere_timeline installed; `tests.host.unittest_statements` shows the 9 without it.
STATEMENTS = 12

OnCommit = Callable[..., Any]


def history() -> list[tuple[str, int]]:
    return list(Event.objects.order_by("id").values_list("type", "version"))


# Following


def test_a_follow_and_an_unfollow_are_events(thoas: User, project: Project) -> None:
    began, ended = follow(thoas, project), unfollow(thoas, project)

    assert began is not None
    assert (str(began), began.type, began.version) == (f"user:{thoas.pk} followed project:{project.pk}", "followed", 1)
    assert ended is not None
    assert (ended.type, ended.version) == ("unfollowed", 2)


def test_the_returned_event_is_the_stored_one(thoas: User, newbie: User) -> None:
    """It is read back, not a row made up in memory."""
    follow(newbie, thoas)

    event = follow(thoas, newbie)

    assert event is not None
    stored = Event.objects.filter(pk=event.pk).values().get()
    assert {name: getattr(event, name) for name in stored} == stored


def test_a_falsy_instance_is_an_instance(thoas: User) -> None:
    """A model with __len__ may be falsy."""
    basket = BasketFactory(name="empty")

    follow(basket, thoas)
    follow(thoas, basket)

    assert not basket
    assert (is_following(basket, thoas), is_following(thoas, basket), get_friends_count(basket)) == (True, True, 1)
    assert [instance for instance, _ in get_followers(thoas)] == [basket]


# Refusals


@pytest.mark.parametrize("verb", [follow, unfollow])
def test_nothing_follows_itself(thoas: User, verb: Callable[..., Any]) -> None:
    """It would be its own friend."""
    with pytest.raises(SelfFollowException, match="thoas cannot follow itself"):
        verb(thoas, thoas, fail_silently=True)

    assert (history(), get_friends_count(thoas)) == ([], 0)


@pytest.mark.database
def test_the_database_refuses_a_self_follow(thoas: User, project: Project) -> None:
    """Whichever code writes it."""
    follow(thoas, project)

    with pytest.raises(IntegrityError, match="sequere_relation_not_self"), transaction.atomic():
        LiveRelation.objects.update(to_uid=models.F("from_uid"))


def test_the_same_row_is_the_same_resource(thoas: User) -> None:
    """Keys are compared, not instances."""
    with pytest.raises(SelfFollowException):
        follow(thoas, User.objects.get(pk=thoas.pk))


def refusals(thoas: User, project: Project, fail_silently: bool | None) -> list[str]:
    """The errors of a second follow and a second unfollow."""
    raised = []
    for verb in (follow, follow, unfollow, unfollow):
        try:
            verb(thoas, project, fail_silently=fail_silently)
        except SequereException as error:
            raised.append(f"{type(error).__name__}: {error}")
    return raised


WHAT_TO_DO = "pass fail_silently=True if that is expected."
LOUD = [
    f"AlreadyFollowingException: thoas already follows La classe americaine, or has asked to: {WHAT_TO_DO}",
    f"NotFollowingException: thoas does not follow La classe americaine: {WHAT_TO_DO}",
]


@pytest.mark.parametrize(
    ("setting", "argument", "expected"),
    [
        ({}, None, []),
        ({}, True, []),
        ({}, False, LOUD),
        ({"SEQUERE_FAIL_SILENTLY": True}, None, []),
        ({"SEQUERE_FAIL_SILENTLY": False}, None, LOUD),
        ({"SEQUERE_FAIL_SILENTLY": False}, True, []),
        ({"SEQUERE_FAIL_SILENTLY": True}, False, LOUD),
    ],
)
def test_a_call_that_changes_nothing_raises_if_the_host_wants_it(
    thoas: User, project: Project, setting: dict[str, bool], argument: bool | None, expected: list[str]
) -> None:
    """The setting is read at each call, and both backends agree."""
    with override_settings(**setting):
        raised = refusals(thoas, project, argument)

    assert raised == expected
    assert history() == [("followed", 1), ("unfollowed", 2)]


def test_a_call_that_changes_nothing_is_not_logged(
    thoas: User, project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    """A silent failure is not an error in the log."""
    with caplog.at_level("DEBUG", logger="sequere"):
        assert refusals(thoas, project, fail_silently=True) == []

    assert caplog.messages == []


def test_a_refusal_leaves_the_transaction_usable(thoas: User, newbie: User, project: Project) -> None:
    """A subclass of IntegrityError would break the atomic block of a caller that catches it."""
    follow(thoas, project)

    with transaction.atomic():
        with pytest.raises(AlreadyFollowingException):
            follow(thoas, project, fail_silently=False)
        with pytest.raises(NotFollowingException):
            unfollow(newbie, project, fail_silently=False)
        follow(newbie, project)

    assert get_followers_count(project) == 2


# Timestamps


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        (datetime(2013, 10, 25, 4, 41, 31, 612067, tzinfo=UTC), datetime(2013, 10, 25, 4, 41, 31, 612067, tzinfo=UTC)),
        (
            datetime(2013, 10, 25, 4, 41, 31, tzinfo=timezone(timedelta(hours=-5))),
            datetime(2013, 10, 25, 9, 41, 31, tzinfo=UTC),
        ),
        # Europe/Paris, as Django's own fields read it
        (datetime(2013, 10, 25, 4, 41, 31), datetime(2013, 10, 25, 2, 41, 31, tzinfo=UTC)),  # noqa: DTZ001
        (datetime(2013, 12, 25, 4, 41, 31), datetime(2013, 12, 25, 3, 41, 31, tzinfo=UTC)),  # noqa: DTZ001
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (-1, datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (1382676091.5, datetime(2013, 10, 25, 4, 41, 31, 500000, tzinfo=UTC)),
    ],
    ids=["utc", "offset", "summer", "winter", "zero", "negative", "float"],
)
def test_a_follow_may_have_happened_in_the_past(
    thoas: User, project: Project, timestamp: datetime | float, expected: datetime
) -> None:
    """Old times can be imported, and 0 is a time."""
    event = follow(thoas, project, timestamp=timestamp)

    assert event is not None
    assert event.occurred_at == expected
    assert list(get_followers(project)) == [(thoas, expected)]


@pytest.mark.parametrize("verb", [follow, unfollow])
@pytest.mark.parametrize(
    "timestamp",
    [
        True,
        "2013-10-25",
        date(2013, 10, 25),
        timedelta(1),
        float("nan"),
        float("inf"),
        1e20,
        10**400,
        datetime.min,  # noqa: DTZ901  # naive, and out of range further east
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
    ],
    ids=str,
)
def test_an_invalid_timestamp_is_refused(
    thoas: User, project: Project, verb: Callable[..., Any], timestamp: Any
) -> None:
    follow(thoas, project)
    if verb is follow:
        unfollow(thoas, project)
    before = history()

    with pytest.raises(
        InvalidTimestamp, match="is not a point in time: pass a datetime, or a number of seconds since 1970"
    ):
        verb(thoas, project, timestamp=timestamp)

    assert history() == before


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        (datetime(2013, 10, 25, 4, 41, 31), datetime(2013, 10, 25, 4, 41, 31)),  # noqa: DTZ001
        (datetime(2013, 10, 25, 4, 41, 31, tzinfo=UTC), datetime(2013, 10, 25, 6, 41, 31)),  # noqa: DTZ001
        (0, datetime(1970, 1, 1, 1)),  # noqa: DTZ001
    ],
    ids=["naive", "aware", "zero"],
)
def test_a_project_without_time_zones_uses_local_time(
    thoas: User, project: Project, timestamp: datetime | float, expected: datetime
) -> None:
    with override_settings(USE_TZ=False):
        event = follow(thoas, project, timestamp=timestamp)
        followers = list(get_followers(project))

    assert event is not None
    assert (event.occurred_at, followers) == (expected, [(thoas, expected)])


# Signals


@pytest.fixture
def received() -> Iterator[list[tuple[Signal, dict[str, Any]]]]:
    """The calls of `followed` and `unfollowed`."""
    calls: list[tuple[Signal, dict[str, Any]]] = []

    def receive(signal: Signal, **arguments: Any) -> None:
        calls.append((signal, arguments))

    followed.connect(receive)
    unfollowed.connect(receive)
    yield calls
    followed.disconnect(receive)
    unfollowed.disconnect(receive)


Received = list[tuple[Signal, dict[str, Any]]]


@pytest.mark.django_db(transaction=True)
def test_a_signal_is_sent_once_for_each_change(thoas: User, project: Project, received: Received) -> None:
    """One sender, after the commit, once."""
    began = follow(thoas, project)
    follow(thoas, project)
    ended = unfollow(thoas, project)
    unfollow(thoas, project)

    arguments = {"sender": Event, "from_instance": thoas, "to_instance": project}
    assert received == [(followed, {**arguments, "event": began}), (unfollowed, {**arguments, "event": ended})]


@pytest.mark.django_db(transaction=True)
def test_a_signal_is_sent_after_the_commit(thoas: User, project: Project, received: Received) -> None:
    with transaction.atomic():
        follow(thoas, project)
        before = list(received)

    assert (before, [signal for signal, _ in received]) == ([], [followed])


@pytest.mark.django_db(transaction=True)
def test_no_signal_is_sent_after_a_rollback(thoas: User, project: Project, received: Received) -> None:
    with transaction.atomic():
        follow(thoas, project)
        transaction.set_rollback(True)

    assert (received, history(), is_following(thoas, project)) == ([], [], False)


@pytest.mark.django_db(transaction=True)
def test_a_retried_request_sends_no_second_signal(thoas: User, project: Project, received: Received) -> None:
    follow(thoas, project, idempotency_key="request 1")
    follow(thoas, project, idempotency_key="request 1")

    assert len(received) == 1


@pytest.mark.django_db(transaction=True)
def test_a_receiver_sees_what_the_signal_says(thoas: User, newbie: User) -> None:
    """It is sent after the follow is applied, the friendship included."""
    seen: list[tuple[Any, ...]] = []

    def look(from_instance: User, to_instance: User, **_: Any) -> None:
        seen.append((is_following(from_instance, to_instance), get_friends_count(from_instance)))

    followed.connect(look)
    try:
        follow(thoas, newbie)
        follow(newbie, thoas)
    finally:
        followed.disconnect(look)

    assert seen == [(True, 0), (True, 1)]


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_raises_does_no_harm(
    thoas: User, newbie: User, received: Received, caplog: pytest.LogCaptureFixture
) -> None:
    """Both sides of a friendship stay right."""

    def refuse(**_: Any) -> None:
        raise LookupError("the mail server is down")

    followed.connect(refuse)
    try:
        follow(thoas, newbie)
        follow(newbie, thoas)
    finally:
        followed.disconnect(refuse)

    assert [signal for signal, _ in received] == [followed, followed]
    assert (get_friends_count(thoas), get_friends_count(newbie)) == (1, 1)
    assert [str(record.exc_info and record.exc_info[1]) for record in caplog.records] == ["the mail server is down"] * 2


def test_a_test_case_may_capture_the_signals(
    thoas: User, project: Project, received: Received, django_capture_on_commit_callbacks: OnCommit
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        event = follow(thoas, project)

    assert [arguments["event"] for _, arguments in received] == [event]


# Costs


@pytest.mark.inline
def test_a_follow_and_an_unfollow_cost_few_statements(thoas: User, newbie: User) -> None:
    """A mutual follow costs no more."""
    for one, other in ((thoas, newbie), (newbie, thoas)):
        with at_most(STATEMENTS):
            follow(one, other)
    for one, other in ((thoas, newbie), (newbie, thoas)):
        with at_most(STATEMENTS):
            unfollow(one, other)


@pytest.mark.inline
def test_the_cost_does_not_grow_with_the_followers(thoas: User, newbie: User) -> None:
    for fan in UserFactory.create_batch(20):
        follow(fan, thoas)

    with at_most(STATEMENTS):
        follow(newbie, thoas)
    with at_most(STATEMENTS):
        unfollow(newbie, thoas)


def test_a_call_that_changes_nothing_costs_one_statement(thoas: User, project: Project) -> None:
    with exactly(1):
        unfollow(thoas, project)
    follow(thoas, project)
    with exactly(1):
        follow(thoas, project)


@pytest.mark.database
def test_a_question_costs_one_statement(thoas: User, newbie: User, project: Project) -> None:
    follow(thoas, newbie)
    follow(newbie, thoas)
    follow(thoas, project)

    with exactly(1):
        assert is_following(thoas, project)
    with exactly(1):
        assert is_following_many(thoas, [newbie, project, thoas]) == {newbie: True, project: True, thoas: False}
    with exactly(1):
        assert get_followers_count(thoas) == 1
    with exactly(1):
        assert get_followings_count(thoas) == 2
    with exactly(1):
        assert get_friends_count(thoas) == 1
    with exactly(1):
        assert get_followings_count(thoas, identifier=Project) == 1


def test_a_question_about_nothing_is_answered(thoas: User) -> None:
    assert is_following_many(thoas, []) == {}


def test_a_question_writes_nothing(thoas: User, project: Project) -> None:
    """Nor does it create lock rows."""
    is_following(thoas, project)
    list(get_followers(project))
    get_followings_count(thoas)
    unfollow(thoas, project)

    assert (Resource.objects.count(), history()) == (0, [])


# Arguments


@pytest.mark.parametrize(
    "call",
    [
        lambda thoas, project: follow(thoas, project, 0),  # type: ignore[misc]
        lambda thoas, project: unfollow(thoas, project, True),  # type: ignore[misc]
        lambda thoas, project: get_followers(project, "user"),  # type: ignore[misc]
        lambda thoas, project: get_followers(project, True),  # type: ignore[misc]
        lambda thoas, project: get_followers_count(project, "user"),  # type: ignore[misc]
        lambda thoas, project: project.get_followers("user"),
        lambda thoas, project: project.get_friends("user", True),
        lambda thoas, project: project.get_followers_count("user"),
    ],
)
def test_options_are_keywords(thoas: User, project: Project, call: Callable[[User, Project], Any]) -> None:
    """The order of the options cannot be confused."""
    with pytest.raises(TypeError, match="positional argument"):
        call(thoas, project)
