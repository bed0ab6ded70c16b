"""System checks of the settings and the database."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error
from django.db import connections, router

from sequere.checks.databases import (
    check_identifiers,
    check_isolation,
    check_resources,
    check_sequences,
    check_statements,
    check_timeouts,
)
from sequere.checks.places import check_eviction, check_places
from sequere.checks.projections import (
    check_attributes,
    check_backend,
    check_celery,
    check_event_types,
    check_modes,
    check_modes_together,
    check_projectors,
    check_queues,
)
from sequere.checks.settings import (
    check_cursors,
    check_follower,
    check_health,
    check_max_followings,
    check_names,
    check_page_size,
    check_scopes,
    check_tenants,
    check_transaction_mode,
)
from sequere.log.immutability import different_triggers
from sequere.log.models import Event
from sequere.sql.dialects import is_supported
from sequere.sql.routines import different_functions


def check_settings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    wrong = [*check_backend(), *check_projectors(), *check_modes()]
    together = [] if wrong else [*check_attributes(), *check_modes_together(), *check_celery()]
    return [
        *wrong,
        *together,
        *check_event_types(),
        *check_queues(),
        *check_health(),
        *check_page_size(),
        *check_max_followings(),
        *check_follower(),
        *check_tenants(),
        *check_scopes(),
        *check_transaction_mode(),
        *check_cursors(),
        *check_names(),
    ]


def check_database(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    for alias in databases or ():
        if not router.allow_migrate_model(alias, Event):
            continue
        connection = connections[alias]
        if not is_supported(connection):
            messages.append(
                Error(
                    f"The event log is in the database {alias!r}, but Sequere does not support"
                    f" {connection.display_name}.",
                    hint="Use PostgreSQL or SQLite; a database router chooses the database for the tables of an app.",
                    id="sequere.E013",
                )
            )
            continue
        messages += [*check_isolation(connection), *check_identifiers(connection)]
        if different := different_triggers(connection):
            messages.append(
                Error(
                    f"The event log in the database {alias!r} is not protected: triggers are missing, disabled, or"
                    f" defined otherwise: {', '.join(different)}.",
                    hint=f"Run 'manage.py migrate sequere --database {alias} --skip-checks', which restores them.",
                    id="sequere.E005",
                )
            )
        if different := different_functions(connection):
            messages.append(
                Error(
                    f"Functions in the database {alias!r} are missing, or of another version: {', '.join(different)}.",
                    hint=f"Run 'manage.py migrate --database {alias} --skip-checks', which puts them in place.",
                    id="sequere.E018",
                )
            )
        messages += [*check_sequences(alias), *check_resources(alias)]
        if alias == router.db_for_write(Event):
            messages += check_eviction()
    return [*messages, *(check_places(databases) if databases else [])]


def check_deployment(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """What a site should have, and a laptop need not: for `check --deploy`."""
    messages: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if router.allow_migrate_model(alias, Event) and is_supported(connection):
            messages += [*check_timeouts(connection), *check_statements(connection)]
    return messages
