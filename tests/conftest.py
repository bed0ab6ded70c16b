"""Where the tests run, and the users and the project of the documentation."""

import os
from collections.abc import Iterator
from contextlib import nullcontext
from unittest.mock import patch

import pytest
import redis
from django.core.management.color import no_style
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client, TransactionTestCase
from hypothesis import HealthCheck, settings

from tests.factories import ProjectFactory, UserFactory
from tests.testapp.models import Project, User

pytest_plugins = ["sequere.testing.plugin"]

# No deadline and no verdict on slow data: both measure how busy the machine is.
settings.register_profile("default", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
# The same examples on each run: a build must not fail by chance.
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") == "true" else "default")


BACKEND = os.environ.get("TESTS_BACKEND", "database")
CI = os.environ.get("CI") == "true"
MODE = os.environ.get("TESTS_PROJECTION_MODE", "inline" if BACKEND == "database" else "on_commit")
#: Filled by post_migrate, which takes longer than all the rest of a flush. Tests do not change them.
KEPT = {"auth_permission", "django_content_type"}


def pytest_runtest_setup(item: pytest.Item) -> None:
    if MODE != "inline" and item.get_closest_marker("inline"):
        pytest.skip("counts or promises what only mode inline does")
    if BACKEND != "database" and item.get_closest_marker("database"):
        pytest.skip("reads the tables of DatabaseBackend, or counts its statements")


@pytest.fixture(scope="module", autouse=True)
def flushed() -> Iterator[None]:
    """How the tables are emptied after a test that commits: as Django's flush does, but for those that are kept, and
    only those that have rows. PostgreSQL makes new files for a table that it truncates."""
    from sequere.log.immutability import TABLE, unprotected
    from sequere.receivers import identify_log

    def flush(self: TransactionTestCase) -> None:
        for using in self._databases_names(include_mirrors=False):
            connection = connections[using]
            tables = {*connection.introspection.django_table_names(only_existing=True, include_views=False)} - KEPT
            filled = _filled(sorted(tables), connection)
            with unprotected(using) if TABLE in filled else nullcontext():
                connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), filled, allow_cascade=True))
            identify_log(using)  # as after a flush: nobody makes it in a transaction that may be rolled back

    with patch.object(TransactionTestCase, "_fixture_teardown", flush):
        yield


def _filled(tables: list[str], connection: BaseDatabaseWrapper) -> list[str]:
    has_rows = (f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {connection.ops.quote_name(table)})" for table in tables)
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(has_rows))
        return [table for (table,) in cursor.fetchall()]


@pytest.fixture(autouse=True)
def _redis_is_empty() -> Iterator[None]:
    """Also of keys that other processes of the tests have written."""
    if BACKEND != "redis":
        yield
        return
    _unlink_our_keys()
    yield
    _unlink_our_keys()


def _unlink_our_keys() -> None:
    """Only keys with the prefix of the tests: the server may hold other data."""
    from django.conf import settings

    options = settings.SEQUERE_BACKEND_OPTIONS
    with redis.Redis.from_url(options["url"]) as client:
        cursor = -1
        while cursor:
            cursor, keys = client.scan(max(cursor, 0), match=f"{options['prefix']}*", count=1000)
            if keys:
                client.unlink(*keys)


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
def browser(thoas: User) -> Client:
    """A client logged in as thoas."""
    browser = Client()
    browser.force_login(thoas)
    return browser
