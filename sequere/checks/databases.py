"""The checks of the databases of event logs."""

from django.core import checks
from django.core.checks import CheckMessage, Error
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from sequere.base import ResourceKey
from sequere.checks.values import is_pooled
from sequere.log.locks import KEY, Resource
from sequere.log.models import Event
from sequere.log.numbers import KIND, Name, names_of
from sequere.log.sequences import sequences_behind
from sequere.log.uids import wrong_resources
from sequere.registry import registry
from sequere.relations.recorded import ENDS
from sequere.sql.dialects import dialect
from sequere.sql.rows import fields_of, given

#: The newest events whose resources are looked up.
EVENTS_TO_CHECK = 1000


def check_sequences(alias: str) -> list[CheckMessage]:
    return [
        Error(
            f"The sequence of {model._meta.db_table} in the database {alias!r} is behind: the table has {highest}."
            " What is recorded fails, or a resource gets the uid of another.",
            hint=f"Run 'manage.py migrate sequere --database {alias} --skip-checks', which moves it.",
            id="sequere.E021",
        )
        for model, highest in sequences_behind(alias).items()
    ]


def check_resources(alias: str) -> list[CheckMessage]:
    """Whether the actors and targets of the newest events have their uids. 3 queries, bounded."""
    with connections[alias].cursor() as cursor:
        if Resource._meta.db_table not in connections[alias].introspection.table_names(cursor):
            return []
    newest = Event.objects.using(alias).order_by("-pk").values_list(*ENDS)[:EVENTS_TO_CHECK]
    ends = {ResourceKey(*key) for row in newest for key in (row[:2], row[2:]) if key[0]}
    names = given(connections[alias], fields_of(Resource, KEY), ends)
    wrong = wrong_resources(*names, alias) if ends else {}
    return [
        Error(
            f"The table sequere_resource in the database {alias!r} has {number} rows for the resource {key}, not one.",
            hint="'manage.py verify_projections --repair' names all of them, and creates those that are missing. Of"
            " several rows, remove those with the larger uids, then add the unique key of the table again.",
            id="sequere.E020",
        )
        for key, number in wrong.items()
    ]


def check_identifiers(connection: BaseDatabaseWrapper) -> list[CheckMessage]:
    registered = registry.named_models()
    with connection.cursor() as cursor:
        is_there = Name._meta.db_table in connection.introspection.table_names(cursor)
    # An identifier has a number since the first event that names it.
    found = {*names_of(KIND, connection.alias).values()} if is_there else set()
    return [
        checks.Warning(
            f"The event log in the database {connection.alias!r} has events about {name!r}, which is not the identifier"
            " of a registered model: lists leave them out, and counts include them.",
            hint=(
                f"If the model has another name now, give its ModelBase identifier = {name!r}, or"
                f" aliases = ({name!r},); if it is gone, unfollow_many() ends what is left."
            ),
            id="sequere.W006",
        )
        for name in sorted(found - registered.keys())
    ]


def check_isolation(connection: BaseDatabaseWrapper) -> list[CheckMessage]:
    if (question := dialect(connection).isolation_level) is None:
        return []
    # The level of the settings applies to transactions only.
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(question)
        (level,) = cursor.fetchone()
    if level == "read committed":
        return []
    return [
        checks.Warning(
            f"The transactions of the database {connection.alias!r} are {level.upper()}: a follow misses an action that"
            " is published at the same time, and the timeline lacks it.",
            hint="Leave the isolation level at READ COMMITTED, PostgreSQL's default.",
            id="sequere.W002",
        )
    ]


def check_timeouts(connection: BaseDatabaseWrapper) -> list[CheckMessage]:
    """Whether a session that is idle in a transaction may keep others waiting for ever. 1 query."""
    endless = []
    with connection.cursor() as cursor:
        for name in dialect(connection).timeouts:
            cursor.execute("SELECT current_setting(%s)", [name])
            if cursor.fetchone() == ("0",):
                endless.append(name)
    if not endless:
        return []
    return [
        checks.Warning(
            f"The database {connection.alias!r} has no {' and no '.join(endless)}: a session that is idle in a"
            " transaction after a follow keeps everyone waiting who follows the same, for ever.",
            hint="Set both for the role of the site:"
            " ALTER ROLE … SET lock_timeout = '10s'; ALTER ROLE … SET idle_in_transaction_session_timeout = '60s'.",
            id="sequere.W010",
        )
    ]


def check_statements(connection: BaseDatabaseWrapper) -> list[CheckMessage]:
    options = connection.settings_dict["OPTIONS"]
    wanted = [name for name in dialect(connection).options_for_speed if not options.get(name)]
    if not wanted or is_pooled(connection.settings_dict):
        return []
    return [
        checks.Info(
            f"The database {connection.alias!r} plans each statement each time: its OPTIONS have no"
            f" {' and no '.join(wanted)}.",
            hint="Unless a pooler gives transactions to connections (PgBouncer), add"
            ' "OPTIONS": {"server_side_binding": True, "prepare_threshold": 5}: many operations take a third less'
            " time.",
            id="sequere.I001",
        )
    ]
