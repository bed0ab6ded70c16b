"""What is recorded can be stored, applied and shown: each gate refuses everything else, and names it."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import chain
from typing import Any, ClassVar

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone as now_of
from hypothesis import given
from hypothesis.extra.django import TestCase

from sequere import ResourceKey
from sequere.contrib.timeline import Timeline
from sequere.exceptions import (
    InvalidCursor,
    InvalidEventData,
    InvalidObjectId,
    InvalidTimestamp,
    SequereException,
    StreamTaken,
)
from sequere.log.metadata import event_metadata
from sequere.log.models import Event
from sequere.log.paging import Selection
from sequere.log.recording import Intent, record
from sequere.log.streams import internal_stream, stream_of
from sequere.log.validation import FIRST_MOMENT, LAST_MOMENT, MAX_DEPTH, check_json, point_in_time
from sequere.models import follow, follow_many, get_followers, get_followings
from sequere.outbox.models import QueuedEvent
from sequere.projections import Projector
from sequere.relations.key import RelationKey
from sequere.replay import rebuild, verify
from sequere.signals import events_committed, followed, unfollowed
from sequere_timeline import signals
from sequere_timeline.backends.database.models import Entry, SavedAction
from sequere_timeline.exceptions import ActionChanged, InvalidUid, InvalidVerb
from tests import inputs
from tests.factories import UserFactory
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction, LikeAction

IMPOSSIBLE = ["\x00", "a\x00b", "\ud800", "x\udfff"]


def recorded() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("type", flat=True))


# Actions are checked when they are saved


def set_kwargs(action: Any) -> None:
    action.kwargs = None


def set_list(action: Any) -> None:
    action.kwargs = [1]


def set_deep(action: Any) -> None:
    action.kwargs["deep"] = inputs.nested(100_000)


def set_date(action: Any) -> None:
    action.date = "yesterday"


def set_far_date(action: Any) -> None:
    action.date = datetime.max.replace(tzinfo=UTC)


def set_uid(action: Any) -> None:
    action.uid = str(internal_stream("resource", action.actor_key))


def set_no_uid(action: Any) -> None:
    action.uid = "7"


def test_data_are_nested_as_deep_as_they_may_be() -> None:
    deep: Any = ["deep"]
    for _ in range(MAX_DEPTH - 1):
        check_json(deep, "data")
        deep = [deep, []]
    check_json(deep, "data")

    with pytest.raises(InvalidEventData, match=f"deeper than {MAX_DEPTH} levels"):
        check_json([deep], "data")


def test_the_log_has_all_moments_from_its_first_to_its_last() -> None:
    assert [point_in_time(moment) for moment in (FIRST_MOMENT, LAST_MOMENT)] == [FIRST_MOMENT, LAST_MOMENT]
    for moment in (FIRST_MOMENT - timedelta(microseconds=1), LAST_MOMENT + timedelta(microseconds=1)):
        with pytest.raises(InvalidTimestamp):
            point_in_time(moment)


CHANGED = [
    (set_kwargs, InvalidEventData, "keyword arguments of LikeAction .* not a dict"),
    (set_list, InvalidEventData, "not a dict"),
    (set_deep, InvalidEventData, "recursion|nested"),
    (set_date, InvalidTimestamp, "'yesterday'"),
    (set_far_date, InvalidTimestamp, "the last but one of 9999"),
    (set_uid, (InvalidUid, StreamTaken), "uid|stream"),
    (set_no_uid, InvalidUid, "'7' cannot be the uid"),
]


@pytest.mark.parametrize("in_receiver", [False, True], ids=["before", "by a receiver of pre_save"])
@pytest.mark.parametrize(("change", "error", "message"), CHANGED, ids=lambda one: getattr(one, "__name__", ""))
def test_an_action_is_checked_when_it_is_saved(
    thoas: User, project: Project, change: Callable[[Any], None], error: Any, message: str, *, in_receiver: bool
) -> None:
    action = LikeAction(actor=thoas, target=project)

    def receiver(action: Any, **_: Any) -> None:
        change(action)

    if in_receiver:
        signals.pre_save.connect(receiver)
    else:
        change(action)
    try:
        with pytest.raises(error, match=message):
            Timeline(thoas).save(action)
    finally:
        signals.pre_save.disconnect(receiver)

    assert recorded() == []


def test_a_date_that_is_set_in_seconds_is_a_datetime_when_it_is_saved(thoas: User) -> None:
    action = JoinAction(actor=thoas)
    action.date = 1_000_000_000  # type: ignore[assignment]

    Timeline(thoas).save(action)

    assert action.date == Timeline(thoas).get_public()[0].date == datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)


def test_an_action_does_not_enter_the_stream_of_something_else(thoas: User, project: Project) -> None:
    relation = next(
        one
        for one in (
            RelationKey(ResourceKey("user", str(thoas.pk)), ResourceKey("project", str(n))) for n in range(9999)
        )
        if one.stream.version == 4
    )
    Event.objects.create(**row(type="followed", stream=relation.stream, target=relation.to_key))
    action = JoinAction(actor=thoas)
    action.uid = str(relation.stream)

    with pytest.raises(StreamTaken, match="'followed'"):
        Timeline(thoas).save(action)
    with pytest.raises(StreamTaken, match="'followed'"):
        record([Intent("joked", relation.stream, thoas)])


@pytest.mark.parametrize("verb", IMPOSSIBLE)
def test_a_verb_can_be_stored(thoas: User, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    monkeypatch.setattr(JoinAction, "verb", verb)

    with pytest.raises(InvalidVerb, match="without NUL and lone surrogates"):
        Timeline(thoas).save(JoinAction(actor=thoas))


def test_a_copy_of_an_action_cannot_delete_another_one(thoas: User, newbie: User, project: Project) -> None:
    action = LikeAction(actor=thoas, target=project)
    Timeline(thoas).save(action)
    other_target, other_date, other_verb = (
        LikeAction(actor=thoas, target=newbie, date=action.date),
        LikeAction(actor=thoas, target=project, date=0),
        JoinAction(actor=thoas, target=project, date=action.date),
    )

    for copy in (other_target, other_date, other_verb):
        copy.uid = action.uid
        with pytest.raises(ActionChanged):
            Timeline(thoas).delete(copy)
    assert recorded() == ["action_saved"]
    same = LikeAction(actor=thoas, target=project, date=action.date)
    same.uid = action.uid
    assert Timeline(thoas).delete(same)


# A rebuild goes on


def row(**values: Any) -> dict[str, Any]:
    """The columns of an event of nobody's making."""
    actor, target = values.pop("actor", ResourceKey("user", "1")), values.pop("target", None) or ("", "")
    named = {
        **dict(zip(("actor_identifier", "actor_object_id"), actor, strict=True)),
        **dict(zip(("target_identifier", "target_object_id"), target, strict=True)),
    }
    moment = now_of.now()
    return {"occurred_at": moment, "recorded_at": moment, "version": 1, "type": "joked", **named, **values}


@pytest.fixture
def damaged(thoas: User, newbie: User) -> Event:
    """An action whose event cannot be applied, between others that can."""
    follow(newbie, thoas)
    uid = inputs.UUID("00000000-0000-4000-8000-000000000000")
    for number in range(3):
        Timeline(thoas).save(JoinAction(actor=thoas, number=number))
        if number == 1:
            key = ResourceKey("user", str(thoas.pk))
            bad = Event.objects.create(
                **row(type="action_saved", stream=uid, actor=key, verb="join", data={"kwargs": None, "owners": 7})
            )
    return bad


@pytest.mark.database
def test_a_rebuild_parks_what_cannot_be_applied_and_goes_on(damaged: Event, thoas: User, newbie: User) -> None:
    SavedAction.objects.all().delete()
    Entry.objects.all().delete()

    report = rebuild("timelines")

    (parked,) = QueuedEvent.objects.failed()
    assert (report.failed, parked.event_id, parked.parked_at is None) == (1, damaged.pk, False)
    assert "TypeError" in parked.error or "KeyError" in parked.error
    assert [action.kwargs["number"] for action in Timeline(newbie).get_private()] == [2, 1, 0]


@pytest.mark.database
def test_a_verification_names_what_cannot_be_applied_and_goes_on(damaged: Event) -> None:
    said: list[str] = []

    report = verify("timelines", on_difference=lambda difference: said.append(str(difference)))

    assert (report.wrong, report.failed) == (1, 1)
    assert said[0].startswith(f"event {damaged.pk} for actions: expected one that can be applied, found ")


def test_a_projector_that_goes_event_by_event_parks_one(thoas: User, newbie: User, settings: Any) -> None:
    settings.SEQUERE_PROJECTORS = {"picky": f"{__name__}.Picky"}
    settings.SEQUERE_PROJECTION_MODES = {**getattr(settings, "SEQUERE_PROJECTION_MODES", {}), "picky": "on_commit"}
    stream = stream_of("joke", ResourceKey("user", str(thoas.pk)))
    for text in ("one", "bad", "behind"):
        record([Intent("joked", stream, thoas, data={"text": text})])
    record([Intent("joked", stream_of("joke", ResourceKey("user", str(newbie.pk))), newbie, data={"text": "two"})])
    QueuedEvent.objects.filter(queue="picky").delete()
    Picky.heard.clear()

    report = rebuild("picky")

    assert (report.failed, sorted(chain.from_iterable(Picky.heard.values()))) == (1, ["one", "two"])
    assert list(QueuedEvent.objects.filter(queue="picky").order_by("event_id").values_list("attempts", flat=True)) == [
        5,
        0,
    ]


class Picky(Projector):
    """Hears jokes, but for bad ones."""

    heard: ClassVar[dict[ResourceKey, list[str]]] = defaultdict(list)

    def on_joked(self, event: Event, *, using: str) -> None:
        if event.data["text"] == "bad":
            raise ValueError("a bad joke")
        self.heard[event.actor].append(event.data["text"])

    def reset(self, subjects: Any, *, using: str) -> None:
        for subject in subjects:
            self.heard.pop(subject, None)


# Times


@pytest.mark.parametrize("fold", [0, 1])
def test_a_time_in_the_hour_that_comes_twice_is_the_same_afterwards(thoas: User, newbie: User, fold: int) -> None:
    moment = inputs.TWICE.replace(tzinfo=inputs.PARIS, fold=fold)
    action = JoinAction(actor=thoas, date=moment)

    Timeline(thoas).save(action)
    event = follow(thoas, newbie, timestamp=moment, idempotency_key="once")

    assert Timeline(thoas).save(action) is None
    assert Timeline(newbie).save(action) is not None
    assert follow(thoas, newbie, timestamp=moment, idempotency_key="once") == event
    assert action.date.tzinfo is UTC
    assert action.date == Timeline(thoas).get_public()[0].date


EDGES = [
    datetime.min,  # noqa: DTZ901  # in the zone of the project
    datetime.max,  # noqa: DTZ901
    datetime.min.replace(tzinfo=UTC),
    datetime.max.replace(tzinfo=UTC) - timedelta(hours=23),
    datetime.min.replace(tzinfo=timezone(-timedelta(hours=12))),
    datetime.max.replace(tzinfo=timezone(timedelta(hours=14))),
    (datetime.min.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds(),
    inputs.TWICE.replace(tzinfo=inputs.Hostile()),
    float("nan"),
    10**400,
    True,
    date(2024, 1, 1),
]


@pytest.mark.parametrize("edge", EDGES, ids=range(len(EDGES)))
def test_no_entry_takes_a_time_within_a_day_of_the_ends_of_the_calendar(thoas: User, newbie: User, edge: Any) -> None:
    entries: list[Callable[[], Any]] = [
        lambda: follow(thoas, newbie, timestamp=edge),
        lambda: follow_many([(thoas, newbie, edge)]),
        lambda: JoinAction(actor=thoas, date=edge),
        lambda: Timeline(thoas).mark_as_read(edge),
        lambda: record([Intent("joked", stream_of("joke"), thoas, occurred_at=edge)]),
        lambda: list(Event.objects.all().up_to(edge)),
    ]

    for entry in entries:
        with pytest.raises(InvalidTimestamp):
            entry()
    assert recorded() == []


@pytest.mark.parametrize("day", [date.min, date.max])
@pytest.mark.parametrize("name", ["since", "until"])
def test_a_selection_has_a_day_before_and_behind_it(db: None, name: str, day: date) -> None:
    with pytest.raises(InvalidTimestamp):
        Selection().narrowed("default", **{name: day})


@given(inputs.times)
def test_a_time_is_refused_or_any_zone_can_show_it(value: Any) -> None:
    try:
        moment = point_in_time(value)
    except InvalidTimestamp:
        return
    assert moment.tzinfo is UTC
    for hours in (-24, 24):
        assert moment + timedelta(hours=hours)


# Texts


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_a_question_with_an_impossible_text_finds_nothing(thoas: User, text: str) -> None:
    Timeline(thoas).save(JoinAction(actor=thoas))
    timeline, key = Timeline(thoas), ResourceKey("user", text)

    assert timeline.get_private(action=text) == timeline.get_public(action=text) == []
    assert timeline.get_private_count(action=text) == timeline.get_unread_count(action=text) == 0
    assert Selection.correlated(text).page("default").events == []
    assert Selection.about(key).page("default").events == []
    assert Selection.about(ResourceKey(text, "1")).page("default").events == []
    for name in ("type", "verb", "kind"):
        assert Selection().narrowed("default", **{name: text}).page("default").events == []
    assert not Event.objects.all().about([key]).exists()
    assert not Event.objects.all().of_type(text).exists()


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_a_name_that_no_database_stores_is_refused(thoas: User, newbie: User, text: str) -> None:
    with pytest.raises(InvalidEventData, match="the kind of a stream"):
        stream_of(text)
    with pytest.raises(InvalidEventData, match="a key of a stream"):
        stream_of("joke", ResourceKey("user", text))
    with pytest.raises(InvalidObjectId):
        follow(thoas, ResourceKey("package", text))
    with event_metadata(note=text), pytest.raises(InvalidEventData):
        follow(thoas, newbie)
    with pytest.raises(InvalidEventData):
        record([Intent("joked", stream_of("joke"), thoas, data={text: 1})])
    assert recorded() == []


class GatesTest(TestCase):
    @given(key=inputs.keys, data=inputs.data, moment=inputs.times)
    def test_what_is_recorded_comes_back(self, key: Any, data: Any, moment: Any) -> None:
        """Anything else is refused with an error of its own, and nothing is recorded."""
        try:
            stream = stream_of("joke", key)
            (outcome,) = record([Intent("joked", stream, key, occurred_at=moment, data=data)])
        except SequereException:
            assert recorded() == []
            return
        assert outcome.event
        stored = Event.objects.get()
        assert (stored.data, stored.actor, stored.occurred_at) == (
            data if data is not None else {},
            outcome.event.actor,
            outcome.event.occurred_at,
        )


# Requests


@pytest.mark.parametrize("charset", ["unicode_escape", "utf-7", "idna"])
@pytest.mark.parametrize(
    "query", ["verb=\\ud800", "cursor=\\ud800", "x=+2AA-", "target=project:\\ud800", "identifier=\\udfff"]
)
def test_no_parameter_is_a_server_error(
    browser: Client, thoas: User, project: Project, charset: str, query: str
) -> None:
    thoas.is_superuser = thoas.is_staff = True
    thoas.save()
    follow(thoas, project)
    headers = {"QUERY_STRING": query, "CONTENT_TYPE": f"text/plain; charset={charset}"}
    user = f"/sequere/user/{thoas.pk}"
    pages = [
        *(f"{user}/{name}/" for name in ("followers", "followings", "friends", "timeline", "timeline/private")),
        *(
            "/admin/sequere/event/",
            "/admin/sequere/event/events.csv",
            f"/admin/sequere/event/followers/user/{thoas.pk}/",
        ),
        "/admin/sequere/projection/",
    ]

    codes = {page: browser.generic("GET", page, **headers).status_code for page in pages}

    assert set(codes.values()) <= {200, 302, 400, 404}, codes


@pytest.mark.parametrize("name", ["q", "type", "verb", "identifier"])
@pytest.mark.parametrize("page", ["", "events.csv", "events.jsonl"])
def test_a_search_for_an_impossible_text_is_no_server_error(browser: Client, thoas: User, page: str, name: str) -> None:
    thoas.is_superuser = thoas.is_staff = True
    thoas.save()
    headers = {"QUERY_STRING": f"{name}=\\ud800", "CONTENT_TYPE": "text/plain; charset=unicode_escape"}

    assert browser.generic("GET", f"/admin/sequere/event/{page}", **headers).status_code == 400


def test_a_form_with_an_impossible_text_is_refused(browser: Client, project: Project) -> None:
    form = f"identifier=project&object_id={project.pk}&next=/\\ud800"

    for verb in ("follow", "unfollow"):
        response = browser.generic(
            "POST", f"/sequere/{verb}/", form, content_type="application/x-www-form-urlencoded; charset=unicode_escape"
        )
        assert response.status_code == 400


# Cursors


def test_a_cursor_belongs_to_one_list_and_one_order(thoas: User, newbie: User) -> None:
    fans = UserFactory.create_batch(3)
    follow_many([(fan, user) for fan in fans for user in (thoas, newbie)])
    for _ in range(3):
        Timeline(thoas).save(JoinAction(actor=thoas))
    first, own = get_followers(thoas), Timeline(thoas).get_private()
    cursor, of_actions = first.page(1).next_cursor, own.page(1).next_cursor

    assert len(get_followers(thoas).page(5, cursor)) == 2
    assert len(get_followers(thoas).all().page(5, cursor)) == 2
    assert len(Timeline(thoas).get_private().page(5, of_actions)) == 2
    for other in (
        get_followers(thoas, desc=False),
        get_followers(newbie),
        get_followings(thoas),
        get_followers(thoas, identifier="user"),
        own,
    ):
        with pytest.raises(InvalidCursor):
            other.page(1, cursor)
    for timeline in (
        Timeline(thoas).get_public(),
        Timeline(thoas).get_private(desc=False),
        Timeline(thoas).get_private(action=JoinAction),
        Timeline(newbie).get_private(),
        first,
    ):
        with pytest.raises(InvalidCursor):
            timeline.page(1, of_actions)


def test_a_view_refuses_the_cursor_of_another_list(client: Client, thoas: User) -> None:
    follow_many([(fan, thoas) for fan in UserFactory.create_batch(3)])
    cursor = get_followers(thoas).page(1).next_cursor

    codes = [
        client.get(f"/sequere/user/{thoas.pk}/{name}/", {"cursor": cursor}).status_code
        for name in ("followers", "followings", "timeline")
    ]

    assert codes == [200, 400, 400]


# Transactions of the caller


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_without_autocommit_signals_go_with_the_commit(ending: str) -> None:
    thoas, newbie = UserFactory.create_batch(2)
    heard: list[str] = []
    receivers = {followed: "followed", unfollowed: "unfollowed", events_committed: "committed"}
    connected = [(signal, _hears(heard, name)) for signal, name in receivers.items()]
    for signal, receiver in connected:
        signal.connect(receiver)
    try:
        transaction.set_autocommit(False)
        assert follow(thoas, newbie)
        Timeline(thoas).save(JoinAction(actor=thoas))
        assert heard == []
        getattr(transaction, ending)()
    finally:
        transaction.set_autocommit(True)
        for signal, receiver in connected:
            signal.disconnect(receiver)

    assert heard == (["committed", "followed", "committed"] if ending == "commit" else [])
    assert recorded() == (["followed", "action_saved"] if ending == "commit" else [])


def _hears(heard: list[str], name: str) -> Callable[..., None]:
    return lambda **_: heard.append(name)


# Rows that nobody of ours has written


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 0},
        {"schema_version": 0},
        {"type": ""},
        {"actor": ("", "1")},
        {"target": ("", "1")},
        {"idempotency_key": ""},
    ],
    ids=str,
)
def test_the_database_refuses_what_any_row_shows(db: None, wrong: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Event.objects.create(**row(stream=stream_of("joke"), **wrong))


@pytest.fixture
def ends(thoas: User, newbie: User) -> Iterator[tuple[ResourceKey, ResourceKey]]:
    yield ResourceKey("user", str(thoas.pk)), ResourceKey("user", str(newbie.pk))
    connection.check_constraints()


FAULTS: dict[str, tuple[Callable[[Any, Any], dict[str, Any]], str, str]] = {
    "a gap": (
        lambda one, other: {
            "type": "followed",
            "stream": RelationKey(one, other).stream,
            "version": 3,
            "target": other,
        },
        "follows",
        "event before event .* expected version 2, found none",
    ),
    "a gap in a stream of the host": (
        lambda one, other: {"stream": stream_of("joke", one), "version": 2},
        "follows",
        "expected version 1, found none",
    ),
    "a gap in an action": (
        lambda one, other: {
            "type": "action_deleted",
            "stream": inputs.UUID(int=4),
            "version": 2,
            "verb": "join",
            "data": {"owners": [], "kwargs": {}, "generations": {"actor": 0, "target": None}},
        },
        "timelines",
        "expected version 1, found none",
    ),
    "a wrong turn": (
        lambda one, other: {"type": "unfollowed", "stream": RelationKey(one, other).stream, "target": other},
        "follows",
        "version of event .* expected an even one, found 1",
    ),
    "a wrong turn of a suspension": (
        lambda one, other: {"type": "resumed", "stream": internal_stream("suspension", one)},
        "follows",
        "version of event .* expected an even one, found 1",
    ),
    "a wrong stream": (
        lambda one, other: {"type": "followed", "stream": RelationKey(other, one).stream, "target": other},
        "follows",
        "stream of event .* expected",
    ),
    "a wrong stream of a deletion": (
        lambda one, other: {"type": "deleted", "stream": internal_stream("resource", other)},
        "follows",
        "stream of event .* expected",
    ),
    "a follow of oneself": (
        lambda one, other: {"type": "followed", "stream": RelationKey(one, one).stream, "target": one},
        "follows",
        "ends of event .* found user:.* and itself",
    ),
    "a follow of nobody": (
        lambda one, other: {"type": "followed", "stream": RelationKey(one, other).stream},
        "follows",
        "ends of event .* alone",
    ),
}


@pytest.mark.parametrize(("columns", "projection", "said"), FAULTS.values(), ids=FAULTS)
def test_a_verification_names_faults_of_the_log(
    ends: tuple[ResourceKey, ResourceKey], columns: Any, projection: str, said: str
) -> None:
    Event.objects.create(**row(actor=ends[0], **columns(*ends)))
    found: list[str] = []

    report = verify(projection, on_difference=lambda difference: found.append(str(difference)))

    assert report.failed >= 1
    assert any(re.search(said, one) for one in found), found
    assert rebuild(projection) is not None
