"""The people and the project of the documentation."""

from collections.abc import Iterator

import pytest

import sequere
from sequere.registry import registry
from tests.factories import ProjectFactory, UserFactory
from tests.testapp.models import Project, Stranger, User


@pytest.fixture
def thoas(db: None) -> User:
    return UserFactory(username="thoas")


@pytest.fixture
def newbie(db: None) -> User:
    return UserFactory(username="newbie")


@pytest.fixture
def project(db: None) -> Project:
    return ProjectFactory(name="La classe americaine")


@pytest.fixture
def registered_stranger() -> Iterator[type[Stranger]]:
    """A model that is registered for the length of a test, unless the test unregisters it."""
    sequere.register(Stranger)
    yield Stranger
    if any(options.model is Stranger for options in registry):
        sequere.unregister(Stranger)
