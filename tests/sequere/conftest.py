from collections.abc import Iterator

import pytest

import sequere
from sequere.registry import registry
from tests.testapp.models import Stranger


@pytest.fixture
def registered_stranger() -> Iterator[type[Stranger]]:
    """A model registered for the length of a test, unless the test unregisters it."""
    sequere.register(Stranger)
    yield Stranger
    if any(options.model is Stranger for options in registry):
        sequere.unregister(Stranger)
