"""The example project in processes of its own: its settings and users are not those of the tests."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from example_project.servers.postgresql import given_postgresql
from example_project.servers.process import ServerUnavailable
from example_project.servers.valkey import Valkey, own_valkey
from tests.host.processes import ROOT

#: Takes the arguments of manage.py, and additional variables in `environment`.
Manage = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """A new database of the kind that the tests use."""
    given = given_postgresql()
    if given is None:
        yield f"sqlite:///{tmp_path}/example.sqlite3"
        return
    server = urlsplit(given)._replace(scheme="postgresql")
    name = f"sequere_example_{uuid4().hex[:12]}"
    with psycopg.connect(server.geturl(), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield server._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def manage(database_url: str) -> Manage:
    """manage.py on that database."""
    return _manage({"SEQUERE_DATABASE_URL": database_url, "SEQUERE_EXAMPLE_BACKEND": "database"})


@pytest.fixture
def redis_server() -> Iterator[Valkey]:
    try:
        with own_valkey() as server:
            yield server
    except ServerUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def manage_in_redis(database_url: str, redis_server: Valkey) -> Manage:
    """manage.py on that database, with follows and timelines in Redis."""
    return _manage(
        {
            "SEQUERE_DATABASE_URL": database_url,
            "SEQUERE_EXAMPLE_BACKEND": "redis",
            "SEQUERE_REDIS_URL": redis_server.url,
        }
    )


def _manage(where: dict[str, str]) -> Manage:
    given = os.environ | {"DJANGO_SETTINGS_MODULE": "example_project.settings", **where}

    def run(*arguments: object, environment: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "manage.py", *map(str, arguments)],
            cwd=ROOT,
            env=given | (environment or {}),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run
