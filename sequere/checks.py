"""System checks of the settings and the database."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from inspect import isabstract
from typing import Any

from django.apps import AppConfig, apps
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.db import connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.module_loading import import_string

from sequere import conf
from sequere.backends.base import BaseBackend
from sequere.base import ResourceKey
from sequere.event_types import event_types
from sequere.exceptions import BackendException, CircularProjections
from sequere.log.immutability import different_triggers
from sequere.log.locks import Resource
from sequere.log.models import Event
from sequere.log.numbers import KIND, Name, names_of
from sequere.log.sequences import sequences_behind
from sequere.log.uids import wrong_resources
from sequere.log.validation import SCOPE_MAX_LENGTH
from sequere.outbox.queues import is_fan_out
from sequere.projections.projector import LevelTriggeredProjector, Projector
from sequere.projections.registry import BUILT_IN, built_in, is_queued, projection, projections
from sequere.redis.addresses import QUOTE, is_quoted
from sequere.registry import registry
from sequere.relations.recorded import ENDS
from sequere.sql.dialects import dialect, is_supported
from sequere.sql.routines import different_functions
from sequere.tenants import Tenants, at_tenant, tenants_here
from sequere.texts import is_storable
from sequere.workers import celery_app

#: The keys of SEQUERE_CELERY_QUEUES.
QUEUES = ("default", "fan_out")
#: The name of the task: importing it would need Celery.
SWEEP = "sequere.sweep"
#: What Celery says of a broker that it does not know, if that is the name of one.
HARMLESS = re.compile(r"No such transport: \w+(\.\s+Did you mean .*)?")
#: Where PgBouncer listens.
PGBOUNCER_PORT = "6432"
#: The newest events whose resources are looked up.
EVENTS_TO_CHECK = 1000


def check_settings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    wrong = [*_check_backend(), *_check_projectors(), *_check_modes()]
    together = [] if wrong else [*_check_attributes(), *_check_modes_together(), *_check_celery()]
    return [
        *wrong,
        *together,
        *_check_event_types(),
        *_check_queues(),
        *_check_health(),
        *_check_page_size(),
        *_check_max_followings(),
        *_check_follower(),
        *_check_tenants(),
        *_check_scopes(),
        *_check_transaction_mode(),
        *_check_cursors(),
        *_check_names(),
    ]


def _check_backend() -> list[CheckMessage]:
    path = conf.backend()
    backend = _import(path)
    if isinstance(backend, type) and issubclass(backend, BaseBackend):
        return backend.check()
    return [
        Error(
            f"SEQUERE_BACKEND is {path!r}, which is not a backend: {_reason(backend)}.",
            hint=(
                "Use 'sequere.backends.database.DatabaseBackend' or 'sequere.backends.redis.RedisBackend', or the path"
                " of a subclass of BaseBackend."
            ),
            id="sequere.E001",
        )
    ]


def _check_projectors() -> list[CheckMessage]:
    paths: Any = conf.projectors()
    if not (isinstance(paths, Mapping) and all(isinstance(one, str) for pair in paths.items() for one in pair)):
        return [
            Error(
                f"SEQUERE_PROJECTORS is {paths!r}, which is not a mapping of names to dotted paths.",
                hint="Give the dotted path of a subclass of sequere.projections.Projector.",
                id="sequere.E003",
            )
        ]
    messages: list[CheckMessage] = []
    for name, path in paths.items():
        projector = _import(path)
        if not (isinstance(projector, type) and issubclass(projector, Projector)):
            messages.append(
                Error(
                    f"SEQUERE_PROJECTORS[{name!r}] is {path!r}, which is not a projector: {_reason(projector)}.",
                    hint="Give the dotted path of a subclass of sequere.projections.Projector.",
                    id="sequere.E003",
                )
            )
        if name in {*built_in(), BUILT_IN} or is_fan_out(name):
            messages.append(
                Error(
                    f"SEQUERE_PROJECTORS has a projection {name!r}, which is a built-in name.",
                    hint="Use another name.",
                    id="sequere.E004",
                )
            )
    return messages


def _check_modes() -> list[CheckMessage]:
    modes: Any = conf.projection_modes()
    if not isinstance(modes, Mapping):
        return [
            Error(
                f"SEQUERE_PROJECTION_MODES is {modes!r}, which is not a mapping of projections to modes.",
                hint=f"Give a mode to a projection by its name: {{'timelines': {conf.ON_COMMIT!r}}}.",
                id="sequere.E006",
            )
        ]
    names = [*built_in(), *conf.projectors()]
    messages: list[CheckMessage] = [
        Error(
            f"SEQUERE_PROJECTION_MODES names a projection {name!r}, which does not exist.",
            hint=f"Use one of {', '.join(names)}.",
            id="sequere.E006",
        )
        for name in modes
        if name not in names
    ]
    messages += [
        Error(
            f"SEQUERE_PROJECTION_MODES[{name!r}] is {mode!r}, which is not a mode.",
            hint=f"Use one of {', '.join(conf.MODES)}.",
            id="sequere.E006",
        )
        for name, mode in modes.items()
        if mode not in conf.MODES
    ]
    return messages


def _check_modes_together() -> list[CheckMessage]:
    try:
        at_work = projections()
    except (ImportError, AttributeError, TypeError, CircularProjections):  # another check reports it
        return []
    inline = [name for name in at_work if not is_queued(name)]
    messages: list[CheckMessage] = [
        Error(
            f"The projection {name!r} is inline, but its read model is not in the database: it would keep the writes of"
            " a transaction that is rolled back.",
            hint=f"Use {conf.ON_COMMIT!r} in SEQUERE_PROJECTION_MODES, or remove the entry.",
            id="sequere.E008",
        )
        for name in inline
        if not at_work[name].is_transactional
    ]
    messages += [
        Error(
            f"The projection {name!r} is inline, but applied after {other!r}, which is not: it would miss what was just"
            " recorded.",
            hint="Give both the same mode in SEQUERE_PROJECTION_MODES.",
            id="sequere.E007",
        )
        for name in inline
        for other in at_work[name].after
        if other in at_work and other not in inline
    ]
    queued = {projector.queue or name for name, projector in at_work.items() if name not in inline}
    messages += [
        Error(
            f"The projection {name!r} is inline, but others of its queue are not: it would apply each event twice.",
            hint="Give all projections of a queue the same mode in SEQUERE_PROJECTION_MODES.",
            id="sequere.E007",
        )
        for name in inline
        if (at_work[name].queue or name) in queued and not at_work[name].verifiable
    ]
    return messages


def _check_attributes() -> list[CheckMessage]:
    """What projectors declare."""
    try:
        at_work = projections()
    except CircularProjections as error:
        hint = "Remove a projection from the attribute `after` of one of these projectors."
        return [Error(str(error), hint=hint, id="sequere.E017")]
    except (ImportError, AttributeError, TypeError):  # another check reports it
        return []
    return [
        *_check_handlers(at_work),
        *_check_verifiable(at_work),
        *_check_order(at_work),
        *_check_outbox_queues(at_work),
    ]


def _check_handlers(at_work: Mapping[str, Projector]) -> list[CheckMessage]:
    known = {event_type.name for event_type in event_types}
    return [
        Error(
            f"{_path_of(projector)} has a method {method}(), and there is no such event type.",
            hint=f"Rename it, or register the event type; registered are {', '.join(sorted(known))}.",
            id="sequere.E015",
        )
        for projector in at_work.values()
        for method in _handlers(type(projector))
        if method.removeprefix("on_") not in known
    ]


def _check_verifiable(at_work: Mapping[str, Projector]) -> list[CheckMessage]:
    return [
        Error(
            f"{_path_of(projector)} is verifiable, but not a LevelTriggeredProjector.",
            hint="Subclass sequere.projections.LevelTriggeredProjector, whose reconcilers compare, or drop it.",
            id="sequere.E017",
        )
        for projector in at_work.values()
        if projector.verifiable and not isinstance(projector, LevelTriggeredProjector)
    ]


def _check_order(at_work: Mapping[str, Projector]) -> list[CheckMessage]:
    return [
        Error(
            f"{_path_of(projector)} is applied after {other!r}, which does not exist.",
            hint=f"Use one of {', '.join(at_work)}.",
            id="sequere.E017",
        )
        for projector in at_work.values()
        for other in sorted({*projector.after} - at_work.keys())
    ]


def _check_outbox_queues(at_work: Mapping[str, Projector]) -> list[CheckMessage]:
    shards: dict[str, set[Any]] = {}
    for name, projector in at_work.items():
        shards.setdefault(projector.queue or name, set()).add(projector.shards)
    taken = [
        Error(
            f"The queue {queue!r} has a name that belongs to the steps of a fan-out.",
            hint="Give the attribute `queue` of its projectors another name.",
            id="sequere.E017",
        )
        for queue in shards
        if is_fan_out(queue)
    ]
    return [
        *taken,
        *(
            Error(
                f"The projectors of the queue {queue!r} have {' and '.join(sorted(map(repr, found)))} shards.",
                hint="Give all projectors of a queue the same number of shards, from 1 to 32767.",
                id="sequere.E017",
            )
            for queue, found in shards.items()
            if len(found) > 1 or not all(_is_number(number, int) and 1 <= number <= 32_767 for number in found)
        ),
    ]


def _handlers(projector: type[Projector]) -> list[str]:
    return sorted(name for name in dir(projector) if name.startswith("on_") and callable(getattr(projector, name)))


def _check_event_types() -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    for event_type in event_types:
        wanted, found = set(range(1, event_type.version)), {*event_type.upcasters}
        if missing := sorted(wanted - found):
            what = f"no upcaster from version {', '.join(map(str, missing))}"
        elif wrong := sorted(found - wanted, key=repr):
            what = f"an upcaster from version {', '.join(map(repr, wrong))}, which is not an older one"
        else:
            continue
        messages.append(
            Error(
                f"The event type {event_type.name!r} has version {event_type.version} and {what}.",
                hint="Give `upcasters` a function for each version before the newest: {1: from_1_to_2, …}.",
                id="sequere.E016",
            )
        )
    return messages


def _check_celery() -> list[CheckMessage]:
    for_celery = [name for name, mode in conf.projection_modes().items() if mode == conf.CELERY]
    if not for_celery:
        return []
    try:
        app = celery_app()
        if not all(map(is_quoted, _broker_urls(app))):
            raise ValueError("a password with a special character")
        app.connection_for_write().create_transport()  # does not connect yet
    except (ImportError, KeyError, ValueError) as error:
        # The error about a URL may show a part of its password.
        is_harmless = isinstance(error, ImportError) or HARMLESS.fullmatch(str(error.args[0]))
        reason = error.args[0] if is_harmless else f"the URL of its broker cannot be read, {QUOTE}"
        return [
            Error(
                f"The projection {for_celery[0]!r} is in mode celery, but Celery cannot be used: {reason}.",
                hint="pip install 'django-sequere[celery]', and for a broker in Redis 'celery[redis]'",
                id="sequere.E010",
            )
        ]
    messages: list[CheckMessage] = []
    if app.main == "default":
        messages.append(
            checks.Warning(
                f"The projection {for_celery[0]!r} is in mode celery, but there is no Celery app: its tasks would go"
                " nowhere.",
                hint="Import it in the __init__.py of your project: from mysite.celery import app as celery_app",
                id="sequere.W004",
            )
        )
    if missing := _missing_queues(app):
        messages.append(
            Error(
                f"The projection {for_celery[0]!r} is in mode celery, and task_create_missing_queues is off, but"
                f" task_queues has no {' and no '.join(map(repr, missing))}: no worker is told of anything.",
                hint="Add Queue('sequere') and Queue('sequere.fanout') to CELERY_TASK_QUEUES, or the names in"
                " SEQUERE_CELERY_QUEUES.",
                id="sequere.E022",
            )
        )
    scheduled = {entry.get("task") for entry in app.conf.beat_schedule.values()}
    if SWEEP in scheduled or apps.is_installed("django_celery_beat"):
        return messages
    return [
        *messages,
        checks.Warning(
            f"The projection {for_celery[0]!r} is in mode celery, but nothing schedules {SWEEP!r}: events would stay"
            " pending after a worker has died, or the broker was down.",
            hint='CELERY_BEAT_SCHEDULE = {"sequere": {"task": "sequere.sweep", "schedule": 10,'
            ' "options": {"queue": "sequere", "expires": 10}}}, and run a beat:'
            " celery -A mysite worker --beat --queues celery,sequere,sequere.fanout",
            id="sequere.W003",
        ),
    ]


def _broker_urls(app: Any) -> list[str]:
    urls = app.conf.broker_write_url or app.conf.broker_url or ""
    return urls.split(";") if isinstance(urls, str) else [str(url) for url in urls]


def _missing_queues(app: Any) -> list[str]:
    """Our queues that Celery neither knows nor creates."""
    if app.conf.task_create_missing_queues:
        return []
    return sorted({*conf.celery_queues().values()} - app.amqp.queues.keys())


def _check_queues() -> list[CheckMessage]:
    try:
        queues: Mapping[str, Any] = conf.celery_queues()
    except TypeError:
        what = "is not a mapping to names of queues"
    else:
        wrong = {name: queue for name, queue in queues.items() if name not in QUEUES or not isinstance(queue, str)}
        if not wrong:
            return []
        what = f"has invalid entries: {wrong!r}"
    return [
        Error(
            f"SEQUERE_CELERY_QUEUES {what}.",
            hint=f"Name the queues of {' and '.join(map(repr, QUEUES))}, or of one of them.",
            id="sequere.E014",
        )
    ]


def _check_page_size() -> list[CheckMessage]:
    size: Any = conf.page_size()
    if _is_number(size, int) and size > 0:
        return []
    return [
        Error(
            f"SEQUERE_PAGE_SIZE is {size!r}, which is not a number of entries above 0.",
            hint="Use the number of entries that a page of a list has by default.",
            id="sequere.E027",
        )
    ]


def _check_max_followings() -> list[CheckMessage]:
    limit: Any = conf.max_followings()
    if limit is None or (_is_number(limit, int) and limit >= 0):
        return []
    return [
        Error(
            f"SEQUERE_MAX_FOLLOWINGS is {limit!r}, which is not a number.",
            hint="Use the number of resources that one may follow, or None for any number.",
            id="sequere.E028",
        )
    ]


def _check_health() -> list[CheckMessage]:
    max_lag: Any = conf.health_max_lag()
    max_parked: Any = conf.health_max_parked()
    messages: list[CheckMessage] = []
    if not _is_number(max_lag, int | float) or max_lag <= 0:
        messages.append(
            Error(
                f"SEQUERE_HEALTH_MAX_LAG is {max_lag!r}, which is not a number of seconds above 0.",
                hint="Use the number of seconds that an event may be pending before the health view answers 503.",
                id="sequere.E011",
            )
        )
    if max_parked is not None and (not _is_number(max_parked, int) or max_parked < 0):
        messages.append(
            Error(
                f"SEQUERE_HEALTH_MAX_PARKED is {max_parked!r}, which is not a number of events.",
                hint="Use the number of events that may be parked before the health view answers 503, or None.",
                id="sequere.E011",
            )
        )
    return messages


def _check_follower() -> list[CheckMessage]:
    choose = conf.follower_of_request()
    found = _import(choose) if isinstance(choose, str) else choose
    if found is None or callable(found):
        return []
    return [
        Error(
            f"SEQUERE_FOLLOWER_OF_REQUEST is {choose!r}, which cannot be called: {_reason(found)}.",
            hint="Use a function that takes a request and returns an instance, a ResourceKey, or None; or its path.",
            id="sequere.E019",
        )
    ]


def _check_tenants() -> list[CheckMessage]:
    path = conf.tenants()
    found = _import(path) if path else None
    if path is None or (isinstance(found, type) and issubclass(found, Tenants) and not isabstract(found)):
        return []
    return [
        Error(
            f"SEQUERE_TENANTS is {path!r}, which does not say what the tenants are: {_reason(found)}.",
            hint="Give the dotted path of a subclass of sequere.tenants.Tenants.",
            id="sequere.E025",
        )
    ]


def _check_scopes() -> list[CheckMessage]:
    scopes: Any = conf.scopes()
    is_list = isinstance(scopes, list | tuple | set | frozenset)
    if scopes is None or (is_list and all(is_storable(one, SCOPE_MAX_LENGTH) for one in scopes)):
        return []
    return [
        Error(
            f"SEQUERE_SCOPES is {scopes!r}, which is not a list of scopes.",
            hint="Use a list of texts of at most 50 characters, such as ['watch', 'star'].",
            id="sequere.E026",
        )
    ]


def _is_number(value: Any, kinds: Any) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


def _check_transaction_mode() -> list[CheckMessage]:
    settings = connections.settings[router.db_for_write(Event)]
    if settings["ENGINE"] != "django.db.backends.sqlite3":
        return []
    mode = settings.get("OPTIONS", {}).get("transaction_mode")
    if str(mode).upper() in {"IMMEDIATE", "EXCLUSIVE"}:
        return []
    return [
        checks.Warning(
            "The event log is in an SQLite database whose transactions begin DEFERRED: simultaneous follows fail with"
            " 'database is locked'.",
            hint='Add "OPTIONS": {"transaction_mode": "IMMEDIATE"} to the database.',
            id="sequere.W001",
        )
    ]


def _check_cursors() -> list[CheckMessage]:
    settings = connections.settings[router.db_for_write(Event)]
    is_postgresql = "postg" in settings["ENGINE"]
    if not (is_postgresql and _is_pooled(settings)) or settings.get("DISABLE_SERVER_SIDE_CURSORS"):
        return []
    return [
        checks.Warning(
            "The event log is behind PgBouncer, and server-side cursors are not disabled: in transaction mode,"
            " .iterator() outside a transaction fails.",
            hint='Add "DISABLE_SERVER_SIDE_CURSORS": True to the database, unless PgBouncer is in session mode.',
            id="sequere.W009",
        )
    ]


def _check_names() -> list[CheckMessage]:
    return [
        checks.Warning(
            f"{name} is not a setting of Sequere, and has no effect.",
            hint=f"Did you mean {likely}? See docs/settings.md for all of them.",
            id="sequere.W005",
        )
        for name, likely in misspelt(conf.SETTINGS)
        if not name.startswith("SEQUERE_TIMELINE")
    ]


def misspelt(names: Sequence[str]) -> list[tuple[str, str]]:
    """The names of the project's settings that are none of these, each with the most similar one."""
    unknown = sorted({*conf.named_like_settings()} - {*names})
    return [(name, get_close_matches(name, names, n=1, cutoff=0)[0]) for name in unknown]


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
        messages += [*_check_isolation(connection), *_check_identifiers(connection)]
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
        messages += [*_check_sequences(alias), *_check_resources(alias)]
        if alias == router.db_for_write(Event):
            messages += _check_eviction()
    return [*messages, *(_check_places(databases) if databases else [])]


def _check_places(databases: Sequence[str]) -> list[CheckMessage]:
    """Whether each log has its read models for itself; outside of all tenants, that of each. For each, 1 query, and 1
    round trip for each projection."""
    try:
        names = [*projections()]
    except (ImportError, AttributeError, TypeError, CircularProjections):  # another check reports it
        return []
    messages: list[CheckMessage] = []
    places: dict[tuple[str, str], list[str | None]] = defaultdict(list)
    for tenant in tenants_here():
        with at_tenant(tenant):
            if router.db_for_write(Event) in databases:
                for name in names:
                    messages += _check_place(name, tenant)
                    places[name, projection(name).where()].append(tenant)
    shared = {place: found for place, found in places.items() if place[1] and len(found) > 1}
    return [
        *messages,
        *(
            Error(
                f"The tenants {', '.join(map(str, found))} have the projection {name!r} under one prefix: {prefix!r}.",
                hint="Let the prefix be a callable that returns another one for each tenant: see docs/tenants.md.",
                id="sequere.E023",
            )
            for (name, prefix), found in shared.items()
        ),
    ]


def _check_place(name: str, tenant: str | None) -> list[CheckMessage]:
    one = projection(name)
    try:
        if not one.is_foreign(router.db_for_write(Event)):
            return []
    except BackendException:  # another check reports it
        return []
    whose = "" if tenant is None else f" of the tenant {tenant}"
    return [
        Error(
            f"The prefix {one.where()!r} of the projection {name!r}{whose} is that of another log: reads are refused.",
            hint="Give each site, and each tenant, a prefix of its own. If nobody uses the other log any more, run"
            " 'manage.py rebuild_projections', which removes what is there.",
            id="sequere.E024",
        )
    ]


def _check_eviction() -> list[CheckMessage]:
    """Whether servers of read models drop parts of them. 1 round trip for each."""
    try:
        at_work = projections()
    except (ImportError, AttributeError, TypeError, CircularProjections):  # another check reports it
        return []
    messages: list[CheckMessage] = []
    for name, projector in at_work.items():
        try:
            policy = projector.examine_server()
        except BackendException as error:
            policy = ""
            messages.append(
                checks.Warning(
                    f"The server of the projection {name!r} cannot be checked: {error}",
                    hint="Run the check again when the server is up.",
                    id="sequere.W008",
                )
            )
        if policy:
            messages.append(
                checks.Warning(
                    f"The Redis server of the projection {name!r} has the maxmemory-policy {policy}: it drops keys when"
                    " its memory is full, and follows or timelines are silently wrong.",
                    hint="Set maxmemory-policy noeviction, and run 'manage.py verify_projections --repair'.",
                    id="sequere.W007",
                )
            )
    return messages


def check_deployment(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """What a site should have, and a laptop need not: for `check --deploy`."""
    messages: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if router.allow_migrate_model(alias, Event) and is_supported(connection):
            messages += [*_check_timeouts(connection), *_check_statements(connection)]
    return messages


def _check_timeouts(connection: BaseDatabaseWrapper) -> list[CheckMessage]:
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


def _check_statements(connection: BaseDatabaseWrapper) -> list[CheckMessage]:
    options = connection.settings_dict["OPTIONS"]
    wanted = [name for name in dialect(connection).options_for_speed if not options.get(name)]
    if not wanted or _is_pooled(connection.settings_dict):
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


def _is_pooled(settings: Mapping[str, Any]) -> bool:
    """Whether the settings of a database look like those of PgBouncer."""
    return str(settings["PORT"]) == PGBOUNCER_PORT or "pgbouncer" in str(settings["HOST"]).lower()


def _check_sequences(alias: str) -> list[CheckMessage]:
    return [
        Error(
            f"The sequence of {model._meta.db_table} in the database {alias!r} is behind: the table has {highest}."
            " What is recorded fails, or a resource gets the uid of another.",
            hint=f"Run 'manage.py migrate sequere --database {alias} --skip-checks', which moves it.",
            id="sequere.E021",
        )
        for model, highest in sequences_behind(alias).items()
    ]


def _check_resources(alias: str) -> list[CheckMessage]:
    """Whether the actors and targets of the newest events have their uids. 3 queries, bounded."""
    with connections[alias].cursor() as cursor:
        if Resource._meta.db_table not in connections[alias].introspection.table_names(cursor):
            return []
    newest = Event.objects.using(alias).order_by("-pk").values_list(*ENDS)[:EVENTS_TO_CHECK]
    ends = {ResourceKey(*key) for row in newest for key in (row[:2], row[2:]) if key[0]}
    wrong = wrong_resources(ends, alias) if ends else {}
    return [
        Error(
            f"The table sequere_resource in the database {alias!r} has {number} rows for the resource {key}, not one.",
            hint="'manage.py verify_projections --repair' names all of them, and creates those that are missing. Of"
            " several rows, remove those with the larger uids, then add the unique key of the table again.",
            id="sequere.E020",
        )
        for key, number in wrong.items()
    ]


def _check_identifiers(connection: BaseDatabaseWrapper) -> list[CheckMessage]:
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


def _check_isolation(connection: BaseDatabaseWrapper) -> list[CheckMessage]:
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


def _path_of(projector: Projector) -> str:
    return f"{type(projector).__module__}.{type(projector).__qualname__}"


def _import(path: str) -> Any:
    try:
        return import_string(path)
    except ImportError as error:
        return error


def _reason(found: Any) -> str:
    return str(found) if isinstance(found, ImportError) else f"it is {found!r}"
