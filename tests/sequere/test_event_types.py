"""Event types: their registry, and data that are read in the newest version wherever an event is read."""

import copy
import csv
import io
import json
import pickle
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core import serializers
from django.test import Client

import sequere
from sequere.base import ResourceKey
from sequere.event_types import EventType, event_types
from sequere.exceptions import EventTypeTaken, InvalidEventType, UnknownEventType
from sequere.log import Intent, record, stream_of
from sequere.log.models import Event
from sequere.log.paging import Selection
from sequere.log.reading import all_and_latest, latest_of
from sequere.models import follow
from sequere.outbox.drain import drain
from sequere.projections.projector import Projector
from sequere.replay.rebuilding import rebuild
from tests.factories import UserFactory
from tests.statements import exactly
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import Joked

THOAS, FILM = ResourceKey("user", "1"), ResourceKey("project", "1")
STREAM = stream_of("badge", THOAS)

Register = Callable[[type[EventType]], type[EventType]]


class FirstBadge(EventType):
    name = "badge_given"


class Badge(EventType):
    """The same type, two versions later. The order of the upcasters shows in the data."""

    name = "badge_given"
    version = 3
    upcasters = {
        2: lambda data: {**data, "path": [*data["path"], "2 to 3"]},
        1: lambda data: {**data, "path": ["1 to 2"]},
    }


class Praised(EventType):
    name = "praised"
    subject = "target"


STORED, NEWEST = {"colour": "gold"}, {"colour": "gold", "path": ["1 to 2", "2 to 3"]}


@pytest.fixture
def register() -> Iterator[Register]:
    """Registers event types for the length of a test, in place of those with the same name."""
    before = dict(event_types._by_name)

    def register(event_type: type[EventType]) -> type[EventType]:
        event_types._by_name.pop(event_type.name, None)
        return sequere.register_event(event_type)

    yield register
    event_types._by_name.clear()
    event_types._by_name.update(before)


@pytest.fixture
def old(db: None, register: Register) -> Event:
    """An event that was recorded two versions ago, as it is stored."""
    register(FirstBadge)
    (outcome,) = record([Intent("badge_given", STREAM, THOAS, data=STORED)])
    register(Badge)
    assert outcome.event
    return outcome.event


# The registry


def test_a_type_can_be_registered_as_a_decorator(register: Register) -> None:
    decorated = register(Praised)

    assert decorated is Praised
    assert (event_types.get("praised"), event_types.of("praised")) == (Praised, Praised)
    assert Praised in event_types


def test_a_module_may_be_imported_twice(register: Register) -> None:
    register(Praised)

    assert sequere.register_event(Praised) is Praised


def test_a_type_has_a_label_and_otherwise_its_name() -> None:
    assert (Praised.get_label(), event_types.of("followed").get_label()) == ("praised", "followed")


def named(**attributes: Any) -> type[EventType]:
    return type("Wrong", (EventType,), {"name": "wrong", **attributes})


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (named(name=""), "its name '' is not a Python identifier of 1 to 50 characters"),
        (named(name="two words"), "its name 'two words' is not a Python identifier"),
        (named(name="n" * 51), "is not a Python identifier of 1 to 50 characters"),
        (named(name=None), "its name None is not a Python identifier"),
        (named(version=0), "its version 0 is not a number from 1 to 32767"),
        (named(version=32_768), "its version 32768 is not a number from 1 to 32767"),
        (named(version=True), "its version True is not a number"),
        (named(version="2"), "its version '2' is not a number"),
        (named(subject="verb"), "its subject 'verb' is neither 'actor' nor 'target'"),
        (EventType, "its name '' is not a Python identifier"),
        (dict, "builtins.dict cannot be an event type, because it is not a subclass of sequere.EventType"),
        ("badge_given", "'badge_given' cannot be an event type, because it is not a subclass"),
        (Praised(), "it is not a subclass of sequere.EventType"),
    ],
)
def test_an_invalid_type_is_refused(wrong: Any, reason: str) -> None:
    before = list(event_types)

    with pytest.raises(InvalidEventType) as caught:
        sequere.register_event(wrong)

    assert reason in str(caught.value)
    assert list(event_types) == before


@pytest.mark.parametrize("name", ["joked", "followed"])
def test_two_types_cannot_have_one_name(name: str) -> None:
    owner = event_types.of(name)

    with pytest.raises(EventTypeTaken, match=f"The name '{name}' of .*Wrong belongs to .*{owner.__qualname__}"):
        sequere.register_event(named(name=name))

    assert event_types.of(name) is owner


def test_a_type_can_be_unregistered_once(register: Register) -> None:
    register(Praised)

    sequere.unregister_event(Praised)

    assert event_types.get("praised") is None
    with pytest.raises(UnknownEventType, match=r"There is no event type .*Praised.* or use one of joked"):
        sequere.unregister_event(Praised)


def test_another_type_with_the_same_name_stays(register: Register) -> None:
    register(Badge)

    with pytest.raises(UnknownEventType):
        sequere.unregister_event(FirstBadge)

    assert event_types.get("badge_given") is Badge


@pytest.mark.parametrize("internal", [one for one in event_types if one.internal], ids=lambda one: one.name)
def test_a_type_of_sequere_cannot_be_unregistered(internal: type[EventType]) -> None:
    with pytest.raises(UnknownEventType):
        sequere.unregister_event(internal)

    assert event_types.get(internal.name) is internal


def test_an_unknown_type_is_answered_with_those_of_the_host() -> None:
    with pytest.raises(UnknownEventType, match=r"no event type 'jokes': .* or use one of joked"):
        event_types.of("jokes")


# Upcasting


def test_data_pass_the_upcasters_in_the_order_of_versions() -> None:
    assert Badge.upcast(STORED, 1) == NEWEST
    assert Badge.upcast({"path": ["new"]}, 2) == {"path": ["new", "2 to 3"]}
    assert Badge.upcast({"path": ["newest"]}, 3) == {"path": ["newest"]}


READERS: dict[str, Callable[[], Event]] = {
    "get": lambda: Event.objects.get(stream=STREAM),
    "filter": lambda: Event.objects.filter(type="badge_given")[0],
    "of_stream": lambda: Event.objects.of_stream(STREAM)[0],
    "iterator": lambda: next(Event.objects.iterator()),
    "in_bulk": lambda: next(iter(Event.objects.in_bulk().values())),
    "raw": lambda: Event.objects.raw("SELECT * FROM sequere_event")[0],
    "only": lambda: Event.objects.only("id").get(),
    "only the data": lambda: Event.objects.only("data").get(),
    "defer": lambda: Event.objects.defer("data").get(),
    "defer the type": lambda: Event.objects.defer("type", "schema_version").get(),
    "copy": lambda: copy.copy(Event.objects.get()),
    "deepcopy": lambda: copy.deepcopy(Event.objects.get()),
    "pickle": lambda: pickle.loads(pickle.dumps(Event.objects.get())),
    "pickle without data": lambda: pickle.loads(pickle.dumps(Event.objects.defer("data").get())),
    "latest_of": lambda: latest_of([STREAM], "default")[STREAM],
    "all_and_latest": lambda: all_and_latest([STREAM], [], "default")[0],
    "latest": lambda: all_and_latest([], [STREAM], "default")[0],
    "selection": lambda: Selection.about(THOAS).page("default", size=1).events[0],
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_an_event_is_read_in_the_newest_version_and_stays_as_it_was(old: Event, read: Callable[[], Event]) -> None:
    event = read()

    assert (event.data, event.stored_data, event.schema_version) == (NEWEST, STORED, 1)
    assert (event.data, event.stored_data) == (NEWEST, STORED)


def test_the_data_in_hand_become_the_newest_as_well(old: Event) -> None:
    assert (old.data, old.stored_data) == (NEWEST, STORED)


def test_stored_data_come_first_without_the_data(old: Event) -> None:
    event = Event.objects.defer("data").get()

    with exactly(1):
        stored = event.stored_data

    assert (stored, event.data) == (STORED, NEWEST)


def test_an_event_that_is_read_again_is_up_to_date(old: Event) -> None:
    old.refresh_from_db()

    assert (old.data, old.stored_data) == (NEWEST, STORED)


def test_values_are_the_columns_as_they_are_stored(old: Event) -> None:
    """A row without its type cannot be upcast."""
    assert Event.objects.values("data", "schema_version").get() == {"data": STORED, "schema_version": 1}
    assert Event.objects.filter(data__colour="gold").exists()


@pytest.mark.django_db
def test_new_events_are_recorded_in_the_newest_version(register: Register) -> None:
    register(Badge)
    data = {"colour": "gold", "path": ["new"]}

    (outcome,) = record([Intent("badge_given", STREAM, THOAS, data=data)])

    assert outcome.event
    assert (outcome.event.data, outcome.event.schema_version) == (data, 3)
    assert (Event.objects.get().data, Event.objects.get().stored_data) == (data, data)


def test_a_stream_may_have_events_of_several_versions(old: Event) -> None:
    newest = {"colour": "red", "path": []}

    record([Intent("badge_given", STREAM, THOAS, data=newest)])

    events = Event.objects.of_stream(STREAM)
    assert [(event.version, event.schema_version, event.data) for event in events] == [(1, 1, NEWEST), (2, 3, newest)]


def test_a_fold_sees_the_newest_version(old: Event) -> None:
    seen: list[Any] = []

    record(
        [
            Intent(
                "badge_given",
                STREAM,
                THOAS,
                decide=lambda history: seen.extend([history.last.data, *(event.data for event in history.events)]),
                reads_history=True,
            )
        ]
    )

    assert seen == [NEWEST, NEWEST]


def test_an_event_that_is_saved_again_elsewhere_keeps_its_stored_data(old: Event) -> None:
    """Otherwise its data would pass the upcasters twice."""
    copied = copy.copy(old)
    copied.pk, copied.version, copied._state.adding = None, 2, True

    copied.save()

    again = Event.objects.get(version=2)
    assert (again.data, again.stored_data, again.schema_version) == (NEWEST, STORED, 1)


def test_bulk_create_keeps_stored_data(old: Event) -> None:
    copied = copy.copy(old)
    copied.pk, copied.version = None, 2

    Event.objects.bulk_create([copied])

    assert Event.objects.get(version=2).stored_data == STORED


@pytest.mark.parametrize("form", ["json", "python"])
def test_a_dump_has_the_stored_data(old: Event, form: str) -> None:
    dumped = serializers.serialize(form, Event.objects.all())

    (loaded,) = serializers.deserialize(form, dumped)
    event = loaded.object
    assert (event.stored_data, event.data, event.schema_version) == (STORED, NEWEST, 1)


class BadgeBook(Projector):
    """Notes the data that it gets."""

    seen: list[Any] = []

    def on_badge_given(self, event: Event, *, using: str) -> None:
        self.seen.append(event.data)

    def reset(self, subjects: Any, *, using: str) -> None:
        self.seen.clear()


@pytest.mark.sequere_queued
@pytest.mark.parametrize("mode", ["inline", "on_commit"])
def test_a_projector_gets_the_newest_version(settings: Any, old: Event, mode: str) -> None:
    settings.SEQUERE_PROJECTORS = {"badges": f"{__name__}.BadgeBook"}
    settings.SEQUERE_PROJECTION_MODES = {"badges": mode}
    BadgeBook.seen.clear()
    newest = {"colour": "red", "path": []}
    record([Intent("badge_given", STREAM, THOAS, data=newest)])
    if mode == "on_commit":
        drain("badges", using="default")

    drained = list(BadgeBook.seen)
    rebuild("badges")

    assert (drained, BadgeBook.seen) == ([newest], [NEWEST, newest])


@pytest.fixture
def boss(db: None) -> Client:
    browser = Client()
    browser.force_login(UserFactory(username="boss", is_staff=True, is_superuser=True))
    return browser


def test_the_admin_shows_both_versions(boss: Client, old: Event) -> None:
    html = boss.get(f"/admin/sequere/event/{old.pk}/change/").content.decode()

    newest, _, stored = html.partition("Data as recorded")
    assert "[&quot;1 to 2&quot;, &quot;2 to 3&quot;]" in newest
    assert "gold" in stored
    assert "2 to 3" not in stored


def test_the_admin_shows_the_data_once_if_they_are_the_newest(boss: Client, register: Register) -> None:
    register(Badge)
    (outcome,) = record([Intent("badge_given", STREAM, THOAS, data={"path": []})])
    assert outcome.event

    html = boss.get(f"/admin/sequere/event/{outcome.event.pk}/change/").content.decode()

    assert "Data as recorded" not in html


def test_exports_have_the_newest_version(boss: Client, old: Event) -> None:
    def exported(form: str) -> str:
        response: Any = boss.get(f"/admin/sequere/event/events.{form}", {"type": "badge_given"})
        return b"".join(response.streaming_content).decode().removeprefix("\ufeff")

    (row,) = csv.DictReader(io.StringIO(exported("csv")))
    line = json.loads(exported("jsonl"))

    assert (json.loads(row["data"]), row["schema_version"]) == (NEWEST, "1")
    assert (line["data"], line["schema_version"]) == (NEWEST, 1)


# Upcasters that fail


class BrokenBadge(EventType):
    name = "badge_given"
    version = 2
    upcasters = {1: lambda data: data["no such key"]}


class BadgeWithAGap(EventType):
    name = "badge_given"
    version = 3
    upcasters = {2: lambda data: data}


@pytest.fixture(params=[BrokenBadge, BadgeWithAGap])
def broken(request: pytest.FixtureRequest, old: Event, register: Register) -> Event:
    register(request.param)
    return old


def test_stored_data_can_be_read_whatever_an_upcaster_does(broken: Event) -> None:
    with pytest.raises(KeyError):
        _ = broken.data

    assert broken.stored_data == Event.objects.defer("data").get().stored_data == STORED


def test_an_operator_sees_an_event_whose_upcaster_fails(boss: Client, broken: Event) -> None:
    html = boss.get(f"/admin/sequere/event/{broken.pk}/change/").content.decode()

    assert "gold" in html.partition("Data as recorded")[2]
    assert "KeyError" in html


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_export_has_the_stored_data_of_an_event_whose_upcaster_fails(boss: Client, broken: Event, form: str) -> None:
    response: Any = boss.get(f"/admin/sequere/event/events.{form}", {"type": "badge_given"})

    assert "gold" in b"".join(response.streaming_content).decode()


# Types that are gone, or newer than this process


def test_an_event_of_a_type_that_is_gone_stays_readable(boss: Client, old: Event) -> None:
    sequere.unregister_event(Badge)

    event = Event.objects.of_type("badge_given").get()

    assert (event.data, event.stored_data, event.subject, str(event)) == (STORED, STORED, THOAS, "user:1 badge_given")
    assert boss.get(f"/admin/sequere/event/{event.pk}/change/").status_code == 200
    assert boss.get("/admin/sequere/event/", {"type": "badge_given"}).status_code == 200


def test_an_event_of_a_newer_version_is_given_as_it_is(old: Event, register: Register) -> None:
    """A process with the code of yesterday reads what the code of today has recorded."""
    newer = {"colour": "red", "path": []}
    record([Intent("badge_given", STREAM, THOAS, data=newer)])

    register(FirstBadge)

    assert [event.data for event in Event.objects.of_stream(STREAM)] == [STORED, newer]


def test_a_type_that_comes_back_is_upcast_again(old: Event, register: Register) -> None:
    sequere.unregister_event(Badge)

    register(Badge)

    assert Event.objects.get().data == NEWEST


# Subjects


@pytest.mark.django_db
def test_an_event_concerns_what_its_type_says(register: Register) -> None:
    register(Praised)
    praised, alone, joked = (
        outcome.event
        for outcome in record(
            [
                Intent("praised", stream_of("praise", FILM), THOAS, target=FILM),
                Intent("praised", stream_of("praise", THOAS), THOAS),
                Intent("joked", stream_of("joke", THOAS), THOAS, target=FILM),
            ]
        )
    )
    assert praised
    assert alone
    assert joked

    assert (praised.subject, alone.subject, joked.subject) == (FILM, THOAS, THOAS)
    assert list(Event.objects.about([FILM]).order_by("id")) == [praised]
    assert list(Event.objects.about([THOAS]).order_by("id")) == [alone, joked]
    assert list(Event.objects.about([FILM, THOAS]).order_by("id")) == [praised, alone, joked]
    assert list(Event.objects.about([])) == []


@pytest.mark.django_db
def test_an_event_of_a_type_that_is_gone_concerns_its_actor(register: Register) -> None:
    register(Praised)
    record([Intent("praised", stream_of("praise", FILM), THOAS, target=FILM)])

    sequere.unregister_event(Praised)

    event = Event.objects.get()
    assert event.subject == THOAS
    assert (list(Event.objects.about([THOAS])), list(Event.objects.about([FILM]))) == ([event], [])


# Querysets


def test_events_can_be_selected_by_type(thoas: User, project: Project) -> None:
    followed = follow(thoas, project)
    ((joked, _),) = record([Intent("joked", stream_of("joke", THOAS), thoas)])

    of_type = Event.objects.order_by("id").of_type
    assert list(of_type(Joked)) == list(of_type("joked")) == [joked]
    assert list(of_type("followed", Joked)) == [followed, joked]
    assert list(of_type("forgotten")) == list(of_type()) == []


@pytest.mark.django_db
def test_a_stream_is_read_from_its_first_event_on() -> None:
    other = stream_of("joke", FILM)
    jokes = [Intent("joked", stream, THOAS) for stream in (STREAM, other, STREAM, STREAM)]

    record(jokes)

    assert [event.version for event in Event.objects.of_stream(STREAM)] == [1, 2, 3]
    assert [event.stream for event in Event.objects.of_stream(other)] == [other]


@pytest.mark.django_db
def test_the_log_can_be_read_up_to_an_event_or_a_moment() -> None:
    events = [outcome.event for n in range(3) for outcome in record([Intent("joked", STREAM, THOAS, data={"n": n})])]
    first, second, third = filter(None, events)
    before = first.recorded_at - timedelta(seconds=1)

    def up_to(end: Any) -> list[int]:
        return [event.data["n"] for event in Event.objects.of_stream(STREAM).up_to(end)]

    assert (up_to(first), up_to(second), up_to(third)) == ([0], [0, 1], [0, 1, 2])
    assert (up_to(before), up_to(second.recorded_at), up_to(third.recorded_at)) == ([], [0, 1], [0, 1, 2])


def test_an_upcaster_may_work_in_place(register: Register) -> None:
    def upcast(data: Any) -> Any:
        data["cents"] = data.pop("euros") * 100
        return data

    register(type("Priced", (EventType,), {"name": "priced", "version": 2, "upcasters": {1: upcast}}))
    event = Event(type="priced", schema_version=1, data={"euros": 3})

    assert (event.data, event.data, event.stored_data) == ({"cents": 300}, {"cents": 300}, {"euros": 3})


@pytest.mark.parametrize("what", ["praised", None, 7, Praised])
def test_what_is_not_registered_cannot_be_unregistered(what: Any) -> None:
    with pytest.raises(UnknownEventType):
        sequere.unregister_event(what)
