from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest

import sequere
from sequere.registry import registry
from tests.testapp.models import Profile, Stranger, User


@pytest.fixture
def registered_stranger() -> Iterator[type[Stranger]]:
    """A model registered for the length of a test, unless the test unregisters it."""
    sequere.register(Stranger)
    yield Stranger
    if any(options.model is Stranger for options in registry):
        sequere.unregister(Stranger)


def profile_of(request: HttpRequest) -> Profile | None:
    return getattr(request.user, "profile", None)


@pytest.fixture
def as_a_profile(settings: Any) -> None:
    """The profile of a user follows, not the user."""
    settings.SEQUERE_FOLLOWER_OF_REQUEST = f"{__name__}.profile_of"


@pytest.fixture
def without_users() -> Iterator[None]:
    """Users are not resources for the length of a test."""
    registered = [(options.model, type(options)) for options in registry]
    sequere.unregister(User)
    yield
    for model, options in registered:  # in the same order
        if model is not User:
            sequere.unregister(model)
        sequere.register(model, options)
