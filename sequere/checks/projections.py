"""The checks of backends, projectors, their modes, and Celery."""

import re
from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.core import checks
from django.core.checks import CheckMessage, Error

from sequere import conf
from sequere.backends.base import BaseBackend
from sequere.checks.values import imported, is_number, reason
from sequere.event_types import event_types
from sequere.exceptions import CircularProjections
from sequere.outbox.queues import is_fan_out
from sequere.projections.projector import LevelTriggeredProjector, Projector
from sequere.projections.registry import BUILT_IN, built_in, is_queued, projections
from sequere.redis.addresses import QUOTE, is_quoted
from sequere.workers import celery_app

#: The keys of SEQUERE_CELERY_QUEUES.
QUEUES = ("default", "fan_out")

#: The name of the task: importing it would need Celery.
SWEEP = "sequere.sweep"

#: What Celery says of a broker that it does not know, if that is the name of one.
HARMLESS = re.compile(r"No such transport: \w+(\.\s+Did you mean .*)?")


def check_backend() -> list[CheckMessage]:
    path = conf.backend()
    backend = imported(path)
    if isinstance(backend, type) and issubclass(backend, BaseBackend):
        return backend.check()
    return [
        Error(
            f"SEQUERE_BACKEND is {path!r}, which is not a backend: {reason(backend)}.",
            hint=(
                "Use 'sequere.backends.database.DatabaseBackend' or 'sequere.backends.redis.RedisBackend', or the path"
                " of a subclass of BaseBackend."
            ),
            id="sequere.E001",
        )
    ]


def check_projectors() -> list[CheckMessage]:
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
        projector = imported(path)
        if not (isinstance(projector, type) and issubclass(projector, Projector)):
            messages.append(
                Error(
                    f"SEQUERE_PROJECTORS[{name!r}] is {path!r}, which is not a projector: {reason(projector)}.",
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


def check_modes() -> list[CheckMessage]:
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


def check_modes_together() -> list[CheckMessage]:
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


def check_attributes() -> list[CheckMessage]:
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
            if len(found) > 1 or not all(is_number(number, int) and 1 <= number <= 32_767 for number in found)
        ),
    ]


def _handlers(projector: type[Projector]) -> list[str]:
    return sorted(name for name in dir(projector) if name.startswith("on_") and callable(getattr(projector, name)))


def check_event_types() -> list[CheckMessage]:
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


def check_celery() -> list[CheckMessage]:
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


def check_queues() -> list[CheckMessage]:
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


def _path_of(projector: Projector) -> str:
    return f"{type(projector).__module__}.{type(projector).__qualname__}"
