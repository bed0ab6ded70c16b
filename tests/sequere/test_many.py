"""follow_many() and unfollow_many(): imports of any length, in batches."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext

from sequere.base import ResourceKey
from sequere.exceptions import (
    InvalidObjectId,
    InvalidPair,
    InvalidTimestamp,
    NotRegistered,
    SelfFollowException,
    SequereException,
    UnknownIdentifier,
)
from sequere.log.models import EVENT_COLUMNS
from sequere.models import (
    Event,
    follow,
    follow_many,
    get_followers,
    get_followers_count,
    get_followings,
    get_friends,
    get_friends_count,
    is_following,
    unfollow_many,
)
from sequere.registry import registry
from sequere.signals import events_recorded, followed, unfollowed
from sequere.testing import recorded_events
from tests.factories import ProjectFactory, StrangerFactory, UserFactory
from tests.testapp.models import Project, User

BATCH = 2000  # pairs in one transaction

Pair = tuple[ResourceKey, ResourceKey]


def fans(number: int, of: Project) -> list[Pair]:
    """Pairs of users that were never in the database: an import needs only their keys."""
    key = registry.key_of(of)
    return [(ResourceKey("user", str(pk)), key) for pk in range(1, number + 1)]


def history() -> list[tuple[str, int]]:
    return list(Event.objects.order_by("id").values_list("type", "version"))


def test_an_import_may_skip_follows_that_have_ended(thoas: User, newbie: User, project: Project) -> None:
    follow_many([(thoas, project), (newbie, project)])
    unfollow_many([(thoas, project)])
    pairs = [(thoas, project), (newbie, project), (thoas, newbie), (thoas, newbie)]

    assert follow_many(pairs, again=False) == 1
    assert [one for one, _ in get_followings(thoas)] == [newbie]
    assert follow_many(pairs) == 1


def test_a_pair_may_have_a_timestamp(thoas: User, newbie: User, project: Project) -> None:
    """Old times can be imported."""
    paris = datetime(2013, 10, 25, 4, 41, 31)  # noqa: DTZ001  # naive: read as Django's own fields read it

    follow_many([(thoas, project, 0), [newbie, project, paris]])

    assert list(get_followers(project)) == [
        (newbie, datetime(2013, 10, 25, 2, 41, 31, tzinfo=UTC)),
        (thoas, datetime(1970, 1, 1, tzinfo=UTC)),
    ]


def test_an_hour_repeated_by_the_clock_is_not_the_same_hour(thoas: User, newbie: User, project: Project) -> None:
    """Python considers the two equal."""
    first = datetime(2013, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Paris"))
    again = first.replace(fold=1)

    follow_many([(thoas, project, first), (newbie, project, again)])

    assert list(get_followers(project)) == [
        (newbie, datetime(2013, 10, 27, 1, 30, tzinfo=UTC)),
        (thoas, datetime(2013, 10, 27, 0, 30, tzinfo=UTC)),
    ]


def test_pairs_without_a_time_keep_their_order(thoas: User, newbie: User, project: Project) -> None:
    follow_many([(newbie, project), (thoas, project)])

    (last, last_since), (first, first_since) = get_followers(project)
    assert (first, last, last_since - first_since) == (newbie, thoas, timedelta(microseconds=1))


def test_a_pair_counts_once_however_often_it_is_given(thoas: User, project: Project) -> None:
    new = follow_many([(thoas, project, 1), (thoas, project, 2), (thoas, project, 1)])

    assert (new, history(), get_followers_count(project)) == (1, [("followed", 1)], 1)
    assert list(get_followers(project)) == [(thoas, datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))]


def test_recorded_pairs_are_skipped(thoas: User, newbie: User, project: Project) -> None:
    follow(thoas, project)
    pairs = [(thoas, project), (newbie, project)]

    first, again = follow_many(pairs), follow_many(pairs)

    assert (first, again, history()) == (1, 0, [("followed", 1), ("followed", 1)])


def test_an_import_may_be_empty(db: None) -> None:
    done: list[int] = []

    new = follow_many([], progress=done.append)

    assert (new, done) == (0, [])


def test_an_import_of_any_length_is_read_batch_by_batch(project: Project) -> None:
    """Constant memory: no more than a batch is taken from the iterable before it is recorded."""
    taken = 0

    def pairs() -> Iterator[Pair]:
        nonlocal taken
        for pair in fans(2 * BATCH + 500, of=project):
            taken += 1
            yield pair

    seen: list[tuple[int, int, int]] = []

    def progress(done: int) -> None:
        seen.append((done, taken, get_followers_count(project)))

    new = follow_many(pairs(), progress=progress)

    assert new == 2 * BATCH + 500
    assert seen == [(done, done, done) for done in (BATCH, 2 * BATCH, 2 * BATCH + 500)]


def test_a_batch_is_announced_once_without_a_signal_for_each_pair(
    project: Project, django_capture_on_commit_callbacks: Any
) -> None:
    batches: list[int] = []
    heard: list[Event] = []

    def receive(events: tuple[Event, ...], **_: Any) -> None:
        batches.append(len(events))

    def hear(event: Event, **_: Any) -> None:
        heard.append(event)

    events_recorded.connect(receive)
    followed.connect(hear)
    unfollowed.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            follow_many(fans(BATCH + 1, of=project))
            unfollow_many(fans(BATCH + 1, of=project))
    finally:
        events_recorded.disconnect(receive)
        followed.disconnect(hear)
        unfollowed.disconnect(hear)

    assert (batches, heard) == ([BATCH, 1, BATCH, 1], [])


def test_the_news_of_a_batch_are_announced_as_the_log_has_them(thoas: User, newbie: User, project: Project) -> None:
    before = follow(newbie, project)

    with recorded_events() as announced:
        follow_many([(thoas, project), (newbie, project), (project, thoas, 0), (newbie, thoas)])

    values = itemgetter("id", *EVENT_COLUMNS)
    log = Event.objects.exclude(pk=before and before.pk).order_by("pk")
    assert [values(vars(event)) for event in announced] == [values(vars(event)) for event in log]
    assert len(announced) == 3


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (lambda thoas, project: (thoas,), InvalidPair),
        (lambda thoas, project: (thoas, project, 0, "more"), InvalidPair),
        (lambda thoas, project: thoas, InvalidPair),
        (lambda thoas, project: "ab", InvalidPair),
        (lambda thoas, project: None, InvalidPair),
        (lambda thoas, project: (thoas, thoas), SelfFollowException),
        (lambda thoas, project: (thoas, StrangerFactory()), NotRegistered),
        (lambda thoas, project: (thoas, ResourceKey("nobody", "1")), UnknownIdentifier),
        (lambda thoas, project: (thoas, ResourceKey("project", "x")), InvalidObjectId),
        (lambda thoas, project: (thoas, project, "yesterday"), InvalidTimestamp),
    ],
)
def test_a_bad_pair_records_nothing_of_its_batch(
    thoas: User, newbie: User, project: Project, bad: Any, error: type[SequereException]
) -> None:
    with pytest.raises(error):
        follow_many([(newbie, project), bad(thoas, project), (newbie, thoas)])

    assert (history(), get_followers_count(project)) == ([], 0)


def test_an_invalid_pair_says_what_a_pair_is(thoas: User) -> None:
    with pytest.raises(InvalidPair) as caught:
        follow_many([("thoas",)])

    assert str(caught.value) == (
        "('thoas',) is not a pair to follow: pass (from_instance, to_instance) or (from_instance, to_instance,"
        " timestamp)."
    )


@pytest.mark.django_db(transaction=True)
def test_an_interrupted_import_can_simply_be_run_again(project: Project) -> None:
    pairs: list[Any] = fans(BATCH + 10, of=project)
    with pytest.raises(InvalidPair):
        follow_many([*pairs, None])
    kept = get_followers_count(project)

    new = follow_many(pairs)

    assert (kept, new, get_followers_count(project)) == (BATCH, 10, BATCH + 10)


def statements(number: int, of: Project) -> int:
    with CaptureQueriesContext(connection) as captured:
        follow_many(fans(number, of=of))
    return len(captured)


@pytest.mark.inline
def test_the_cost_of_a_batch_does_not_grow_with_its_pairs(db: None) -> None:
    _, few, many = (statements(number, of=ProjectFactory()) for number in (1, 100, BATCH))

    assert many == few


@pytest.mark.inline
@pytest.mark.skipif(connection.vendor != "postgresql", reason="elsewhere, Python makes the events that it records")
def test_an_import_makes_no_instance_of_an_event_at_which_nobody_looks(project: Project) -> None:
    made: list[Event] = []

    def note(instance: Event, **_: Any) -> None:
        made.append(instance)

    post_init.connect(note, sender=Event)
    try:
        assert follow_many(fans(3, project)) == 3
    finally:
        post_init.disconnect(note, sender=Event)
    assert made == []


@pytest.mark.django_db
def test_an_import_has_the_result_of_single_follows() -> None:
    users = UserFactory.create_batch(6)
    pairs = [(one, other, 1) for one in users for other in users if (one.pk + other.pk) % 3 and one != other]
    follow_many(pairs)
    imported = [(list(get_followers(user)), list(get_friends(user)), get_friends_count(user)) for user in users]
    unfollow_many(pairs)

    for one, other, timestamp in pairs:
        follow(one, other, timestamp=timestamp)

    assert [(list(get_followers(user)), list(get_friends(user)), get_friends_count(user)) for user in users] == imported
    assert all(is_following(one, other) for one, other, _ in pairs)
