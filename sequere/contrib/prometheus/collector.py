"""Metrics that each scrape reads from the outbox: they are true of all processes, dead ones included."""

from collections.abc import Iterator, Mapping

from django.db import DatabaseError, InterfaceError, connections, router
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from sequere.log.models import Event
from sequere.monitoring.backlog import Backlog, backlogs
from sequere.outbox.queues import known_queues


class OutboxCollector:
    """The state of the outbox. 2 queries for each scrape. `sequere_up` is 0 if the database cannot be queried."""

    def collect(self) -> Iterator[Metric]:
        found = _look()
        return _metrics(found or {}, is_up=found is not None)

    def describe(self) -> Iterator[Metric]:
        """The metrics without values. Otherwise a registry would query the database as soon as the app is ready."""
        return _metrics({}, is_up=False)


def _look() -> Mapping[str, Backlog] | None:
    """The backlog of each queue; None if the database cannot be queried."""
    connection = connections[router.db_for_write(Event)]
    was_open = connection.connection is not None
    try:
        return backlogs(known_queues(), connection.alias)
    except (DatabaseError, InterfaceError):
        return None
    finally:
        if not was_open:  # the thread may belong to the client's own server, which ends no requests
            connection.close()


def _metrics(found: Mapping[str, Backlog], *, is_up: bool) -> Iterator[Metric]:
    yield GaugeMetricFamily("sequere_up", "Whether the outbox can be read.", value=is_up)
    pending = GaugeMetricFamily("sequere_outbox_pending", "Pending events, up to 100,000.", labels=["queue"])
    parked = GaugeMetricFamily(
        "sequere_outbox_parked", "Events that wait for an operator, up to 100,000.", labels=["queue"]
    )
    oldest = GaugeMetricFamily(
        "sequere_outbox_oldest_seconds",
        "Seconds since the oldest event was recorded that is not applied.",
        labels=["queue"],
    )
    for queue, backlog in found.items():
        pending.add_metric([queue], backlog.pending)
        parked.add_metric([queue], backlog.parked)
        oldest.add_metric([queue], backlog.oldest or 0)
    yield from (pending, parked, oldest)
