"""Hosts whose settings are not those of the tests."""

import pytest
from django.db import connection

from tests.host.processes import run_python


def test_the_cost_of_follows_and_deletions_without_timelines() -> None:
    """A deletion is not N+1."""
    done = run_python(
        "-m", "django", "test", "tests.host.unittest_statements", settings="tests.host.settings_follows_only"
    )

    assert done.returncode == 0, done.stderr
    assert "Ran 2 tests" in done.stderr


def test_the_log_may_have_a_database_of_its_own() -> None:
    """The manager uses the database that it is given."""
    done = run_python(
        "-m", "django", "test", "tests.host.unittest_two_databases", settings="tests.host.settings_two_databases"
    )

    assert done.returncode == 0, done.stderr
    assert "Ran 6 tests" in done.stderr


@pytest.mark.parametrize("kind", ["router", "schema"])
def test_two_tenants_share_nothing(kind: str) -> None:
    """tests/redis has the same, with a server."""
    if kind == "schema" and connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL has schemas")

    done = run_python(
        "-m", "django", "test", "tests.host.unittest_tenants", settings=f"tests.host.settings_{kind}_tenants"
    )

    assert done.returncode == 0, done.stderr
    assert "Ran 8 tests" in done.stderr
