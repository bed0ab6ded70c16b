"""For pytest: `pytest_plugins = ["sequere.testing.plugin"]` in the conftest.py of a project with pytest-django."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connections, router, transaction
from django.test import TestCase

from sequere import testing
from sequere.log.models import Event


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "sequere_queued: the test examines pending events, so the outbox is not drained for it"
    )


@pytest.fixture(autouse=True)
def sequere_isolated(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test sees the effects of a commit at once, and leaves none of them to the next test."""
    drained = request.node.get_closest_marker("sequere_queued") is None
    with _data_of_the_class(request.cls), testing.isolated(drained=drained):
        yield


@contextmanager
def _data_of_the_class(cls: type | None) -> Iterator[None]:
    """Around a test of a TestCase: the events of `setUpTestData()` are pending again for the next test.

    A fixture runs in the transaction of the class, before the test begins its own.
    """
    using = router.db_for_write(Event)
    if not (cls and issubclass(cls, TestCase) and connections[using].in_atomic_block):
        yield
        return
    with transaction.atomic(using=using):
        yield
        transaction.set_rollback(True, using=using)


@pytest.fixture
def recorded_events() -> Iterator[list[Event]]:
    """The events that the test has recorded so far, in the order of the log."""
    with testing.recorded_events() as events:
        yield events
