"""A projector of the host gets every event in the transaction that recorded it."""

from collections.abc import Iterator
from typing import Any

import pytest

from sequere.contrib.timeline import Timeline
from sequere.events import Event
from sequere.models import Resource, follow, follow_many, unfollow
from sequere.projectors import Projector, projections
from sequere.replay import rebuild
from tests.factories import ProjectFactory, UserFactory
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db


class Diary(Projector):
    """Writes down what it is told, with what the built-in projections know by then."""

    lines: list[tuple[str, int]] = []

    def on_followed(self, event: Event, *, using: str) -> None:
        assert event.target is not None
        self.lines.append((str(event), User.objects.get(pk=event.actor_object_id).get_followings_count()))

    def on_unfollowed(self, event: Event, *, using: str) -> None:
        self.lines.append((str(event), User.objects.get(pk=event.actor_object_id).get_followings_count()))


class Refusing(Projector):
    def on_followed(self, event: Event, *, using: str) -> None:
        raise PermissionError(str(event))


@pytest.fixture
def lines() -> Iterator[list[tuple[str, int]]]:
    Diary.lines.clear()
    yield Diary.lines
    Diary.lines.clear()


def test_it_comes_after_ours_and_only_hears_what_it_has_a_method_for(settings: Any, lines: list[Any]) -> None:
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


def test_what_it_raises_undoes_everything(settings: Any) -> None:
    """D12: nothing is left half done."""
    settings.SEQUERE_PROJECTORS = {"refusing": f"{__name__}.Refusing"}
    thoas, newbie = UserFactory(), UserFactory()

    with pytest.raises(PermissionError):
        follow(thoas, newbie)

    assert (Event.objects.count(), Resource.objects.count(), thoas.get_followings_count()) == (0, 0, 0)


def test_one_without_reset_says_so_when_it_is_rebuilt(settings: Any) -> None:
    settings.SEQUERE_PROJECTORS = {"diary": f"{__name__}.Diary"}
    follow(UserFactory(), UserFactory())

    with pytest.raises(TypeError, match="Diary needs a method reset"):
        rebuild("diary")
