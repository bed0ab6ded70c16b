"""Hosts whose settings are not those of the tests."""

from tests.host.processes import run_python


def test_what_follows_and_deletions_cost_without_timelines() -> None:
    """D17, Semantics, deleted objects."""
    done = run_python(
        "-m", "django", "test", "tests.host.unittest_statements", settings="tests.host.settings_follows_only"
    )

    assert done.returncode == 0, done.stderr
    assert "Ran 2 tests" in done.stderr


def test_the_log_may_have_a_database_of_its_own() -> None:
    """D20."""
    done = run_python(
        "-m", "django", "test", "tests.host.unittest_two_databases", settings="tests.host.settings_two_databases"
    )

    assert done.returncode == 0, done.stderr
    assert "Ran 2 tests" in done.stderr
