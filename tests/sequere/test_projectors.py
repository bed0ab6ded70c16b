"""A projector of the host gets every event in the transaction that recorded it."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.db import transaction

from sequere.backends.database.models import LiveRelation, RelationCount
from sequere.contrib.timeline import Timeline
from sequere.exceptions import UnknownProjection
from sequere.log.models import Event
from sequere.models import Resource, follow, follow_many, unfollow
from sequere.projections.projector import Projector
from sequere.projections.registry import projection, projections
from sequere.replay.rebuilding import rebuild
from tests.factories import ProjectFactory, UserFactory
from tests.testapp.models import Stranger, User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db


class Diary(Projector):
    """Writes down the events it gets, with what the built-in projections know at that time."""

    lines: list[tuple[str, int]] = []

    def on_followed(self, event: Event, *, using: str) -> None:
        assert event.target is not None
        self.lines.append((str(event), User.objects.get(pk=event.actor_object_id).get_followings_count()))

    def on_unfollowed(self, event: Event, *, using: str) -> None:
        self.lines.append((str(event), User.objects.get(pk=event.actor_object_id).get_followings_count()))


class Refusing(Projector):
    def on_followed(self, event: Event, *, using: str) -> None:
        raise PermissionError(str(event))


class GuestBook(Projector):
    """Writes every event into a table."""

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        for event in events:
            Stranger.objects.using(using).create(name=str(event))


@pytest.fixture
def lines() -> Iterator[list[tuple[str, int]]]:
    Diary.lines.clear()
    yield Diary.lines
    Diary.lines.clear()


@pytest.mark.inline
def test_it_runs_after_ours_and_gets_only_events_it_has_a_method_for(settings: Any, lines: list[Any]) -> None:
    settings.SEQUERE_PROJECTORS = {"diary": f"{__name__}.Diary"}
    thoas, one, other = UserFactory(pk=1), ProjectFactory(pk=1), ProjectFactory(pk=2)

    follow(thoas, one)
    Timeline(thoas).save(JoinAction(actor=thoas))
    unfollow(thoas, one)
    follow_many([(thoas, one), (thoas, other)])

    assert list(projections()) == ["follows", "timelines", "diary"]
    assert lines == [
        ("user:1 followed project:1", 1),
        ("user:1 unfollowed project:1", 0),
        ("user:1 followed project:1", 2),
        ("user:1 followed project:2", 2),
    ]


def test_its_error_undoes_everything(settings: Any) -> None:
    """Nothing is left half done."""
    settings.SEQUERE_PROJECTORS = {"refusing": f"{__name__}.Refusing"}
    thoas, newbie = UserFactory(), UserFactory()

    with pytest.raises(PermissionError):
        follow(thoas, newbie)

    assert (Event.objects.count(), Resource.objects.count(), thoas.get_followings_count()) == (0, 0, 0)


def test_a_projector_without_reset_says_so_when_it_is_rebuilt(settings: Any) -> None:
    settings.SEQUERE_PROJECTORS = {"diary": f"{__name__}.Diary"}
    follow(UserFactory(), UserFactory())

    with pytest.raises(TypeError, match="Diary needs a method reset"):
        rebuild("diary")


def test_it_writes_in_the_transaction_of_the_event(settings: Any) -> None:
    """What one projector has written is rolled back when a later one refuses."""
    settings.SEQUERE_PROJECTORS = {"guests": f"{__name__}.GuestBook", "refusing": f"{__name__}.Refusing"}
    thoas, newbie = UserFactory(), UserFactory()

    with pytest.raises(PermissionError):
        follow(thoas, newbie)
    refused = Stranger.objects.count()
    settings.SEQUERE_PROJECTORS = {"guests": f"{__name__}.GuestBook"}
    event = follow(thoas, newbie)

    assert (refused, list(Stranger.objects.values_list("name", flat=True))) == (0, [str(event)])


def test_it_gets_every_event_of_a_batch_in_the_order_of_the_log(settings: Any) -> None:
    settings.SEQUERE_PROJECTORS = {"guests": f"{__name__}.GuestBook"}
    thoas, newbie, film = UserFactory(), UserFactory(), ProjectFactory()

    follow_many([(thoas, film), (newbie, thoas), (thoas, newbie), (newbie, film)])
    thoas.delete()

    heard = list(Stranger.objects.order_by("pk").values_list("name", flat=True))
    assert heard == [str(event) for event in Event.objects.order_by("id")]
    assert len(heard) == 4 + 3 + 1


def test_it_gets_nothing_if_nothing_changes(settings: Any, lines: list[Any]) -> None:
    settings.SEQUERE_PROJECTORS = {"diary": f"{__name__}.Diary"}
    thoas, film = UserFactory(), ProjectFactory()
    follow(thoas, film)

    follow(thoas, film)

    assert len(lines) == 1


def test_ours_take_an_event_as_a_hint() -> None:
    """Twice, late or out of order: the read model is what the log says."""
    thoas, newbie, film = UserFactory(), UserFactory(), ProjectFactory()
    for one, other in [(thoas, newbie), (newbie, thoas), (thoas, film)]:
        follow(one, other)
    unfollow(thoas, film)
    before = [list(LiveRelation.objects.order_by("pk").values()), list(RelationCount.objects.order_by("pk").values())]
    events = list(Event.objects.order_by("-id"))

    with transaction.atomic():
        for event in [*events, *events]:
            projection("follows").apply([event], using="default")
        projection("follows").apply(events, using="default")

    after = [list(LiveRelation.objects.order_by("pk").values()), list(RelationCount.objects.order_by("pk").values())]
    assert after == before


def test_an_unknown_projection_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownProjection, match="no projection 'edges': use one of follows, timelines"):
        projection("edges")
