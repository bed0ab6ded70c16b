"""record() for hosts: what it refuses, and folds of whole streams."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection, transaction

import sequere
from sequere.base import ResourceKey
from sequere.contrib.timeline import Timeline
from sequere.event_types import event_types
from sequere.exceptions import (
    AnonymousInstance,
    IdempotencyConflict,
    InternalEventType,
    InvalidEventData,
    InvalidIdempotencyKey,
    InvalidObjectId,
    InvalidTimestamp,
    NoInstance,
    NotRegistered,
    RecordingInReplay,
    ReservedStream,
    SequereException,
    StreamTaken,
    UnknownEventType,
    UnknownIdentifier,
    UnsavedInstance,
    WrongVersion,
)
from sequere.log import History, Intent, lifecycle, record, stream_of
from sequere.log.metadata import event_metadata
from sequere.log.models import Event
from sequere.log.streams import RESERVED
from sequere.models import QueuedEvent, Resource, follow, is_following, unfollow
from sequere.projections import Comparison, Difference, LevelTriggeredProjector, Projector, Reconciler, RowKeys
from sequere.relations.key import RelationKey
from sequere.replay import preview, rebuild, verify
from tests.factories import ProjectFactory, StrangerFactory, UserFactory
from tests.races.concurrently import in_rounds
from tests.races.outcome import differences
from tests.rounds import rounds
from tests.statements import exactly
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction, Joked

THOAS, FILM = ResourceKey("user", "1"), ResourceKey("project", "1")
STREAM = stream_of("joke", THOAS)


@pytest.fixture(params=["inline", "on_commit"])
def mode(request: pytest.FixtureRequest, settings: Any) -> str:
    """The mode of the built-in projections."""
    settings.SEQUERE_PROJECTION_MODES = {"follows": request.param, "timelines": request.param}
    return str(request.param)


def joke(**options: Any) -> Intent:
    return Intent(**{"type": "joked", "stream": STREAM, "actor": THOAS} | options)


def log() -> list[tuple[str, UUID, int, Any]]:
    return [(one.type, one.stream, one.version, one.data) for one in Event.objects.order_by("id")]


def written() -> tuple[int, int, int]:
    """How many events, rows of resources, and rows of the outbox there are."""
    return Event.objects.count(), Resource.objects.count(), QueuedEvent.objects.count()


# What is recorded


def test_instances_and_keys_name_the_same(mode: str, thoas: User, project: Project) -> None:
    keys = ResourceKey("user", str(thoas.pk)), ResourceKey("project", str(project.pk))

    by_instance, by_key = record(
        [joke(actor=thoas, target=project), joke(actor=keys[0], target=keys[1], stream=stream_of("key", THOAS))]
    )

    assert by_instance.event
    assert by_key.event
    assert (by_instance.event.actor, by_instance.event.target) == (by_key.event.actor, by_key.event.target) == keys


@pytest.mark.django_db
def test_an_empty_batch_costs_nothing() -> None:
    with exactly(0):
        outcomes = record([])

    assert outcomes == []


@pytest.mark.django_db
def test_without_a_decision_data_are_recorded_each_time() -> None:
    record([joke(data={"n": 1})])

    record([joke(data={"n": 1}), joke()])

    assert log() == [("joked", STREAM, 1, {"n": 1}), ("joked", STREAM, 2, {"n": 1}), ("joked", STREAM, 3, {})]


ODD: dict[str, Any] = {
    "none": None,
    "texts": ["", " ", "é", "😀", "\\u0000", "\\x00", "\x1f", "'", '"', "%s", "{}", "\u2028"],
    "numbers": [0, -1, 2**63, -(2**64), 10**300, 0.1, -0.5, 1e22, 1e-7, 5e-324],
    "truth": [True, False],
    "nested": [[], {}, [[]], {"": {"": [None]}}],
}


@pytest.mark.django_db
def test_whatever_json_says_comes_back(mode: str) -> None:
    (outcome,) = record([joke(data=ODD)], **ODD)

    stored = Event.objects.get()
    assert outcome.event
    assert stored.data == outcome.event.data == ODD
    # Metadata that are None say nothing.
    assert stored.metadata == outcome.event.metadata == {key: value for key, value in ODD.items() if value is not None}


def nested(levels: int, inside: Any = None) -> Any:
    value = inside
    for level in range(levels):
        value = [value] if level % 2 else {"in": value}
    return value


@pytest.mark.django_db
def test_data_may_be_nested_a_hundred_deep() -> None:
    deep = {"deep": nested(99)}

    record([joke(data=deep)])

    assert Event.objects.get().data == deep


@pytest.mark.django_db
def test_data_may_be_long() -> None:
    wide = {"wide": [{"n": n, "text": "é" * 10} for n in range(5_000)]}

    record([joke(data=wide)])

    assert Event.objects.get().data == wide


# What is refused, before anything is written


NOT_JSON: dict[str, Any] = {
    "a datetime": datetime(2013, 10, 25, tzinfo=UTC),
    "a decimal": Decimal("1.5"),
    "a UUID": UUID(int=7),
    "bytes": b"joke",
    "a set": {1, 2},
    "an object": object(),
    "NaN": float("nan"),
    "infinity": float("inf"),
    "NUL": "a\x00b",
    "NUL in a key": {"a\x00b": 1},
    "a number as key": {1: "one"},
    "None as key": {None: "one"},
    "a tuple as key": {(1, 2): "one"},
    "a tuple": (1, 2),
    "a lone surrogate": "\ud800",
    "a lone surrogate in a key": {"\udfff": 1},
    "a number that comes back as another one": 1.1e300,
    "nested 101 deep": nested(101),
    "nested 900 deep": nested(900),
    "nested 2,000 deep": nested(2_000),
    "nested 100,000 deep": nested(100_000),
}


@pytest.mark.django_db
@pytest.mark.parametrize("value", NOT_JSON.values(), ids=NOT_JSON)
def test_data_that_are_not_json_are_refused(mode: str, value: Any) -> None:
    with pytest.raises(InvalidEventData, match="the data of the event cannot be stored"):
        record([joke(), joke(data={"value": value})])
    with pytest.raises(InvalidEventData, match="the data of the event cannot be stored"):
        record([joke(decide=lambda history: {"value": value})])

    assert written() == (0, 0, 0)


@pytest.mark.django_db
@pytest.mark.parametrize("value", NOT_JSON.values(), ids=NOT_JSON)
def test_metadata_that_are_not_json_are_refused(mode: str, value: Any) -> None:
    with pytest.raises(InvalidEventData, match="the metadata of the event cannot be stored"):
        record([joke()], why=value)
    with event_metadata(why=lambda: value), pytest.raises(InvalidEventData, match="the metadata of the event"):
        record([joke()])

    assert written() == (0, 0, 0)


@pytest.mark.django_db
@pytest.mark.parametrize("data", [["a", "list"], [], "a text", "", 7, 0, True, False, ("a", "tuple")], ids=repr)
def test_data_that_are_not_a_dict_are_refused(mode: str, data: Any) -> None:
    with pytest.raises(InvalidEventData, match="not a dict"):
        record([joke(data=data)])
    with pytest.raises(InvalidEventData, match="not a dict"):
        record([joke(decide=lambda history: data)])

    assert written() == (0, 0, 0)


REFUSED: dict[str, tuple[dict[str, Any], type[SequereException], str]] = {
    **{
        f"the internal type {one.name}": (
            {"type": one.name},
            InternalEventType,
            f"Only Sequere itself records events of type '{one.name}'",
        )
        for one in event_types
        if one.internal
    },
    "an unknown type": ({"type": "jocked"}, UnknownEventType, "There is no event type 'jocked'"),
    "an empty type": ({"type": ""}, UnknownEventType, "There is no event type ''"),
    "a long type": ({"type": "t" * 200}, UnknownEventType, "There is no event type 't"),
    "a type as a class": ({"type": Joked}, UnknownEventType, "There is no event type"),
    "no type": ({"type": None}, UnknownEventType, "There is no event type None"),
    "a long verb": ({"verb": "v" * 256}, InvalidEventData, "the verb of the event .* longer than 255 characters"),
    "a verb with NUL": ({"verb": "te\x00ll"}, InvalidEventData, "the verb of the event .* NUL"),
    "a verb with a lone surrogate": ({"verb": "\ud800"}, InvalidEventData, "the verb .* lone surrogate"),
    "a verb that is not a text": ({"verb": 7}, InvalidEventData, "it is 7, not a text"),
    "a version that is too high": ({"expected_version": 1}, WrongVersion, "has version 0, not 1"),
    "a version that is negative": ({"expected_version": -1}, WrongVersion, "has version 0, not -1"),
    "a long idempotency key": ({"idempotency_key": "k" * 256}, InvalidIdempotencyKey, "1 to 255 characters"),
    "an empty idempotency key": ({"idempotency_key": ""}, InvalidIdempotencyKey, "1 to 255 characters"),
    "an idempotency key with NUL": ({"idempotency_key": "\x00"}, InvalidIdempotencyKey, "without NUL"),
    "an idempotency key that is a number": ({"idempotency_key": 7}, InvalidIdempotencyKey, "7 cannot be"),
    "an idempotency key with a lone surrogate": ({"idempotency_key": "\ud800"}, InvalidIdempotencyKey, "cannot be"),
    "an unknown kind of actor": ({"actor": ResourceKey("ghost", "1")}, UnknownIdentifier, "'ghost'"),
    "an unknown kind of target": ({"target": ResourceKey("ghost", "1")}, UnknownIdentifier, "'ghost'"),
    "another unknown kind": ({"others": (ResourceKey("ghost", "1"),)}, UnknownIdentifier, "'ghost'"),
    "an impossible actor": ({"actor": ResourceKey("user", "nobody")}, InvalidObjectId, "'nobody' cannot be a key"),
    "an impossible target": ({"target": ResourceKey("package", "\x00")}, InvalidObjectId, "NUL"),
    "an impossible other": ({"others": (ResourceKey("package", "\x00"),)}, InvalidObjectId, "NUL"),
    "nobody as actor": ({"actor": None}, NoInstance, "None is not a model instance"),
    "a text as actor": ({"actor": "user:1"}, NoInstance, "'user:1' is not a model instance"),
    "an anonymous actor": ({"actor": AnonymousUser()}, AnonymousInstance, "An anonymous user has no key"),
    "an unsaved actor": ({"actor": User(username="thoas")}, UnsavedInstance, "is not in the database"),
    "an unsaved target": ({"target": Project()}, UnsavedInstance, "is not in the database"),
    "a time that is none": ({"occurred_at": "yesterday"}, InvalidTimestamp, "'yesterday' is not a point in time"),
    "a time out of range": ({"occurred_at": 1e20}, InvalidTimestamp, "is not a point in time"),
}


@pytest.mark.django_db
@pytest.mark.parametrize(("options", "error", "message"), REFUSED.values(), ids=REFUSED)
def test_an_intent_is_refused_before_anything_is_written(
    mode: str, options: dict[str, Any], error: type[SequereException], message: str
) -> None:
    with pytest.raises(error, match=message):
        record([joke(stream=stream_of("another", THOAS)), joke(**options)])

    assert written() == (0, 0, 0)


def test_an_instance_of_an_unregistered_model_is_refused(mode: str, thoas: User) -> None:
    with pytest.raises(NotRegistered):
        record([joke(actor=StrangerFactory())])
    with pytest.raises(NotRegistered):
        record([joke(target=StrangerFactory())])

    assert written() == (0, 0, 0)


@pytest.mark.django_db
@pytest.mark.parametrize("stream", [str(STREAM), "joke", 7, None, STREAM.bytes])
def test_a_stream_is_a_uuid(mode: str, stream: Any) -> None:
    with pytest.raises(TypeError, match="The stream of an intent is a UUID, such as stream_of"):
        record([joke(stream=stream)])

    assert written() == (0, 0, 0)


@pytest.mark.django_db
def test_an_intent_has_data_or_a_decision(mode: str) -> None:
    with pytest.raises(TypeError, match="data or decide, not both"):
        record([joke(data={}, decide=lambda history: {})])

    assert written() == (0, 0, 0)


@pytest.mark.parametrize("kind", sorted(RESERVED))
def test_a_host_cannot_name_a_stream_of_sequere(kind: str) -> None:
    with pytest.raises(ReservedStream, match=f"Streams of the kind '{kind}' belong to Sequere"):
        stream_of(kind, THOAS, FILM)


def test_a_type_that_was_unregistered_is_refused(mode: str, thoas: User) -> None:
    sequere.unregister_event(Joked)
    try:
        with pytest.raises(UnknownEventType):
            record([joke(actor=thoas)])
    finally:
        sequere.register_event(Joked)

    assert written() == (0, 0, 0)


# Streams of others


def of_a_follow(thoas: User, project: Project) -> UUID:
    event = follow(thoas, project)
    assert event
    return event.stream


def of_an_action(thoas: User, project: Project) -> UUID:
    action = JoinAction(actor=thoas)
    Timeline(thoas).save(action)
    return Event.objects.get().stream


def of_read_marks(thoas: User, project: Project) -> UUID:
    Timeline(thoas).mark_as_read()
    return Event.objects.get().stream


def of_a_deleted_resource(thoas: User, project: Project) -> UUID:
    follow(thoas, project)
    stream = lifecycle(ResourceKey("project", str(project.pk)))
    project.delete()
    return stream


@pytest.mark.parametrize("of", [of_a_follow, of_an_action, of_read_marks, of_a_deleted_resource])
def test_a_host_cannot_record_on_a_stream_of_sequere(
    mode: str, thoas: User, project: Project, of: Callable[[User, Project], UUID]
) -> None:
    stream = of(thoas, project)
    before = log()

    with pytest.raises(StreamTaken, match=f"The stream {stream} has events of type '{before[-1][0]}'"):
        record([joke(actor=UserFactory(), stream=stream)])

    assert log() == before
    assert differences() == []


def test_sequere_does_not_record_on_a_stream_of_a_host(mode: str, thoas: User, project: Project) -> None:
    """Otherwise the parity of versions would say that thoas follows."""
    keys = ResourceKey("user", str(thoas.pk)), ResourceKey("project", str(project.pk))
    record([joke(stream=RelationKey(*keys).stream)])
    before = written()

    with pytest.raises(StreamTaken, match="has events of type 'joked'"):
        follow(thoas, project)
    with pytest.raises(StreamTaken, match="has events of type 'joked'"):
        unfollow(thoas, project)

    assert written() == before
    assert not is_following(thoas, project)
    assert differences() == []


def test_types_of_a_host_may_share_a_stream(mode: str, thoas: User) -> None:
    other = type("Laughed", (sequere.EventType,), {"name": "laughed"})
    sequere.register_event(other)
    try:
        record([joke(), joke(type="laughed")])
    finally:
        sequere.unregister_event(other)

    assert [one[:3] for one in log()] == [("joked", STREAM, 1), ("laughed", STREAM, 2)]


# Expected versions


@pytest.mark.django_db
def test_a_writer_says_which_version_it_has_seen(mode: str) -> None:
    record([joke(expected_version=0, data={"n": 1})])

    record([joke(expected_version=1, data={"n": 2})])
    with pytest.raises(WrongVersion) as caught:
        record([joke(expected_version=1, data={"n": 3})])

    assert str(caught.value) == (
        f"The stream {STREAM} has version 2, not 1: another writer was faster, so read it again and decide again."
    )
    assert [data for *_, data in log()] == [{"n": 1}, {"n": 2}]


@pytest.mark.django_db
def test_the_intents_of_a_batch_count_versions_together(mode: str) -> None:
    record([joke(expected_version=0), joke(expected_version=1), joke(expected_version=2)])
    before = written()

    with pytest.raises(WrongVersion, match="has version 4, not 3"):
        record([joke(expected_version=3), joke(expected_version=3)])

    assert written() == before


@pytest.mark.django_db
def test_a_wrong_version_is_refused_whatever_is_decided() -> None:
    with pytest.raises(WrongVersion):
        record([joke(expected_version=1, decide=lambda history: None)])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("deciding", [False, True], ids=["data", "decide"])
def test_one_of_simultaneous_writers_that_expect_a_version_wins(mode: str, deciding: bool) -> None:
    number = rounds(7, 2)
    thoas = UserFactory()
    content: dict[str, Any] = {"decide": lambda history: {}} if deciding else {"data": {}}

    def write(n: int) -> str:
        try:
            record([joke(actor=thoas, stream=stream_of(f"round {n}", THOAS), expected_version=0, **content)])
        except WrongVersion as error:
            return f"lost to version {error.details['found']}"
        return "won"

    outcomes = in_rounds(number, write, write)

    assert [sorted(outcome) for outcome in outcomes] == [["lost to version 1", "won"]] * number
    assert Event.objects.count() == number


# Idempotency keys


def numbered(history: History) -> dict[str, Any]:
    return {"n": len(history.events) + 1}


@pytest.mark.django_db
def test_a_retry_returns_the_first_event(mode: str) -> None:
    intents = [
        joke(idempotency_key="data", data={"n": 1}, target=FILM, verb="tell", occurred_at=0),
        joke(idempotency_key="decide", decide=numbered, reads_history=True),
        joke(idempotency_key="once", decide=lambda history: {} if history.last.version == 2 else None),
    ]
    first = record(intents)
    record([joke(), joke()])

    again = record(intents)

    assert [outcome.event for outcome in again] == [outcome.event for outcome in first]
    assert [outcome.is_new for outcome in again] == [False] * 3
    assert Event.objects.count() == 5


@pytest.mark.django_db
def test_a_retry_decides_from_what_was_last_before_the_first_event() -> None:
    record([joke(), joke()])
    once = joke(idempotency_key="once", decide=lambda history: {"n": history.latest[STREAM].version})
    first = record([once])
    record([joke()])

    assert record([once])[0].event == first[0].event


@pytest.mark.django_db
def test_a_key_may_have_255_characters() -> None:
    key = "k" * 255

    record([joke(idempotency_key=key)])

    assert Event.objects.get().idempotency_key == key


OTHERWISE: dict[str, dict[str, Any]] = {
    "data": {"data": {"n": 2}},
    "no data": {"data": None},
    "decided data": {"data": None, "decide": lambda history: {"n": 2}},
    "nothing to record": {"data": None, "decide": lambda history: None},
    "target": {"target": ResourceKey("project", "2")},
    "no target": {"target": None},
    "actor": {"actor": ResourceKey("user", "2")},
    "verb": {"verb": "whisper"},
    "stream": {"stream": stream_of("another", THOAS)},
    "time": {"occurred_at": 1},
}


@pytest.mark.django_db
@pytest.mark.parametrize("other", OTHERWISE.values(), ids=OTHERWISE)
def test_a_key_is_for_one_content(mode: str, other: dict[str, Any]) -> None:
    one = joke(idempotency_key="request 1", data={"n": 1}, target=FILM, verb="tell", occurred_at=0)
    record([one])
    before = written()

    with pytest.raises(IdempotencyConflict, match="belongs to event"):
        record([joke(stream=stream_of("third", THOAS)), one._replace(**other)])

    assert written() == before


@pytest.mark.django_db
def test_a_batch_that_repeats_a_key_with_other_content_is_refused(mode: str) -> None:
    with pytest.raises(IdempotencyConflict):
        record([joke(idempotency_key="request 1", data={"n": 1}), joke(idempotency_key="request 1", data={"n": 2})])

    assert written() == (0, 0, 0)


@pytest.mark.django_db
def test_a_batch_may_repeat_an_intent_that_decides() -> None:
    record([joke()])
    once = joke(idempotency_key="request 1", decide=numbered, reads_history=True)

    outcomes = record([joke(), once, joke(), once])

    assert [outcome.is_new for outcome in outcomes] == [True, True, True, False]
    assert outcomes[3].event is outcomes[1].event
    assert [data for *_, data in log()] == [{}, {}, {"n": 3}, {}]


@pytest.mark.django_db
def test_a_retry_decides_from_what_the_log_said_then() -> None:
    """The other stream has moved on since, and so has its own."""
    other = stream_of("other", THOAS)

    def decide(history: History) -> dict[str, Any]:
        own, others = history.latest.get(STREAM), history.latest.get(other)
        return {"own": own.version if own else 0, "other": others.version if others else 0}

    record([joke(), joke(stream=other)])
    intent = joke(idempotency_key="request 1", decide=decide, reads=(other,))
    (first,) = record([intent])
    record([joke(), joke(stream=other)])

    (again,) = record([intent])

    assert (again.event, again.is_new) == (first.event, False)
    assert first.event
    assert first.event.data == {"own": 1, "other": 1}


@pytest.mark.django_db(transaction=True)
def test_simultaneous_retries_record_one_event(mode: str) -> None:
    number = rounds(7, 2)
    thoas = UserFactory()

    def write(n: int) -> Any:
        intent = joke(actor=thoas, idempotency_key=f"request {n}", decide=numbered, reads_history=True)
        ((event, _),) = record([intent])
        return event

    outcomes = in_rounds(number, write, write)

    assert [one == other for one, other in outcomes] == [True] * number
    assert [data for *_, data in log()] == [{"n": n + 1} for n in range(number)]


# Recording while events of the past are applied


class Talkative(Projector):
    """Records while it applies."""

    def on_followed(self, event: Event, *, using: str) -> None:
        record([joke(actor=event.actor)])

    def reset(self, subjects: Sequence[ResourceKey], *, using: str) -> None:
        pass


class TalkativeComparison(Comparison):
    def resources(self, keys: Any, using: str) -> list[ResourceKey]:
        return [THOAS]

    def compare(self, keys: Any, using: str, *, repair: bool) -> list[Difference]:
        record([joke()])
        return []


class LateTalk(TalkativeComparison):
    """Records only when the batch is locked."""

    def differs(self, keys: Any, using: str) -> bool:
        return True


class TalkativeWhenVerified(LevelTriggeredProjector):
    reconcilers = (Reconciler("jokes", RowKeys(Event.objects.using), TalkativeComparison()),)


class TalkativeUnderLocks(LevelTriggeredProjector):
    reconcilers = (Reconciler("jokes", RowKeys(Event.objects.using), LateTalk()),)


REPLAYS: dict[str, Callable[[], Any]] = {
    "rebuild": lambda: rebuild("talk"),
    "verify": lambda: verify("talk"),
    "repair": lambda: verify("talk", repair=True),
    "preview": lambda: preview("talk"),
}


def talk(settings: Any, projector: type[Projector], mode: str) -> None:
    settings.SEQUERE_PROJECTORS = {"talk": f"{__name__}.{projector.__qualname__}"}
    settings.SEQUERE_PROJECTION_MODES = settings.SEQUERE_PROJECTION_MODES | {"talk": mode}


def test_nothing_is_recorded_while_a_rebuild_applies_events(
    settings: Any, mode: str, thoas: User, project: Project
) -> None:
    follow(thoas, project)
    talk(settings, Talkative, mode)
    before = written()

    with pytest.raises(RecordingInReplay, match="Nothing can be recorded while a rebuild or a verification"):
        rebuild("talk")

    assert written() == before


@pytest.mark.parametrize("projector", [TalkativeWhenVerified, TalkativeUnderLocks])
@pytest.mark.parametrize("replay", REPLAYS.values(), ids=REPLAYS)
def test_nothing_is_recorded_while_a_read_model_is_compared(
    settings: Any,
    mode: str,
    thoas: User,
    project: Project,
    replay: Callable[[], Any],
    projector: type[Projector],
) -> None:
    follow(thoas, project)
    talk(settings, projector, mode)
    before = written()

    with pytest.raises(RecordingInReplay):
        replay()

    assert written() == before


def test_after_a_refused_replay_recording_works_again(settings: Any, mode: str, thoas: User, project: Project) -> None:
    follow(thoas, project)
    talk(settings, Talkative, mode)
    with pytest.raises(RecordingInReplay):
        rebuild("talk")

    settings.SEQUERE_PROJECTORS = {}
    (outcome,) = record([joke(actor=thoas)])

    assert outcome.is_new


# Folds


@pytest.fixture
def door() -> Iterator[Callable[..., Intent]]:
    """Intents about a door, a state machine: closed, open, locked."""
    types = [type(name, (sequere.EventType,), {"name": name}) for name in ("opened", "closed", "locked")]
    for one in types:
        sequere.register_event(one)
    after = {"opened": "open", "closed": "closed", "locked": "locked"}
    may_follow = {"opened": {"closed"}, "closed": {"open", "locked"}, "locked": {"closed"}}

    def to(type_: str, **options: Any) -> Intent:
        def decide(history: History) -> dict[str, Any] | None:
            state = "closed"
            for event in history.events:
                state = after[event.type]
            if state == after[type_]:
                return None
            if state not in may_follow[type_]:
                raise ValueError(f"{state}, not to be {type_}")
            return {"before": state, "nth": len(history.events) + 1}

        return joke(type=type_, stream=stream_of("door", FILM), decide=decide, reads_history=True, **options)

    yield to
    for one in types:
        sequere.unregister_event(one)


@pytest.mark.django_db
def test_a_fold_sees_the_whole_stream(mode: str, door: Callable[..., Intent]) -> None:
    for step in ("opened", "closed", "locked", "locked"):
        record([door(step)])

    assert [(type_, data) for type_, _, _, data in log()] == [
        ("opened", {"before": "closed", "nth": 1}),
        ("closed", {"before": "open", "nth": 2}),
        ("locked", {"before": "closed", "nth": 3}),
    ]


@pytest.mark.django_db
def test_the_intents_of_a_batch_fold_each_other(mode: str, door: Callable[..., Intent]) -> None:
    record([door("opened")])

    outcomes = record([door("opened"), door("closed"), door("locked"), door("locked"), door("closed")])

    assert [outcome.event and outcome.event.data for outcome in outcomes] == [
        None,
        {"before": "open", "nth": 2},
        {"before": "closed", "nth": 3},
        None,
        {"before": "locked", "nth": 4},
    ]
    assert [version for _, _, version, _ in log()] == [1, 2, 3, 4]


@pytest.mark.django_db
def test_what_a_fold_raises_undoes_the_batch(mode: str, door: Callable[..., Intent]) -> None:
    with pytest.raises(ValueError, match="locked, not to be opened"):
        record([door("locked"), joke(), door("opened")])

    assert written() == (0, 0, 0)


@pytest.mark.django_db
def test_a_whole_stream_costs_one_query_and_another_one_a_lock(door: Callable[..., Intent]) -> None:
    record([door("opened"), door("closed"), door("opened")])

    with exactly(1):
        record([door("opened")])
    with exactly(2 if connection.vendor == "postgresql" else 3):
        outcomes = record([door("opened"), door("opened", reads=(STREAM,))])

    assert outcomes == [(None, False), (None, False)]


@pytest.mark.django_db
def test_a_history_has_the_last_events_of_the_streams_it_reads() -> None:
    other, empty = stream_of("other", THOAS), stream_of("empty", THOAS)
    record([joke(data={"n": 1}), joke(data={"n": 2}), joke(stream=other, data={"n": 3})])
    seen: list[Any] = []

    def decide(history: History) -> None:
        assert history.last
        seen.append(
            (
                history.last.data,
                {stream: event.data for stream, event in history.latest.items()},
                [event.data for event in history.events],
            )
        )

    record([joke(decide=decide, reads=(other, empty))])
    record([joke(decide=decide, reads=(other, empty), reads_history=True)])

    latest = {STREAM: {"n": 2}, other: {"n": 3}}
    assert seen == [({"n": 2}, latest, []), ({"n": 2}, latest, [{"n": 1}, {"n": 2}])]


@pytest.mark.django_db
def test_a_history_of_a_new_stream_is_empty() -> None:
    seen: list[History] = []

    record([joke(decide=seen.append, reads_history=True)])

    assert [(history.last, dict(history.latest), list(history.events)) for history in seen] == [(None, {}, [])]


@pytest.mark.django_db
def test_a_fold_and_the_last_event_of_one_stream_in_one_batch() -> None:
    record([joke()])

    outcomes = record(
        [
            joke(decide=lambda history: {"last": history.last.version}),
            joke(decide=lambda history: {"all": len(history.events)}, reads_history=True),
            joke(stream=stream_of("other", THOAS), reads=(STREAM,), decide=lambda h: {"is": h.latest[STREAM].version}),
        ]
    )

    assert [outcome.event and outcome.event.data for outcome in outcomes] == [{"last": 1}, {"all": 2}, {"is": 3}]


@pytest.mark.django_db(transaction=True)
def test_a_counter_misses_no_number_whoever_counts(mode: str) -> None:
    number = rounds(5, 2)
    thoas, film = UserFactory(), ProjectFactory()

    in_rounds(
        number,
        *[lambda _: record([joke(actor=thoas, target=film, decide=numbered, reads_history=True)])] * 3,
    )

    assert [(version, data) for _, _, version, data in log()] == [(n, {"n": n}) for n in range(1, 3 * number + 1)]


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_event_leaves_its_version_free(mode: str, thoas: User) -> None:
    with transaction.atomic():
        record([joke(actor=thoas, data={"n": 1}, idempotency_key="request 1")])
        transaction.set_rollback(True)

    record([joke(actor=thoas, data={"n": 2}, idempotency_key="request 1", expected_version=0)])

    assert log() == [("joked", STREAM, 1, {"n": 2})]


# Other writers


@pytest.mark.django_db
def test_what_a_decision_reads_stays_as_it_is_until_it_is_recorded() -> None:
    """The streams that an intent reads are locked with the resources that it names, before it decides."""
    limit = stream_of("limit", FILM)
    seen: list[Any] = []

    def decide(history: History) -> dict[str, Any]:
        seen.append(Resource.objects.filter(identifier="project").exists())
        return {}

    record([joke(decide=decide, reads=(limit,), others=(FILM,))])

    assert seen == [True]  # created by the lock


@pytest.mark.django_db(transaction=True)
def test_writers_of_a_stream_who_lock_nothing_in_common_all_record() -> None:
    writers = [ResourceKey("user", str(number)) for number in range(1, 5)]

    def write(writer: ResourceKey) -> Callable[[int], Any]:
        return lambda _: record(
            [joke(actor=writer, reads_history=True, decide=lambda history: {"n": len(history.events)})]
        )

    in_rounds(5, *map(write, writers))

    assert [data["n"] for _, _, _, data in log()] == list(range(20))


@pytest.mark.django_db
def test_an_instance_in_the_metadata_of_a_call_becomes_its_key(thoas: User) -> None:
    (outcome,) = record([joke(data={})], who=thoas, why=None, when=lambda: "now")

    assert outcome.event
    assert outcome.event.metadata == {"who": f"user:{thoas.pk}", "when": "now"}


@pytest.mark.django_db
@pytest.mark.parametrize("version", ["1", True, 1.0, [], b"1"])
def test_an_expected_version_is_a_number(version: Any) -> None:
    with pytest.raises(TypeError, match="is a number, not"):
        record([joke(data={}, expected_version=version)])


@pytest.mark.django_db
@pytest.mark.parametrize("stream", ["a", None, 1])
def test_the_streams_that_are_read_are_uuids(stream: Any) -> None:
    with pytest.raises(TypeError, match="that an intent reads are UUIDs"):
        record([joke(data={}, reads=(stream,))])
