"""Errors say what was wrong, whatever the names of the instances are."""

import copy
import pickle
from typing import Any

import pytest

from sequere import ResourceKey
from sequere.contrib.timeline import Timeline
from sequere.exceptions import (
    AlreadyFollowingException,
    InvalidCursor,
    InvalidObjectId,
    InvalidPair,
    NoInstance,
    NotFollowingException,
    SelfFollowException,
    SequereException,
)
from sequere.models import follow, follow_many, get_followers, unfollow
from sequere.registry import registry
from sequere_timeline.exceptions import ActionChanged, NoAction
from tests.factories import ProjectFactory, UserFactory
from tests.statements import exactly
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import LikeAction

pytestmark = pytest.mark.django_db


def fail(instance: Any) -> Any:
    raise LookupError


@pytest.mark.parametrize("name", [lambda self: None, lambda self: 7, fail, lambda self: "x" * 10_000_000])
def test_an_error_survives_any_name(thoas: User, newbie: User, monkeypatch: pytest.MonkeyPatch, name: Any) -> None:
    monkeypatch.setattr(User, "__str__", name)
    liked = LikeAction(actor=thoas, target=newbie)
    Timeline(thoas).save(liked)
    liked.kwargs = {"stars": 5}

    for error, call in (
        (SelfFollowException, lambda: follow(thoas, thoas)),
        (NotFollowingException, lambda: unfollow(thoas, newbie, fail_silently=False)),
        (InvalidPair, lambda: follow_many([(thoas,)])),
        (ActionChanged, lambda: Timeline(thoas).save(liked)),
        (NoAction, lambda: Timeline(thoas).save(thoas)),  # type: ignore[arg-type]
    ):
        with pytest.raises(error) as caught:
            call()
        assert len(str(caught.value)) < 1500
    with pytest.raises(ValueError, match="is not in the list"):
        get_followers(thoas).index(newbie)
    assert "<User>" in str(SelfFollowException(instance=thoas, verb="follow")) or "xxx…" in str(
        SelfFollowException(instance=thoas, verb="follow")
    )


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (InvalidObjectId, lambda huge: registry.key_of(ResourceKey("project", huge))),
        (InvalidObjectId, lambda huge: registry.key_of(ResourceKey("project", [huge]))),  # type: ignore[arg-type]
        (NoInstance, registry.key_of),
        (SequereException, lambda huge: registry.key_of(ResourceKey(huge, "1"))),
        (InvalidPair, lambda huge: follow_many([(huge,)])),
        (InvalidCursor, lambda huge: get_followers(ResourceKey("user", "1")).page(1, huge)),
    ],
)
def test_a_message_is_bounded(error: type[Exception], call: Any) -> None:
    with pytest.raises(error) as caught:
        call("9" * 10_000_000)

    assert len(str(caught.value)) < 1500


def test_a_message_is_made_when_it_is_shown(thoas: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the name of an instance in an error that is caught."""
    film = ProjectFactory(name="La classe americaine")
    follow(thoas, film)
    monkeypatch.setattr(User, "__str__", lambda self: User.objects.get(pk=self.pk).username)

    with exactly(1), pytest.raises(AlreadyFollowingException) as caught:
        follow(thoas, film, fail_silently=False)

    words = "thoas already follows La classe americaine, or has asked to: pass fail_silently=True if that is expected."
    with exactly(1):
        assert str(caught.value) == words
    for same in (copy.copy(caught.value), pickle.loads(pickle.dumps(caught.value))):
        assert (str(same), same.details["to_instance"]) == (words, film)
    assert repr(SelfFollowException(instance=UserFactory.build(), verb="follow")).startswith("<SelfFollowException: ")
    assert repr(Project) in repr(InvalidPair(pair=Project))
