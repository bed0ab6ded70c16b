"""What an operator decides about events that have failed."""

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
    """Apply events that have failed once more, and what waits behind them; returns how many of those that had failed
    were applied.

    Leaves an `event_retried` in the log for each.
    """
    with transaction.atomic(using=failed.db):
        again = _decided(failed, EVENT_RETRIED)
        number = sum(rows.update(attempts=0, retry_at=None, parked_at=None) for rows in again.values())
    # Not what the drains say: after the commit another one may have been first, and the traces are events as well.
    for pipeline in again:
        drain(pipeline, using=failed.db, wait=True)
    return number - sum(rows.count() for rows in again.values())


def skip(failed: QueuedEventQuerySet) -> int:
    """Give up applying events that have failed; returns how many. Leaves an `event_skipped` in the log for each."""
    with transaction.atomic(using=failed.db):
        return sum(rows.delete()[0] for rows in _decided(failed, EVENT_SKIPPED).values())


def _decided(failed: QueuedEventQuerySet, decision: str) -> dict[str, QueuedEventQuerySet]:
    """The rows of failed events by their pipelines, after the log was told what an operator has decided about them.

    It is told of all at once, so that their resources are locked in one order, whatever that of the events is.
    """
    event_ids: dict[str, list[int]] = defaultdict(list)
    queued = _locked(failed)
    record([one.trace(decision) for one in queued])
    for one in queued:
        event_ids[one.pipeline].append(one.event_id)
    rows = QueuedEvent.objects.using(failed.db)
    return {name: rows.filter(pipeline=name, event_id__in=ids) for name, ids in sorted(event_ids.items())}


def _locked(failed: QueuedEventQuerySet) -> list[QueuedEvent]:
    """Failed events that nobody else retries or drains meanwhile."""
    shards = failed.order_by().values_list("pipeline", "shard").distinct()
    numbers: dict[str, set[int]] = defaultdict(set)
    for pipeline, number in shards:
        numbers[pipeline].add(number)
    for pipeline in sorted(numbers):
        lock_shards(pipeline, numbers[pipeline], failed.db, wait=True)
    found = failed.failed().select_related("event").order_by("event_id")
    # One may have failed meanwhile, in another shard.
    return [queued for queued in found if queued.shard in numbers[queued.pipeline]]
