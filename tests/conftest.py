import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# No deadline and no verdict on slow data: both measure how busy the machine is.
settings.register_profile("default", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
# The same examples each time: a change fails for what it does, not for its luck.
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "default")


MODE = os.environ.get("TESTS_PROJECTION_MODE", "inline")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if MODE != "inline" and item.get_closest_marker("inline"):
        pytest.skip("what it counts, or promises, is of mode inline")


@pytest.fixture(autouse=True)
def _nothing_waits_for_a_commit(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test in a transaction that never ends sees at once what a commit would bring."""
    marker = request.node.get_closest_marker("django_db")
    commits = "transactional_db" in request.fixturenames or (marker and marker.kwargs.get("transaction"))
    if MODE == "inline" or commits or request.node.get_closest_marker("queued"):
        yield
        return
    from sequere.testing import draining

    with draining():
        yield
