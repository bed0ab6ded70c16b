"""Failed events: an operator decides whether they are retried or skipped."""

from collections import defaultdict

from django.db import transaction

from sequere.log.recording import record
from sequere.log.types import TYPES
from sequere.outbox.drain import drain
from sequere.outbox.models import QueuedEvent, QueuedEventQuerySet
from sequere.outbox.shards import lock_shards

EVENT_RETRIED = "event_retried"
EVENT_SKIPPED = "event_skipped"
TYPES.update({EVENT_RETRIED, EVENT_SKIPPED})


def retry(failed: QueuedEventQuerySet) -> int:
    """Retry failed events, and apply the events behind them; returns how many of the failed ones were applied.

    Leaves an `event_retried` in the log for each.
    """
    with transaction.atomic(using=failed.db):
        again = _decided(failed, EVENT_RETRIED)
        number = sum(rows.update(attempts=0, retry_at=None, parked_at=None) for rows in again.values())
    # Not what the drains return: another drain may be first after the commit, and the traces are events, too.
    for queue in again:
        drain(queue, using=failed.db, wait=True)
    return number - sum(rows.count() for rows in again.values())


def skip(failed: QueuedEventQuerySet) -> int:
    """Give up failed events; returns how many. Leaves an `event_skipped` in the log for each."""
    with transaction.atomic(using=failed.db):
        return sum(rows.delete()[0] for rows in _decided(failed, EVENT_SKIPPED).values())


def _decided(failed: QueuedEventQuerySet, decision: str) -> dict[str, QueuedEventQuerySet]:
    """Record what an operator has decided about failed events; returns their rows by queue.

    All decisions are recorded together, so that their resources are locked in one order.
    """
    event_ids: dict[str, list[int]] = defaultdict(list)
    queued = _locked(failed)
    record([one.trace(decision) for one in queued])
    for one in queued:
        event_ids[one.queue].append(one.event_id)
    rows = QueuedEvent.objects.using(failed.db)
    return {name: rows.filter(queue=name, event_id__in=ids) for name, ids in sorted(event_ids.items())}


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
