"""The system checks: each says what is wrong, and what to do."""

from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.db import connection, connections
from django.test import modify_settings

from sequere.immutability import install, missing_triggers
from sequere.projectors import Projector

PATH = f"{__name__}.Quiet"


class Quiet(Projector):
    """A projector of a host."""


class Loud(Quiet):
    pass


def found() -> dict[str, CheckMessage]:
    return {str(message.id): message for message in run_checks() if str(message.id).startswith("sequere")}


def test_a_project_set_up_as_documented_is_right() -> None:
    assert found() == {}


@pytest.mark.parametrize("path", ["sequere.backends.redis.RedisBackend", "sequere.api.follow", PATH, "nowhere"])
def test_sequere_e001_backend(settings: Any, path: str) -> None:
    settings.SEQUERE_BACKEND = path

    message = found()["sequere.E001"]

    assert path in message.msg
    assert "DatabaseBackend" in str(message.hint)


@modify_settings(INSTALLED_APPS={"remove": ["sequere.backends.database"]})
def test_sequere_e002_app_of_the_backend() -> None:
    assert "'sequere.backends.database'" in str(found()["sequere.E002"].hint)


@pytest.mark.parametrize("path", ["nowhere.Projector", "sequere.api.follow"])
def test_sequere_e003_projector(settings: Any, path: str) -> None:
    settings.SEQUERE_PROJECTORS = {"ours": PATH, "theirs": path}

    message = found()["sequere.E003"]

    assert f"SEQUERE_PROJECTORS['theirs'] is {path!r}" in message.msg


def test_sequere_e004_name_of_a_projection(settings: Any) -> None:
    settings.SEQUERE_PROJECTORS = {"follows": PATH}

    assert "'follows'" in found()["sequere.E004"].msg


@pytest.mark.django_db
def test_sequere_e005_triggers() -> None:
    on_table = " ON sequere_event" if connection.vendor == "postgresql" else ""
    gone = "sequere_event_no_change" if connection.vendor == "postgresql" else "sequere_event_no_delete"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {gone}{on_table}")

    messages = {message.id: message for message in run_checks(databases=["default"])}

    assert gone in messages["sequere.E005"].msg
    assert "migrate sequere" in str(messages["sequere.E005"].hint)
    install(connection)
    assert missing_triggers(connection) == []


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has a transaction mode")
def test_sequere_w001_transaction_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings["default"]["OPTIONS"], "transaction_mode", "DEFERRED")

    assert '"transaction_mode": "IMMEDIATE"' in str(found()["sequere.W001"].hint)


@pytest.mark.django_db
def test_sequere_w002_another_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "vendor", "oracle")

    messages = {message.id: message for message in run_checks(databases=["default"], tags=["database"])}

    assert "Use PostgreSQL or SQLite" in str(messages["sequere.W002"].hint)
