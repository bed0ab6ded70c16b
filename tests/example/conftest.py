"""The example project in processes of its own: it has other settings, and other users, than the tests."""

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

from servers.postgresql import given_postgresql
from tests.host.processes import ROOT

Manage = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """A new database, of the kind that the tests run on."""
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
    """manage.py, in that database."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "example_project.settings",
        "SEQUERE_DATABASE_URL": database_url,
    }

    def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "manage.py", *map(str, arguments)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run
