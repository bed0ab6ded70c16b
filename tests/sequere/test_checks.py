"""The system checks: each says what is wrong, and what to do."""

from typing import Any

import pytest
from celery import Celery
from django.core.checks import CheckMessage, run_checks
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test import modify_settings
from kombu import Queue

from sequere.log.immutability import different_triggers, install
from sequere.projections.projector import Projector
from sequere.sql.routines import different_functions

PATH = f"{__name__}.Quiet"


class Quiet(Projector):
    """A projector of a host."""


class Loud(Quiet):
    pass


#: On SQLite, Django asks the database whether it supports JSON: once for all tests, possibly here.
pytestmark = pytest.mark.django_db


def found() -> dict[str, CheckMessage]:
    return {str(message.id): message for message in run_checks() if str(message.id).startswith("sequere")}


def test_a_project_set_up_as_documented_passes() -> None:
    assert found() == {}


@pytest.mark.parametrize("path", ["sequere.backends.redis.Nothing", "sequere.api.follow", PATH, "nowhere"])
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


@pytest.mark.parametrize("name", ["follows", "built-in"])
def test_sequere_e004_name_of_a_projection(settings: Any, name: str) -> None:
    settings.SEQUERE_PROJECTORS = {name: PATH}

    assert repr(name) in found()["sequere.E004"].msg


@pytest.mark.parametrize(
    ("modes", "wrong"),
    [
        (["timelines"], "is ['timelines'], which is not a mapping"),
        ({"timeline": "on_commit"}, "'timeline', which does not exist"),
        ({"timelines": "later"}, "['timelines'] is 'later', which is not a mode"),
    ],
)
def test_sequere_e006_modes(settings: Any, modes: Any, wrong: str) -> None:
    settings.SEQUERE_PROJECTION_MODES = modes

    assert wrong in found()["sequere.E006"].msg


def test_sequere_e007_timelines_before_follows(settings: Any) -> None:
    settings.SEQUERE_PROJECTION_MODES = {"follows": "on_commit"}

    assert list(found()) == ["sequere.E007"]


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
    assert different_triggers(connection) == []


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has functions")
@pytest.mark.parametrize(
    "damage", ["", "CREATE FUNCTION {}(text) RETURNS void LANGUAGE plpgsql AS 'BEGIN END'"], ids=["missing", "hollow"]
)
def test_sequere_e018_functions(damage: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION sequere_apply_relations")
        if damage:
            cursor.execute(damage.format("sequere_apply_relations"))

    messages = {message.id: message for message in run_checks(databases=["default"])}

    assert "version: sequere_apply_relations." in messages["sequere.E018"].msg
    call_command("migrate", skip_checks=True, verbosity=0)
    assert "sequere.E018" not in {message.id for message in run_checks(databases=["default"])}


@pytest.mark.django_db
@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has functions")
def test_every_function_is_looked_for() -> None:
    assert different_functions(connection) == []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = to_regnamespace(current_schema())"
            " AND proname LIKE 'sequere%' AND prorettype <> 'trigger'::regtype"
        )
        functions = sorted(name for (name,) in cursor.fetchall())
        for name in functions:
            cursor.execute(f"DROP FUNCTION {name}")

    assert len(functions) > 10
    assert sorted(different_functions(connection)) == functions


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has a transaction mode")
def test_sequere_w001_transaction_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings["default"]["OPTIONS"], "transaction_mode", "DEFERRED")

    assert '"transaction_mode": "IMMEDIATE"' in str(found()["sequere.W001"].hint)


@pytest.mark.django_db
def test_sequere_e013_another_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "vendor", "oracle")

    messages = {message.id: message for message in run_checks(databases=["default"], tags=["database"])}

    assert "Use PostgreSQL or SQLite" in str(messages["sequere.E013"].hint)


@pytest.mark.parametrize(
    ("queues", "wrong"),
    [
        ("sequere", "is not a mapping"),
        (["sequere"], "is not a mapping"),
        ({"fanout": "slow"}, "has invalid entries: {'fanout': 'slow'}"),
        ({"default": None, "fan_out": "slow"}, "has invalid entries: {'default': None}"),
    ],
)
def test_sequere_e014_queues_of_celery(settings: Any, queues: Any, wrong: str) -> None:
    settings.SEQUERE_CELERY_QUEUES = queues

    assert wrong in found()["sequere.E014"].msg


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has a transaction mode")
@pytest.mark.parametrize("options", [{}, {"transaction_mode": None}])
def test_sequere_w001_no_transaction_mode(monkeypatch: pytest.MonkeyPatch, options: dict[str, None]) -> None:
    monkeypatch.setitem(connections.settings["default"], "OPTIONS", options)

    assert "sequere.W001" in found()


@pytest.mark.parametrize("value", [[PATH], PATH, {"ours": Quiet}, {"ours": None}])
def test_sequere_e003_not_a_mapping_of_paths(settings: Any, value: Any) -> None:
    settings.SEQUERE_PROJECTORS = value

    assert "sequere.projections.Projector" in str(found()["sequere.E003"].hint)


@pytest.mark.parametrize("backend", [None, Quiet, ""])
def test_sequere_e001_not_a_path(settings: Any, backend: Any) -> None:
    settings.SEQUERE_BACKEND = backend

    assert "DatabaseBackend" in str(found()["sequere.E001"].hint)


def test_a_check_reports_once_and_says_what_to_do(settings: Any) -> None:
    settings.SEQUERE_BACKEND = "nowhere"
    settings.SEQUERE_PROJECTORS = {"follows": PATH, "theirs": "nowhere"}

    messages = [message for message in run_checks(tags=["sequere"]) if str(message.id).startswith("sequere.")]

    assert sorted(str(message.id) for message in messages) == ["sequere.E001", "sequere.E003", "sequere.E004"]
    assert all(message.hint for message in messages)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has isolation levels")
@pytest.mark.django_db(transaction=True)
def test_sequere_w002_isolation_level() -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        messages = {message.id: message for message in run_checks(databases=["default"])}

    assert "REPEATABLE READ" in messages["sequere.W002"].msg


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has isolation levels")
@pytest.mark.django_db(transaction=True)
def test_sequere_w002_isolation_level_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    from psycopg import IsolationLevel

    options = {**connection.settings_dict["OPTIONS"], "isolation_level": IsolationLevel.SERIALIZABLE}
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "OPTIONS", options)
        connection.close()
        messages = {message.id: message for message in run_checks(databases=["default"])}
    connection.close()

    assert "SERIALIZABLE" in messages["sequere.W002"].msg


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SEQUERE_PROJECTION_MODE", "SEQUERE_PROJECTION_MODES"),
        ("SEQUERE_BACKEND_CLASS", "SEQUERE_BACKEND"),
        ("SEQUERE_FAIL_SILENT", "SEQUERE_FAIL_SILENTLY"),
    ],
)
def test_sequere_w005_misspelt_settings(settings: Any, name: str, meant: str) -> None:
    setattr(settings, name, {})

    message = found()["sequere.W005"]

    assert message.msg == f"{name} is not a setting of Sequere, and has no effect."
    assert f"mean {meant}?" in str(message.hint)


def test_sequere_w003_a_sweep_in_a_queue_that_a_worker_has(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sequere.workers._app", Celery("mysite", broker="memory://"))
    settings.SEQUERE_PROJECTION_MODES = {"timelines": "celery"}

    assert "--queues celery,sequere,sequere.fanout" in str(found()["sequere.W003"].hint)


@pytest.mark.parametrize(
    ("broker", "reason"), [("redsi://localhost", "No such transport: redsi"), ("zookeeper://localhost", "kazoo")]
)
def test_sequere_e010_broker(settings: Any, monkeypatch: pytest.MonkeyPatch, broker: str, reason: str) -> None:
    app = Celery("mysite", broker=broker)
    monkeypatch.setattr("sequere.workers._app", app)
    settings.SEQUERE_PROJECTION_MODES = {"timelines": "celery"}

    message = found()["sequere.E010"]

    assert reason in message.msg
    assert "'celery[redis]'" in str(message.hint)


@pytest.mark.parametrize(
    "broker", ["amqp://thoas:4711/s3cr3t@host", "redis://:47#s3cr3t@host", "redis://:a[s3cr3t@host"]
)
def test_sequere_e010_shows_no_part_of_a_secret(settings: Any, monkeypatch: pytest.MonkeyPatch, broker: str) -> None:
    monkeypatch.setattr("sequere.workers._app", Celery("mysite", broker=broker))
    settings.SEQUERE_PROJECTION_MODES = {"timelines": "celery"}

    message = found()["sequere.E010"]

    assert "urllib.parse.quote" in message.msg
    assert "47" not in message.msg
    assert "s3cr3t" not in message.msg


@pytest.mark.parametrize("value", [0, "25", None, True])
def test_sequere_e027_page_size(settings: Any, value: Any) -> None:
    settings.SEQUERE_PAGE_SIZE = value

    assert f"SEQUERE_PAGE_SIZE is {value!r}" in found()["sequere.E027"].msg


@pytest.mark.parametrize("value", [-1, "25", True])
def test_sequere_e028_max_followings(settings: Any, value: Any) -> None:
    settings.SEQUERE_MAX_FOLLOWINGS = value

    assert f"SEQUERE_MAX_FOLLOWINGS is {value!r}" in found()["sequere.E028"].msg


@pytest.mark.parametrize(
    ("name", "value"), [("MAX_LAG", 0), ("MAX_LAG", "60"), ("MAX_LAG", None), ("MAX_PARKED", -1), ("MAX_PARKED", True)]
)
def test_sequere_e011_health(settings: Any, name: str, value: Any) -> None:
    setattr(settings, f"SEQUERE_HEALTH_{name}", value)

    assert f"SEQUERE_HEALTH_{name} is {value!r}" in found()["sequere.E011"].msg


@pytest.mark.parametrize("scopes", ["watch", 7, [7], ["a" * 51]])
def test_sequere_e026_scopes(settings: Any, scopes: Any) -> None:
    settings.SEQUERE_SCOPES = scopes

    assert f"SEQUERE_SCOPES is {scopes!r}" in found()["sequere.E026"].msg


@pytest.mark.parametrize("follower", ["nowhere.follower", "sequere.conf.SETTINGS", 7])
def test_sequere_e019_follower_of_a_request(settings: Any, follower: Any) -> None:
    settings.SEQUERE_FOLLOWER_OF_REQUEST = follower

    assert f"SEQUERE_FOLLOWER_OF_REQUEST is {follower!r}" in found()["sequere.E019"].msg


@pytest.mark.parametrize(
    ("queues", "missing"),
    [([], "'sequere' and no 'sequere.fanout'"), (["sequere"], "'sequere.fanout'"), (["sequere", "sequere.fanout"], "")],
)
def test_sequere_e022_queues_that_celery_does_not_create(
    settings: Any, monkeypatch: pytest.MonkeyPatch, queues: list[str], missing: str
) -> None:
    settings.SEQUERE_CELERY_QUEUES = {}
    settings.SEQUERE_PROJECTION_MODES = {"timelines": "celery"}
    app = Celery("mysite", broker="memory://")
    monkeypatch.setattr("sequere.workers._app", app)
    app.conf.update(task_create_missing_queues=False, task_queues=[Queue(name) for name in queues])

    messages = found()

    assert ("sequere.E022" in messages) == bool(missing)
    assert not missing or f"task_queues has no {missing}" in messages["sequere.E022"].msg


@pytest.mark.parametrize(
    ("changes", "warns"),
    [
        ({"PORT": 6432}, True),
        ({"HOST": "pgbouncer.internal"}, True),
        ({"PORT": "6432", "DISABLE_SERVER_SIDE_CURSORS": True}, False),
        ({"PORT": "5432"}, False),
    ],
)
def test_sequere_w009_pgbouncer(monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], warns: bool) -> None:
    settings = {"ENGINE": "django.db.backends.postgresql", "HOST": "", "PORT": "", **changes}
    monkeypatch.setitem(connections.settings, "default", settings)

    assert ("sequere.W009" in found()) == warns


def deployed() -> dict[str | None, CheckMessage]:
    return {message.id: message for message in run_checks(databases=["default"], include_deployment_checks=True)}


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has these timeouts")
@pytest.mark.parametrize(
    ("lock", "idle", "missing"),
    [
        ("0", "0", "lock_timeout and no idle_in_transaction_session_timeout"),
        ("10s", "0", "no idle_in_transaction_session_timeout"),
        ("10s", "60s", ""),
    ],
)
def test_sequere_w010_timeouts(lock: str, idle: str, missing: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{lock}'")
        cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{idle}'")

    assert ("sequere.W010" in deployed()) == bool(missing)
    assert not missing or missing in deployed()["sequere.W010"].msg


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL plans statements once")
@pytest.mark.parametrize(
    ("options", "informs"),
    [({}, True), ({"server_side_binding": True}, True), ({"server_side_binding": True, "prepare_threshold": 5}, False)],
)
def test_sequere_i001_statements(monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], informs: bool) -> None:
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    of_each_day = run_checks(databases=["default"])

    assert ("sequere.I001" in deployed()) == informs
    assert "sequere.I001" not in {message.id for message in of_each_day}
