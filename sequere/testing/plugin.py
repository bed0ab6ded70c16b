"""For pytest: `pytest_plugins = ["sequere.testing.plugin"]` in the conftest.py of a project that has pytest-django."""

from collections.abc import Iterator

import pytest

from sequere import testing
from sequere.events import Event


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "sequere_queued: it looks at what waits in the outbox, so nothing is drained for it"
    )


@pytest.fixture(autouse=True)
def sequere_isolated(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test sees at once what a commit would bring, and the next one finds nothing of it."""
    with testing.isolated(drained=request.node.get_closest_marker("sequere_queued") is None):
        yield


@pytest.fixture
def recorded_events() -> Iterator[list[Event]]:
    """The events that the test has recorded by now, in the order of the log."""
    with testing.recorded_events() as events:
        yield events
