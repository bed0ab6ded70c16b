"""The log: record(), its streams, versions and idempotency keys."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from sequere.base import ResourceKey
from sequere.exceptions import IdempotencyConflict, InvalidIdempotencyKey
from sequere.log.reading import History
from sequere.log.recording import Intent, record_internal
from sequere.log.streams import lifecycle, stream_of
from sequere.models import Event, follow, is_following, unfollow
from sequere.relations.intents import to_begin, to_end
from sequere.relations.key import FOLLOWS, RelationKey
from sequere.signals import events_recorded
from tests.statements import exactly
from tests.testapp.models import Project, User

THOAS, FILM = ResourceKey("user", "1"), ResourceKey("project", "1")
FOLLOWING = RelationKey(THOAS, FILM)
STREAM = stream_of("joke", THOAS)


def joke(**options: Any) -> Intent:
    """A kind of event that only a host knows."""
    return Intent(**{"type": "joked", "stream": STREAM, "actor": THOAS, "decide": lambda history: {}} | options)


def history() -> list[tuple[str, UUID, int]]:
    return list(Event.objects.order_by("id").values_list("type", "stream", "version"))


@pytest.fixture
def batches() -> Iterator[list[tuple[Event, ...]]]:
    """The batches that `events_recorded` announces."""
    received: list[tuple[Event, ...]] = []

    def receive(sender: type[Event], events: tuple[Event, ...], **_: Any) -> None:
        received.append(events)

    events_recorded.connect(receive)
    yield received
    events_recorded.disconnect(receive)


# Recording


@pytest.mark.django_db
def test_an_event_says_what_happened() -> None:
    before = timezone.now()

    intent = joke(target=FILM, verb="tell", occurred_at=datetime(2013, 10, 25, tzinfo=UTC))

    (outcome,) = record_internal([intent._replace(decide=lambda history: {"n": 1})])

    stored = Event.objects.values().get()
    assert outcome.event is not None
    assert before <= stored.pop("recorded_at") <= timezone.now()
    assert stored == {
        "id": outcome.event.pk,
        "type": "joked",
        "stream": STREAM,
        "version": 1,
        "actor_identifier": "user",
        "actor_object_id": "1",
        "target_identifier": "project",
        "target_object_id": "1",
        "verb": "tell",
        "scope": "",
        "occurred_at": datetime(2013, 10, 25, tzinfo=UTC),
        "data": {"n": 1},
        "metadata": {},
        "schema_version": 1,
        "idempotency_key": None,
    }


@pytest.mark.django_db
def test_an_event_happens_when_it_is_recorded_unless_the_caller_knows_better() -> None:
    (outcome,) = record_internal([joke()])

    assert outcome.event is not None
    assert outcome.event.occurred_at == outcome.event.recorded_at


@pytest.mark.django_db
def test_events_of_a_batch_are_one_microsecond_apart() -> None:
    """A reader that orders by time alone, such as a sorted set, keeps the given order."""
    told = datetime(2013, 10, 25, tzinfo=UTC)
    streams = [stream_of(f"joke {n}", THOAS) for n in range(4)]

    record_internal([joke(stream=streams[0])])
    record_internal([joke(stream=stream) for stream in streams[:3]] + [joke(stream=streams[3], occurred_at=told)])
    record_internal([to_begin(FOLLOWING), to_begin(FOLLOWING), to_end(FOLLOWING)])

    events = Event.objects.order_by("id")
    later = [event.occurred_at - event.recorded_at for event in events if event.occurred_at != told]
    assert [delta // timedelta(microseconds=1) for delta in later] == [0, 0, 1, 2, 0, 1]
    assert len({event.recorded_at for event in events[1:5]}) == 1


@pytest.mark.django_db
def test_data_that_python_considers_equal_stay_distinct() -> None:
    """A column with the same value in all rows is sent once; 1 and True are not the same."""
    data = [{"n": 1}, {"n": True}, {"n": 1}]

    record_internal([joke(stream=stream_of(f"joke {n}", THOAS), decide=lambda _, n=n: data[n]) for n in range(3)])

    stored = Event.objects.order_by("id").values_list("data", flat=True)
    assert [repr(one) for one in stored] == ["{'n': 1}", "{'n': True}", "{'n': 1}"]


@pytest.mark.django_db
def test_an_event_names_its_resources() -> None:
    (told, followed) = (
        outcome.event
        for outcome in record_internal([joke(target=FILM, verb="tell"), to_begin(FOLLOWING)])
        if outcome.event
    )

    assert (told.actor, told.target, told.subject, str(told)) == (THOAS, FILM, THOAS, "user:1 tell project:1")
    assert (followed.actor, followed.target, followed.subject) == (THOAS, FILM, FILM)
    assert list(Event.objects.about([FILM])) == [followed]
    assert list(Event.objects.about([THOAS])) == [told]


@pytest.mark.django_db
def test_an_event_may_have_no_target() -> None:
    (outcome,) = record_internal([joke()])

    assert outcome.event is not None
    assert (outcome.event.target, str(outcome.event)) == (None, "user:1 joked")


@pytest.mark.django_db
def test_every_stream_counts_its_own_versions() -> None:
    other = stream_of("joke", FILM)

    record_internal([joke(), joke(stream=other)])
    record_internal([joke()])

    assert history() == [("joked", STREAM, 1), ("joked", other, 1), ("joked", STREAM, 2)]


@pytest.mark.django_db
def test_the_intents_of_a_batch_see_each_other() -> None:
    outcomes = record_internal([to_begin(FOLLOWING), to_begin(FOLLOWING), to_end(FOLLOWING), to_begin(FOLLOWING)])

    stream = RelationKey(THOAS, FILM).stream
    assert [outcome.is_new for outcome in outcomes] == [True, False, True, True]
    assert history() == [("followed", stream, 1), ("unfollowed", stream, 2), ("followed", stream, 3)]


@pytest.mark.django_db
def test_an_intent_that_changes_nothing_costs_one_statement() -> None:
    record_internal([to_begin(FOLLOWING)])

    with exactly(1):
        outcomes = record_internal([to_begin(FOLLOWING)])

    assert outcomes == [(None, False)]


@pytest.mark.django_db
def test_an_empty_batch_records_nothing() -> None:
    with exactly(0):
        outcomes = record_internal([])

    assert outcomes == []


@pytest.mark.django_db
def test_an_intent_may_read_other_streams() -> None:
    record_internal([to_begin(FOLLOWING)])
    about = RelationKey(THOAS, FILM).stream

    def decide(history: History) -> dict[str, Any]:
        return {"follows": history.latest[about].type == "followed"}

    (outcome,) = record_internal([joke(reads=(about,), decide=decide)])

    assert outcome.event is not None
    assert outcome.event.data == {"follows": True}


@pytest.mark.django_db
def test_a_batch_is_announced_once_in_the_order_of_the_log(batches: list[tuple[Event, ...]]) -> None:
    outcomes = record_internal([joke(), to_begin(FOLLOWING), joke()])

    assert batches == [tuple(outcome.event for outcome in outcomes)]
    assert [event.pk for event in batches[0]] == sorted(event.pk for event in batches[0])


@pytest.mark.django_db
def test_an_intent_that_changes_nothing_is_not_announced(batches: list[tuple[Event, ...]]) -> None:
    record_internal([to_begin(FOLLOWING)])

    record_internal([to_begin(FOLLOWING)])

    assert len(batches) == 1


@pytest.mark.django_db(transaction=True)
def test_an_event_is_announced_inside_its_transaction(thoas: User, project: Project) -> None:
    inside: list[bool] = []

    def receive(**_: Any) -> None:
        inside.append(connection.in_atomic_block)
        raise LookupError("too late")

    events_recorded.connect(receive)
    try:
        with pytest.raises(LookupError, match="too late"):
            follow(thoas, project)
    finally:
        events_recorded.disconnect(receive)

    assert (inside, history(), is_following(thoas, project)) == ([True], [], False)


# Streams


def test_no_two_relations_share_a_stream() -> None:
    """A colon in an identifier or a key does not make two pairs share a key."""
    keys = [ResourceKey("package", "a"), ResourceKey("package", "a:b"), ResourceKey("package", "b:a"), THOAS, FILM]

    streams = {RelationKey(one, other).stream for one in keys for other in keys} | {lifecycle(key) for key in keys}

    assert len(streams) == len(keys) ** 2 + len(keys)


def test_the_name_of_a_stream_never_changes() -> None:
    assert (RelationKey(THOAS, FILM).stream, lifecycle(FILM)) == (
        UUID("ebd3d88d-b0a7-5e6a-3f72-aba59ea44fc1"),
        UUID("27c37dad-13b6-895f-b9b5-873e25a8b3c3"),
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    "film", [FILM, ResourceKey("project", "La classe américaine \\x00 😀"), ResourceKey("project", "")]
)
def test_the_database_names_the_stream_of_a_relation_as_python_does(film: ResourceKey) -> None:
    record_internal([joke(actor=THOAS, target=film)])

    there, back = ("actor_", "target_"), ("target_", "actor_")
    names = Event.objects.annotate(
        there=RelationKey.stream_in_sql(FOLLOWS, *there), back=RelationKey.stream_in_sql(FOLLOWS, *back)
    )
    assert names.values_list("there", "back").get() == (
        RelationKey(THOAS, film).stream,
        RelationKey(film, THOAS).stream,
    )


# Versions


def event(**values: Any) -> Event:
    now = timezone.now()
    return Event(
        **{
            "type": "joked",
            "stream": STREAM,
            "version": 1,
            "actor_identifier": "user",
            "actor_object_id": "1",
            "occurred_at": now,
            "recorded_at": now,
        }
        | values
    )


@pytest.mark.django_db
def test_a_version_is_given_once() -> None:
    """A pair never has two rows."""
    event().save()

    with pytest.raises(IntegrityError), transaction.atomic():
        event().save()

    assert history() == [("joked", STREAM, 1)]


# Idempotency keys


def test_a_repeated_call_returns_the_event_of_the_first_one(thoas: User, project: Project) -> None:
    first = follow(thoas, project, idempotency_key="request 1")

    again = follow(thoas, project, idempotency_key="request 1", fail_silently=False)

    assert first is not None
    assert again == first
    assert len(history()) == 1


def test_a_late_retry_changes_nothing(thoas: User, project: Project) -> None:
    first = follow(thoas, project, idempotency_key="request 1")
    unfollow(thoas, project)

    again = follow(thoas, project, idempotency_key="request 1")

    assert (again, is_following(thoas, project)) == (first, False)


def test_a_retry_may_give_the_same_time_in_another_form(thoas: User, project: Project) -> None:
    first = follow(thoas, project, timestamp=0, idempotency_key="request 1")

    again = follow(thoas, project, timestamp=datetime(1970, 1, 1, tzinfo=UTC), idempotency_key="request 1")

    assert again == first


@pytest.mark.parametrize(
    "other",
    [
        lambda thoas, project: unfollow(thoas, project, idempotency_key="request 1"),
        lambda thoas, project: follow(project, thoas, idempotency_key="request 1"),
        lambda thoas, project: follow(thoas, project, timestamp=1, idempotency_key="request 1"),
    ],
    ids=["unfollow", "the other way round", "at another time"],
)
def test_a_key_is_for_one_request(thoas: User, project: Project, other: Callable[..., Any]) -> None:
    first = follow(thoas, project, idempotency_key="request 1")
    assert first is not None

    with pytest.raises(IdempotencyConflict) as caught:
        other(thoas, project)

    assert str(caught.value) == (
        f"The idempotency key 'request 1' belongs to event {first.pk}, which says something else:"
        " use one key for one request."
    )
    assert len(history()) == 1


@pytest.mark.django_db
def test_a_batch_may_repeat_a_key() -> None:
    first, again = record_internal([joke(idempotency_key="request 1"), joke(idempotency_key="request 1")])

    assert (first.is_new, again.is_new, again.event) == (True, False, first.event)
    assert len(history()) == 1


@pytest.mark.django_db
def test_a_batch_that_uses_a_key_for_two_things_is_refused() -> None:
    with pytest.raises(IdempotencyConflict):
        record_internal([joke(idempotency_key="request 1"), to_begin(FOLLOWING, None, "request 1")])

    assert history() == []


@pytest.mark.parametrize("key", ["k" * 256, "\x00", UUID(int=7)], ids=["too long", "NUL", "a UUID"])
def test_a_key_that_does_not_fit_the_column_is_refused(thoas: User, project: Project, key: Any) -> None:
    with pytest.raises(InvalidIdempotencyKey, match="use a text of 1 to 255 characters"):
        follow(thoas, project, idempotency_key=key)

    assert history() == []


def test_no_clock_makes_an_event_older_or_younger_than_it_can_be() -> None:
    now = timezone.now()
    ages = [Event(recorded_at=now - timedelta(seconds=seconds)).age for seconds in (60, 0, -60)]

    assert 60 <= ages[0] < 61
    assert 0 <= ages[1] < 1
    assert ages[2] == 0
