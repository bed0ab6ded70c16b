"""The tenants of a host, with follows and timelines on one server."""

import pytest
from django.db import connection

from example_project.servers.valkey import Valkey
from tests.host.processes import run_python


@pytest.mark.parametrize("kind", ["router", "schema"])
def test_two_tenants_share_nothing(server: Valkey, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind == "schema" and connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL has schemas")
    monkeypatch.setenv("TESTS_BACKEND", "redis")
    monkeypatch.setenv("SEQUERE_REDIS_URL", server.url)

    done = run_python(
        "-m", "django", "test", "tests.host.unittest_tenants", settings=f"tests.host.settings_{kind}_tenants"
    )

    assert done.returncode == 0, done.stderr
    assert "Ran 8 tests" in done.stderr
    assert "skipped" not in done.stderr
