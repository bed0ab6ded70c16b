"""What is recorded because of an event says so, and events_committed tells of every event."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import transaction
from django.dispatch import Signal
from django.test import Client

from sequere.admin import events as admin_events
from sequere.api import changes
from sequere.contrib.timeline import Timeline
from sequere.log import Intent, record, stream_of
from sequere.log.metadata import caused_by, event_metadata
from sequere.log.models import Event
from sequere.models import QueuedEvent, follow, follow_many, is_following, unfollow, unfollow_many
from sequere.outbox.drain import drain_all
from sequere.outbox.enqueue import queue_fan_out
from sequere.projections import Chunk, Projector
from sequere.registry import registry
from sequere.replay import rebuild, verify
from sequere.signals import events_committed, followed, unfollowed
from sequere_timeline.signals import post_delete, post_save
from tests.admin.pages import EVENTS, events_on, text_of
from tests.factories import ProjectFactory, UserFactory
from tests.statements import at_most
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db(transaction=True)


def joke(about: Event, **options: Any) -> Event:
    """Recorded at most once about an event."""
    stream = stream_of("joke about", registry.key_of(about.actor), about.actor._replace(object_id=str(about.pk)))
    intent = Intent("joked", stream, about.actor, decide=lambda history: None if history.last else {}, **options)
    ((event, _),) = record([intent])
    assert event
    return event


def metadata(type_: str = "joked") -> list[dict[str, Any]]:
    return list(Event.objects.filter(type=type_).order_by("id").values_list("metadata", flat=True))


class Jester(Projector):
    """Jokes about every follow, and once about each of the first two jokes."""

    def on_followed(self, event: Event, *, using: str) -> None:
        joke(event)

    def on_joked(self, event: Event, *, using: str) -> None:
        if Event.objects.filter(type="joked").count() < 3:
            joke(event)


class Herald(Projector):
    """Jokes at each of three steps."""

    fans_out = True

    def on_followed(self, event: Event, *, using: str) -> None:
        queue_fan_out(self.name, event.pk, event.stream, event.subject, Chunk(0, [0]), using)

    def fan_out(self, event: Event, cursor: Any, *, using: str) -> Chunk:
        (step,) = cursor
        record([Intent("joked", stream_of("step", event.actor), event.actor, data={"step": step})])
        return Chunk(1, [step + 1] if step < 2 else None)


@pytest.fixture(params=["inline", "on_commit"])
def mode(request: pytest.FixtureRequest, settings: Any) -> str:
    settings.SEQUERE_PROJECTORS = {"jester": f"{__name__}.Jester"}
    settings.SEQUERE_PROJECTION_MODES = dict.fromkeys(["follows", "timelines", "jester"], request.param)
    return str(request.param)


@pytest.fixture
def listen() -> Iterator[Callable[[Signal, Callable[..., Any]], None]]:
    """Connects receivers for the length of a test."""
    connected: list[tuple[Signal, Callable[..., Any]]] = []

    def listen(signal: Signal, receiver: Callable[..., Any]) -> None:
        signal.connect(receiver, weak=False)
        connected.append((signal, receiver))

    yield listen
    for signal, receiver in connected:
        signal.disconnect(receiver)


@pytest.fixture
def batches(listen: Callable[..., None]) -> list[tuple[Event, ...]]:
    """The batches that `events_committed` tells of."""
    heard: list[tuple[Event, ...]] = []

    def note(sender: type[Event], events: tuple[Event, ...], using: str, **_: Any) -> None:
        assert (sender, using, transaction.get_connection(using).in_atomic_block) == (Event, "default", False)
        heard.append(events)

    listen(events_committed, note)
    return heard


def types(batches: list[tuple[Event, ...]]) -> list[list[str]]:
    return [[event.type for event in batch] for batch in batches]


# In a projector


def test_what_a_projector_records_names_its_event(mode: str, thoas: User, newbie: User, project: Project) -> None:
    with event_metadata(who=newbie, correlation_id="abc", request="/follow/"):
        event = follow(thoas, project)
    assert event

    first, second, third = metadata()
    caused = [one["causation_id"] for one in (first, second, third)]
    jokes = list(Event.objects.filter(type="joked").order_by("id").values_list("pk", flat=True))
    assert caused == [event.pk, *jokes[:2]]
    assert [one["correlation_id"] for one in (first, second, third)] == ["abc"] * 3
    # Later than in its transaction, nobody is asking for it.
    context = {"who": f"user:{newbie.pk}", "request": "/follow/"} if mode == "inline" else {}
    assert first == {"causation_id": event.pk, "correlation_id": "abc"} | context


def test_without_a_correlation_id_there_is_only_a_cause(mode: str, thoas: User, project: Project) -> None:
    event = follow(thoas, project)

    assert event
    assert metadata()[0] == {"causation_id": event.pk}


def test_each_event_of_a_batch_is_a_cause_of_its_own(mode: str, thoas: User, newbie: User, project: Project) -> None:
    with event_metadata(correlation_id="import 7"):
        follow_many([(thoas, project), (newbie, project), (thoas, newbie)])

    follows = list(Event.objects.filter(type="followed").order_by("id").values_list("pk", flat=True))
    about_follows = [one for one in metadata() if one["causation_id"] in follows]
    assert about_follows == [{"causation_id": pk, "correlation_id": "import 7"} for pk in follows]


@pytest.mark.parametrize("mode", ["on_commit"], indirect=True)
def test_a_request_that_drains_is_not_who_has_recorded(mode: str, thoas: User, project: Project) -> None:
    """It applies the events of others, too."""
    with event_metadata(correlation_id="abc"), transaction.atomic():
        event = follow(thoas, project)
        transaction.get_connection().run_on_commit.clear()  # as if the process died after the commit
    assert event
    assert metadata() == []

    with event_metadata(who=thoas, correlation_id="def", request="/drain/"):
        drain_all(using="default")

    assert metadata()[0] == {"causation_id": event.pk, "correlation_id": "abc"}


def test_what_a_step_of_a_fan_out_records_names_its_event(
    mode: str, settings: Any, thoas: User, project: Project
) -> None:
    settings.SEQUERE_PROJECTORS = {"jester": f"{__name__}.Herald"}

    with event_metadata(who=thoas, correlation_id="abc"):
        event = follow(thoas, project)

    assert event
    assert not QueuedEvent.objects.exists()
    assert metadata() == [{"causation_id": event.pk, "correlation_id": "abc"}] * 3


def test_a_failing_projector_leaves_no_cause_behind(
    mode: str, settings: Any, thoas: User, newbie: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Jester, "on_followed", lambda self, event, using: 1 / 0)
    if mode == "inline":
        with pytest.raises(ZeroDivisionError):
            follow(thoas, project)
    else:
        follow(thoas, project)
    settings.SEQUERE_PROJECTORS = {}
    settings.SEQUERE_PROJECTION_MODES = {}

    event = follow(newbie, project)

    assert event
    assert event.metadata == {}


# In a receiver


def on_follow(thoas: User, project: Project) -> None:
    follow(thoas, project)


def on_unfollow(thoas: User, project: Project) -> None:
    follow(thoas, project)
    unfollow(thoas, project)


def on_action(thoas: User, project: Project) -> None:
    Timeline(thoas).save(JoinAction(actor=thoas, target=project))


def on_deleted_action(thoas: User, project: Project) -> None:
    action = JoinAction(actor=thoas, target=project)
    Timeline(thoas).save(action)
    Timeline(thoas).delete(action)


@pytest.mark.parametrize(
    ("signal", "change", "cause"),
    [
        (followed, on_follow, "followed"),
        (unfollowed, on_unfollow, "unfollowed"),
        (post_save, on_action, "action_saved"),
        (post_delete, on_deleted_action, "action_deleted"),
        (events_committed, on_follow, "followed"),
        (events_committed, on_action, "action_saved"),
    ],
)
@pytest.mark.parametrize("in_mode", ["inline", "on_commit"])
def test_what_a_receiver_records_names_the_event(
    settings: Any,
    listen: Callable[..., None],
    thoas: User,
    project: Project,
    signal: Signal,
    change: Callable[[User, Project], None],
    cause: str,
    in_mode: str,
) -> None:
    settings.SEQUERE_PROJECTION_MODES = dict.fromkeys(["follows", "timelines"], in_mode)
    key = registry.key_of(thoas)

    def receive(**_: Any) -> None:
        record([Intent("joked", stream_of("joke", key), key, decide=lambda h: None if h.last else {})])

    listen(signal, receive)
    with event_metadata(who=thoas, correlation_id="abc"):
        change(thoas, project)

    event = Event.objects.get(type=cause)
    assert metadata() == [{"who": str(key), "causation_id": event.pk, "correlation_id": "abc"}]


def test_a_batch_has_no_single_cause(listen: Callable[..., None], thoas: User, newbie: User, project: Project) -> None:
    """Unless the receiver says which event it is."""

    def receive(events: tuple[Event, ...], **_: Any) -> None:
        if events[0].type == "followed" and len(events) > 1:
            joke(events[0])
            with caused_by(events[1]):
                joke(events[1])

    listen(events_committed, receive)
    with event_metadata(correlation_id="import 7"):
        follow_many([(thoas, project), (newbie, project)])

    second = Event.objects.filter(type="followed").order_by("id")[1]
    assert metadata() == [
        {"correlation_id": "import 7"},
        {"correlation_id": "import 7", "causation_id": second.pk},
    ]


def test_a_batch_of_one_is_a_cause(listen: Callable[..., None], thoas: User, project: Project) -> None:
    def receive(events: tuple[Event, ...], **_: Any) -> None:
        if events[0].type == "followed":
            joke(events[0])

    listen(events_committed, receive)
    follow_many([(thoas, project)])

    assert metadata() == [{"causation_id": Event.objects.get(type="followed").pk}]


def test_receivers_continue_a_chain(listen: Callable[..., None], thoas: User, project: Project) -> None:
    def receive(events: tuple[Event, ...], **_: Any) -> None:
        if Event.objects.count() < 4:
            joke(events[0])

    listen(events_committed, receive)
    with event_metadata(correlation_id="abc"):
        follow(thoas, project)

    events = list(Event.objects.order_by("id"))
    assert [event.metadata.get("causation_id") for event in events] == [None, *[event.pk for event in events[:3]]]
    assert {event.metadata["correlation_id"] for event in events} == {"abc"}


# In a block


def test_causes_can_be_said_and_nest(thoas: User, newbie: User, project: Project) -> None:
    with event_metadata(correlation_id="abc", who="cron"):
        one, other = follow(thoas, project), follow(newbie, project)
    assert one
    assert other

    with event_metadata(correlation_id="def", why="for fun"), caused_by(one):
        first = joke(one)
        with caused_by(first):
            second = joke(first)
        third = joke(other)
    fourth = joke(third)

    assert [event.metadata for event in (first, second, third, fourth)] == [
        {"why": "for fun", "causation_id": one.pk, "correlation_id": "abc"},
        {"why": "for fun", "causation_id": first.pk, "correlation_id": "abc"},
        {"why": "for fun", "causation_id": one.pk, "correlation_id": "abc"},
        {},
    ]


def test_a_cause_without_a_correlation_id_hides_that_of_the_block(thoas: User, project: Project) -> None:
    event = follow(thoas, project)
    assert event

    with event_metadata(correlation_id="def"), caused_by(event):
        caused = joke(event)

    assert caused.metadata == {"causation_id": event.pk}


def test_metadata_of_a_call_win(thoas: User, project: Project) -> None:
    event = follow(thoas, project)
    assert event

    with caused_by(event):
        ((caused, _),) = record([Intent("joked", stream_of("joke", event.actor), thoas)], causation_id="row 12")

    assert caused
    assert caused.metadata == {"causation_id": "row 12"}


# events_committed


def test_every_batch_is_told_of_after_its_commit(
    settings: Any, batches: list[tuple[Event, ...]], thoas: User, newbie: User, project: Project
) -> None:
    with transaction.atomic():
        one = follow(thoas, project)
        other = follow(newbie, project)
        inside = list(batches)
    unfollow(thoas, project)
    follow(newbie, project)

    assert inside == []
    assert batches[:2] == [(one,), (other,)]
    assert types(batches) == [["followed"], ["followed"], ["unfollowed"]]


def test_an_import_is_told_of_transaction_by_transaction(
    monkeypatch: pytest.MonkeyPatch, batches: list[tuple[Event, ...]], project: Project
) -> None:
    monkeypatch.setattr(changes, "PAIRS_PER_TRANSACTION", 2)
    users = UserFactory.create_batch(5)

    follow_many((user, project) for user in users)
    follow_many((user, project) for user in users)
    unfollow_many((user, project) for user in users)

    assert [len(batch) for batch in batches] == [2, 2, 1, 2, 2, 1]
    assert [event for batch in batches for event in batch] == list(Event.objects.order_by("id"))


def test_a_deletion_is_told_of(batches: list[tuple[Event, ...]], thoas: User, newbie: User, project: Project) -> None:
    follow_many([(thoas, project), (newbie, project), (thoas, newbie)])
    batches.clear()

    project.delete()

    assert types(batches) == [["unfollowed", "unfollowed"], ["deleted"]]
    assert {event.metadata.get("cause") for event in batches[0]} == {"deleted"}


def test_rolled_back_events_are_not_told_of(
    batches: list[tuple[Event, ...]], thoas: User, newbie: User, project: Project
) -> None:
    with transaction.atomic():
        follow(thoas, project)
        transaction.set_rollback(True)
    with transaction.atomic():
        with transaction.atomic():
            follow(newbie, project)
            transaction.set_rollback(True)
        kept = follow(thoas, newbie)

    assert batches == [(kept,)]


def test_a_receiver_that_raises_is_logged_and_hinders_nobody(
    listen: Callable[..., None], caplog: pytest.LogCaptureFixture, thoas: User, project: Project
) -> None:
    def refuse(**_: Any) -> None:
        raise PermissionError("no mail")

    heard: list[tuple[Event, ...]] = []
    listen(events_committed, refuse)
    listen(events_committed, lambda events, **_: heard.append(events))

    with caplog.at_level(logging.ERROR, "django.dispatch"):
        event = follow(thoas, project)

    assert event
    assert (heard, is_following(thoas, project)) == ([(event,)], True)
    assert "no mail" in caplog.text
    assert joke(event).metadata == {}


def test_a_receiver_reads_what_was_recorded(
    mode: str, listen: Callable[..., None], thoas: User, project: Project
) -> None:
    """In the modes that do not leave it to others."""
    seen: list[bool] = []

    def receive(events: tuple[Event, ...], **_: Any) -> None:
        if events[0].type == "followed":
            seen.append(is_following(thoas, project))

    listen(events_committed, receive)
    follow(thoas, project)

    assert seen == [True]


def test_nothing_is_told_of_what_is_not_new(batches: list[tuple[Event, ...]], thoas: User, project: Project) -> None:
    follow(thoas, project, idempotency_key="request 1")
    batches.clear()

    follow(thoas, project)
    follow(thoas, project, idempotency_key="request 1")
    rebuild("follows")
    verify("follows", repair=True)

    assert batches == []


@pytest.mark.inline
def test_nobody_who_listens_costs_nothing(thoas: User, project: Project) -> None:
    with transaction.atomic():
        before = len(transaction.get_connection().run_on_commit)
        record([Intent("joked", stream_of("joke", registry.key_of(thoas)), thoas)])
        after = len(transaction.get_connection().run_on_commit)

    assert after == before


# In the admin


@pytest.fixture
def boss(db: None) -> Client:
    browser = Client()
    browser.force_login(UserFactory(username="boss", is_staff=True, is_superuser=True))
    return browser


def chain_on(browser: Client, event: Event) -> list[int]:
    """The events under "Cause and effects"."""
    with at_most(16):
        response: Any = browser.get(f"{EVENTS}{event.pk}/change/")
    assert response.status_code == 200
    if "Cause and effects" not in text_of(response):
        return []
    html = response.content.decode()
    response.content = html.replace(html[html.index("<h2>Before and after in the stream") :], "</main>")
    return events_on(response)


@pytest.mark.parametrize("correlation_id", [None, "abc", "a" * 300, 7, 1.5, ["a", "list"], {"a": "dict"}, True])
def test_the_page_of_an_event_shows_its_cause_and_its_effects(
    boss: Client, thoas: User, project: Project, correlation_id: Any
) -> None:
    with event_metadata(correlation_id=correlation_id):
        event = follow(thoas, project)
        assert event
        with caused_by(event):
            first, second = joke(event), joke(Event(pk=0, actor_identifier="user", actor_object_id="0"))
        with caused_by(first):
            third = joke(first)
        alone = follow(ProjectFactory(), thoas)
        assert alone

    assert chain_on(boss, event) == [event.pk, first.pk, second.pk]
    assert chain_on(boss, first) == [event.pk, first.pk, third.pk]
    assert chain_on(boss, second) == [event.pk, second.pk]
    assert chain_on(boss, third) == [first.pk, third.pk]
    assert chain_on(boss, alone) == []


@pytest.mark.parametrize("correlation_id", [None, "abc"])
def test_the_page_shows_the_first_effects(
    boss: Client, thoas: User, project: Project, correlation_id: str | None
) -> None:
    with event_metadata(correlation_id=correlation_id):
        event = follow(thoas, project)
    assert event
    with caused_by(event):
        jokes = [
            outcome.event
            for n in range(20)
            for outcome in record([Intent("joked", stream_of(f"joke {n}", event.actor), thoas)])
        ]

    shown = chain_on(boss, event)

    assert shown == [event.pk, *[one.pk for one in jokes[: admin_events.NEIGHBOURS] if one]]


def test_effects_without_a_correlation_id_are_looked_for_nearby(
    boss: Client, thoas: User, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_events, "EFFECTS_WITHIN", 3)
    event = follow(thoas, project)
    assert event
    for _ in range(2):
        record([Intent("joked", stream_of("joke", event.actor), thoas)])
    with caused_by(event):
        third, fourth = joke(event), joke(Event(pk=0, actor_identifier="user", actor_object_id="0"))

    assert chain_on(boss, event) == [event.pk, third.pk]
    assert chain_on(boss, fourth) == [event.pk, fourth.pk]


@pytest.mark.parametrize("cause", ["row 12", "", 0, -1, 10**30, "9" * 30, 1.5, True, None, ["1"], {"id": 1}, "²"])
def test_a_cause_may_be_anything(boss: Client, thoas: User, project: Project, cause: Any) -> None:
    with event_metadata(causation_id=cause):
        event = follow(thoas, project)
    assert event

    assert chain_on(boss, event) == []
