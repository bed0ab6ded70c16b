"""Nothing changes the log: neither Python nor SQL."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command
from django.db import ConnectionHandler, IntegrityError, connection, transaction

from sequere.base import ResourceKey
from sequere.exceptions import ImmutableEvent
from sequere.log.immutability import MESSAGE, different_triggers
from sequere.log.recording import Intent, record
from sequere.log.streams import stream_of
from sequere.models import Event

THOAS = ResourceKey("user", "1")


@pytest.mark.django_db
def test_without_a_log_nothing_protects_it(tmp_path: Path) -> None:
    databases = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": tmp_path / "empty"}}
    with closing(ConnectionHandler(databases)["default"]) as elsewhere:
        assert different_triggers(elsewhere) == []


def joke(idempotency_key: str) -> Intent:
    return Intent(
        type="joked",
        stream=stream_of("joke", THOAS),
        actor=THOAS,
        idempotency_key=idempotency_key,
    )


def rows() -> list[dict[str, Any]]:
    return list(Event.objects.order_by("id").values())


@pytest.fixture
def recorded(db: None) -> Event:
    outcomes = record([joke("first"), joke("second")])
    assert outcomes[0].event is not None
    return outcomes[0].event


@pytest.mark.parametrize(
    ("operation", "change"),
    [
        ("save()", lambda event: event.save()),
        ("save()", lambda event: event.save(update_fields=["verb"])),
        ("save()", lambda event: Event.objects.update_or_create(pk=event.pk, defaults={"verb": "tell"})),
        ("delete()", lambda event: event.delete()),
        ("update()", lambda event: Event.objects.filter(pk=event.pk).update(verb="tell")),
        ("update()", lambda event: Event.objects.bulk_update([event], ["verb"])),
        ("update()", lambda event: async_to_sync(Event.objects.all().aupdate)(verb="tell")),
        ("delete()", lambda event: Event.objects.all().delete()),
        ("delete()", lambda event: async_to_sync(Event.objects.all().adelete)()),
    ],
)
def test_the_orm_refuses_to_change_an_event(recorded: Event, operation: str, change: Callable[[Event], object]) -> None:
    before = rows()

    with pytest.raises(ImmutableEvent) as caught, transaction.atomic():
        change(recorded)

    assert str(caught.value) == (
        f"The log is append-only, so {operation} is refused: record a new event that corrects the old one."
    )
    assert rows() == before


COLUMNS = [field.column for field in Event._meta.concrete_fields]


def insert(how: str, **changes: str) -> str:
    """A statement that inserts the first event again, with some columns changed."""
    values = ", ".join(changes.get(column, column) for column in COLUMNS)
    return f"{how} INTO sequere_event ({', '.join(COLUMNS)}) SELECT {values} FROM sequere_event WHERE id = %s"


ID, VERSION, KEY, VERB = "id + 1000", "version + 1000", "'third'", "'tell'"
ANY_DATABASE = [
    "UPDATE sequere_event SET verb = 'tell' WHERE id = %s",
    "UPDATE sequere_event SET idempotency_key = NULL WHERE id = %s",
    "UPDATE sequere_event SET version = version WHERE id = %s",
    "UPDATE sequere_event SET id = id + 1000 WHERE id = %s",
    "DELETE FROM sequere_event WHERE id = %s",
    "DELETE FROM sequere_event",
]
BY_ANY_KEY = {
    "id": {"version": VERSION, "idempotency_key": KEY, "verb": VERB},
    "stream, version": {"id": ID, "idempotency_key": KEY, "verb": VERB},
    "idempotency_key": {"id": ID, "version": VERSION, "verb": VERB},
}
#: A partial unique key is named with its predicate.
PREDICATES = {**dict.fromkeys(BY_ANY_KEY, ""), "idempotency_key": " WHERE idempotency_key IS NOT NULL"}
STATEMENTS = {
    "postgresql": [
        *ANY_DATABASE,
        "TRUNCATE sequere_event",
        "TRUNCATE sequere_event RESTART IDENTITY CASCADE",
        *(
            f"{insert('INSERT', **changes)} ON CONFLICT ({key}){PREDICATES[key]} DO UPDATE SET verb = EXCLUDED.verb"
            for key, changes in BY_ANY_KEY.items()
        ),
        "MERGE INTO sequere_event USING (SELECT %s AS one) AS given ON id = one WHEN MATCHED THEN DELETE",
    ],
    "sqlite": [
        *ANY_DATABASE,
        "UPDATE OR REPLACE sequere_event SET id = id + 1 WHERE id = %s",
        *(insert("REPLACE", **changes) for changes in BY_ANY_KEY.values()),
        *(insert("INSERT OR REPLACE", **changes) for changes in BY_ANY_KEY.values()),
        insert("REPLACE", **BY_ANY_KEY["id"]).replace("(id,", "(rowid,"),
        *(
            f"{insert('INSERT', **changes)} ON CONFLICT ({key}){PREDICATES[key]} DO UPDATE SET verb = EXCLUDED.verb"
            for key, changes in BY_ANY_KEY.items()
        ),
    ],
}


@pytest.mark.parametrize("statement", STATEMENTS[connection.vendor])
def test_the_database_refuses_to_change_an_event(recorded: Event, statement: str) -> None:
    before = rows()
    if connection.vendor == "postgresql":
        # TRUNCATE would be refused for the wrong reason: constraints deferred to the end of the test.
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [recorded.pk] if "%s" in statement else [])

    assert rows() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda event: Event.objects.all()._raw_delete(using="default"),
        lambda event: Event(**{**Event.objects.filter(pk=event.pk).values()[0], "verb": "tell"}).save(),
        lambda event: Event.objects.bulk_create(
            [Event(**{**Event.objects.filter(pk=event.pk).values()[0], "verb": "tell"})],
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=["verb"],
        ),
    ],
    ids=["raw delete", "saved over it", "upsert"],
)
def test_the_database_refuses_what_the_orm_lets_pass(recorded: Event, change: Callable[[Event], object]) -> None:
    before = rows()

    with pytest.raises(IntegrityError), transaction.atomic():
        change(recorded)

    assert rows() == before


def test_the_message_of_the_database_says_what_to_do(recorded: Event) -> None:
    with (
        pytest.raises(IntegrityError, match="The event log is append-only: record a new event instead"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM sequere_event")


HOLLOW, RUNS = "CREATE OR REPLACE FUNCTION", "EXECUTE FUNCTION sequere_event_is_immutable()"
REDEFINED = {
    "postgresql": "CREATE OR REPLACE TRIGGER sequere_event_no_change BEFORE",
    "sqlite": "DROP TRIGGER sequere_event_no_update; CREATE TRIGGER sequere_event_no_update BEFORE",
}[connection.vendor]
DAMAGES = {
    "sqlite": [
        "DROP TRIGGER sequere_event_no_update",
        "DROP TRIGGER sequere_event_no_delete",
        "DROP TRIGGER sequere_event_no_replace",
        f"{REDEFINED} UPDATE ON sequere_event WHEN NEW.verb = 'tell' BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END",
        f"{REDEFINED} UPDATE OF verb ON sequere_event BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END",
        f"{REDEFINED} UPDATE ON sequere_event BEGIN SELECT 1; END",
    ],
    "postgresql": [
        "DROP TRIGGER sequere_event_no_change ON sequere_event",
        "DROP TRIGGER sequere_event_no_truncate ON sequere_event",
        "ALTER TABLE sequere_event DISABLE TRIGGER sequere_event_no_change",
        "ALTER TABLE sequere_event DISABLE TRIGGER ALL",
        "ALTER TABLE sequere_event ENABLE REPLICA TRIGGER sequere_event_no_truncate",
        f"{HOLLOW} sequere_event_is_immutable() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        f"{REDEFINED} DELETE OR UPDATE ON sequere_event FOR EACH ROW WHEN (OLD.verb = 'tell') {RUNS}",
        f"{REDEFINED} DELETE OR UPDATE OF verb ON sequere_event FOR EACH ROW {RUNS}",
        f"{REDEFINED} DELETE ON sequere_event FOR EACH ROW {RUNS}",
        (
            f"{HOLLOW} hollow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
            f"{REDEFINED} DELETE OR UPDATE ON sequere_event FOR EACH ROW EXECUTE FUNCTION hollow()"
        ),
    ],
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("damage", DAMAGES[connection.vendor])
def test_a_damaged_trigger_is_noticed_and_migrate_puts_it_back(damage: str) -> None:
    execute = connection.cursor().executescript if connection.vendor == "sqlite" else connection.cursor().execute
    execute(damage)
    different = different_triggers(connection)

    call_command("migrate", "sequere", verbosity=0, skip_checks=True)

    assert different != []
    assert different_triggers(connection) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite changes a table by making it anew")
def test_the_triggers_survive_a_remake_of_the_table() -> None:
    record([joke("first")])
    before = rows()
    with connection.schema_editor() as editor:
        editor._remake_table(Event)

    call_command("migrate", "sequere", verbosity=0)

    assert (different_triggers(connection), rows()) == ([], before)


def test_a_second_installation_changes_nothing(recorded: Event) -> None:
    call_command("migrate", "sequere", verbosity=0)

    assert different_triggers(connection) == []
