"""What the outbox is asked for when Prometheus comes: true of all processes, dead ones included."""

from collections.abc import Iterator, Mapping

from django.db import DatabaseError, InterfaceError, connections, router
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from sequere.log.models import Event
from sequere.monitoring.backlog import Backlog, backlogs
from sequere.outbox.queues import known_pipelines


class OutboxCollector:
    """The state of the outbox, in 2 queries each time. `sequere_up` is 0 when the database cannot be asked."""

    def collect(self) -> Iterator[Metric]:
        found = _look()
        return _metrics(found or {}, is_up=found is not None)

    def describe(self) -> Iterator[Metric]:
        """What there will be. Without it, a registry would look into the database as soon as the app is ready."""
        return _metrics({}, is_up=False)


def _look() -> Mapping[str, Backlog] | None:
    """What waits in each pipeline; None if that cannot be said."""
    connection = connections[router.db_for_write(Event)]
    was_open = connection.connection is not None
    try:
        return backlogs(known_pipelines(), connection.alias)
    except (DatabaseError, InterfaceError):
        return None
    finally:
        if not was_open:  # the thread may be one of the client's own server, where no request ends
            connection.close()


def _metrics(found: Mapping[str, Backlog], *, is_up: bool) -> Iterator[Metric]:
    yield GaugeMetricFamily("sequere_up", "Whether the outbox can be read.", value=is_up)
    pending = GaugeMetricFamily("sequere_outbox_pending", "Events that wait, up to 100,000.", labels=["pipeline"])
    parked = GaugeMetricFamily(
        "sequere_outbox_parked", "Events that wait for an operator, up to 100,000.", labels=["pipeline"]
    )
    oldest = GaugeMetricFamily(
        "sequere_outbox_oldest_seconds",
        "Seconds since the oldest event was recorded that could be applied now.",
        labels=["pipeline"],
    )
    for pipeline, backlog in found.items():
        pending.add_metric([pipeline], backlog.pending)
        parked.add_metric([pipeline], backlog.parked)
        oldest.add_metric([pipeline], backlog.oldest or 0)
    yield from (pending, parked, oldest)
