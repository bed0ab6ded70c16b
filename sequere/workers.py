"""Telling the workers of Celery what waits. What they cannot be told of is found by the sweep."""

import logging
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from time import monotonic
from typing import Any

from sequere import conf
from sequere.exceptions import BackendUnavailable
from sequere.outbox.queues import is_fan_out
from sequere.redis.outages import CircuitBreaker, Outage
from sequere.signals import events_queued, rebuilds_left
from sequere.tenants import current_tenant

_logger = logging.getLogger("sequere")

#: Seconds for which nothing is sent to a broker that does not answer.
SECONDS_OF_SILENCE = 30
#: Seconds to wait for its answer. Kombu itself would try for minutes.
PATIENCE = 0.8
_AT_ONCE = {"max_retries": 1, "interval_start": 0, "interval_step": 0}

_breaker = CircuitBreaker()
_app: Any = None


def tell_workers(queue: str, shards: Iterable[int], **_: Any) -> None:
    """Send a task for each shard."""
    if _breaker.pause:
        return
    from kombu.exceptions import OperationalError

    from sequere.tasks import drain

    celery_queue = conf.celery_queues()["fan_out" if is_fan_out(queue) else "default"]
    try:
        _send(drain.name, celery_queue, [(queue, shard) for shard in sorted(shards)])
    except OperationalError as error:
        reason = str(error).rstrip(".")
        _breaker.trip(Outage(reason, pauses_until=monotonic() + SECONDS_OF_SILENCE))
        _logger.warning(
            "The broker of Celery cannot be reached: %s. Events wait, and nobody is told of them for %s seconds.",
            reason,
            SECONDS_OF_SILENCE,
        )
    else:
        _breaker.recover()


def tell_of_rebuilds(rebuild_ids: Sequence[int], **_: Any) -> None:
    """Send a task, which goes where the long ones are. Raises BackendUnavailable."""
    from kombu.exceptions import OperationalError

    from sequere.tasks import rebuild

    try:
        _send(rebuild.name, conf.celery_queues()["fan_out"], [tuple(rebuild_ids)])
    except OperationalError as error:
        raise BackendUnavailable(server="The broker of Celery", reason=error, setting="its URL") from error


def _send(name: str, celery_queue: str, calls: Iterable[tuple[Any, ...]]) -> None:
    from kombu.pools import producers

    task, broker = celery_app().tasks[name], _broker(celery_app())
    tenant = current_tenant()
    named = {} if tenant is None else {"tenant": tenant}
    with producers[broker].acquire(block=True, timeout=PATIENCE) as producer:
        for arguments in calls:
            task.apply_async(arguments, named, queue=celery_queue, producer=producer, retry=True, retry_policy=_AT_ONCE)


@cache
def _broker(app: Any) -> Any:
    """The broker of the host, asked with little patience."""
    broker = app.connection_for_write(connect_timeout=PATIENCE)
    options = {"connect_retries_timeout": PATIENCE, "socket_connect_timeout": PATIENCE, "socket_timeout": PATIENCE}
    return broker.clone(transport_options={**(broker.transport_options or {}), **options, **_AT_ONCE})


def celery_app() -> Any:
    """The Celery app of the host."""
    from celery.app import app_or_default

    return app_or_default(_app)


def connect() -> None:
    """Called once, when the app is ready."""
    global _app  # noqa: PLW0603
    if "celery" in sys.modules:
        # In other threads, which serve requests, Celery takes an app without any configuration for the current one.
        _app = celery_app()
    events_queued.connect(tell_workers, dispatch_uid="sequere.tell_workers")
    rebuilds_left.connect(tell_of_rebuilds, dispatch_uid="sequere.tell_of_rebuilds")
