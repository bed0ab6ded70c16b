"""Failed events: an operator decides whether they are retried or skipped."""

from collections import defaultdict
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from sequere.base import ResourceKey
from sequere.event_types import EventType, register_event
from sequere.log.recording import Intent, record_internal
from sequere.log.streams import internal_stream
from sequere.outbox.drain import drain
from sequere.outbox.models import QueuedEvent, QueuedEventQuerySet
from sequere.outbox.shards import lock_shards


@register_event
class EventRetried(EventType):
    name = "event_retried"
    label = _("event retried")
    internal = True
    stream_kind = "queued"


@register_event
class EventSkipped(EventType):
    name = "event_skipped"
    label = _("event skipped")
    internal = True
    stream_kind = "queued"


def retry(failed: QueuedEventQuerySet) -> int:
    """Retry failed events, and apply the events behind them; returns how many of the failed ones were applied.

    Leaves an `event_retried` in the log for each.
    """
    with transaction.atomic(using=_database_of(failed)):
        again = _decided(failed, EventRetried)
        number = sum(rows.update(attempts=0, retry_at=None, parked_at=None) for rows in again.values())
    # Not what the drains return: another drain may be first after the commit, and the traces are events, too.
    for queue in again:
        drain(queue, using=failed.db, wait=True)
    return number - sum(rows.count() for rows in again.values())


def skip(failed: QueuedEventQuerySet) -> int:
    """Give up failed events; returns how many. Leaves an `event_skipped` in the log for each."""
    with transaction.atomic(using=_database_of(failed)):
        return sum(rows.delete()[0] for rows in _decided(failed, EventSkipped).values())


def _decided(failed: QueuedEventQuerySet, decision: type[EventType]) -> dict[str, QueuedEventQuerySet]:
    """Record what an operator has decided about failed events; returns their rows by queue.

    All decisions are recorded together, so that their resources are locked in one order.
    """
    event_ids: dict[str, list[int]] = defaultdict(list)
    queued = _locked(failed)
    record_internal([_trace(one, decision) for one in queued])
    for one in queued:
        event_ids[one.queue].append(one.event_id)
    rows = QueuedEvent.objects.using(failed.db)
    return {name: rows.filter(queue=name, event_id__in=ids) for name, ids in sorted(event_ids.items())}


def _database_of(failed: Any) -> str:
    if not isinstance(failed, QueuedEventQuerySet):
        raise TypeError(f"Failed events are a queryset of QueuedEvent, not a {type(failed).__name__}.")
    return failed.db


def trace_stream(queue: str, event_id: int) -> UUID:
    """The stream of what operators have decided about an event in a queue."""
    return internal_stream("queued", ResourceKey(queue, str(event_id)))


def _trace(queued: QueuedEvent, decision: type[EventType]) -> Intent:
    """What the log keeps of such a decision."""
    return Intent(
        type=decision.name,
        stream=trace_stream(queued.queue, queued.event_id),
        actor=queued.event.actor,
        target=queued.event.target,
        data={
            "event": queued.event_id,
            "projection": queued.queue,
            "attempts": queued.attempts,
            "error": queued.error,
        },
    )


def _locked(failed: QueuedEventQuerySet) -> list[QueuedEvent]:
    """Failed events, with their shards locked: nobody else retries or drains them."""
    shards = failed.order_by().values_list("queue", "shard").distinct()
    numbers: dict[str, set[int]] = defaultdict(set)
    for queue, number in shards:
        numbers[queue].add(number)
    for queue in sorted(numbers):
        lock_shards(queue, numbers[queue], failed.db, wait=True)
    found = failed.failed().select_related("event").order_by("event_id")
    # Another event may have failed in the meantime, in a shard that is not locked.
    return [queued for queued in found if queued.shard in numbers[queued.queue]]
