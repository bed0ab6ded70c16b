"""Draining the outbox: pending events are applied to the projections that have not applied them yet.

A projection that is not inline has a row in the outbox for each event, written in the transaction of that event. A
process that drains a shard holds the row of the shard, so the changes around one subject are applied by one process at
a time, in the order of the log. The lock ends with the transaction, even if the process dies.

An event that concerns more followers than one transaction should reach is queued once more, as a fan-out. Each of its
steps is a transaction of its own, and stores where the next one begins. Newer events are applied between two steps.
"""

import traceback
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack, suppress
from datetime import timedelta
from time import monotonic
from uuid import UUID

from django.db import InterfaceError, OperationalError, connections, transaction
from django.utils import timezone

from sequere.base import ResourceKey
from sequere.exceptions import BackendException, StaleWriter
from sequere.log.locks import lock
from sequere.log.metadata import caused_by, without_metadata
from sequere.log.models import Event
from sequere.outbox import instrumentation
from sequere.outbox.kept import is_checkpoint, keep
from sequere.outbox.models import QueuedEvent
from sequere.outbox.pausing import Pauses
from sequere.outbox.queues import (
    has_pauses,
    is_fan_out,
    is_for_celery,
    known_queues,
    projectors_of,
    shard_of,
    shards_of,
)
from sequere.outbox.shards import done, due, lock_shards, overdue_shards, shards_to_drain, take_out
from sequere.projections.projector import Chunk, Projector
from sequere.signals import events_queued
from sequere.sql.commits import after_commit
from sequere.texts import storable

#: An event that has failed so often is parked. Until then, the time to the next attempt doubles, from 2 seconds.
MAX_ATTEMPTS = 5
#: Seconds for which a Celery worker drains a shard before other tasks have their turn.
TURN = 0.25

#: Infrastructure errors: never counted against an event.
INFRASTRUCTURE = (OperationalError, InterfaceError, BackendException)


def drain(
    queue: str,
    shards: Collection[int] | None = None,
    *,
    using: str,
    wait: bool = False,
    seconds: float | None = None,
) -> int:
    """Apply the pending events in some shards of a queue, all shards by default; returns how many were applied.

    A shard that another process drains is left to that process, or waited for with `wait`. Every 2,000 events are a
    transaction, and every step of a fan-out. An event that fails is retried later, and parked in the end; the events
    behind it in its stream wait, all others are applied. Shards that were left alone for too long are drained, too.
    After some `seconds` the rest is left to the Celery workers; without `seconds`, only events that others have queued
    for them in the meantime. Raises UnknownProjection.
    """
    started = monotonic()
    projectors = projectors_of(queue)
    asked_for = None if shards is None else {*shards}
    applied = 0
    # A caller that waits has just queued something there.
    numbers = asked_for if asked_for and wait else shards_to_drain(queue, asked_for, using)
    while numbers:
        waits = wait and (asked_for is None or numbers <= asked_for)
        held, more, is_all = _turn(queue, numbers, projectors, using, wait=waits)
        applied += more
        # A writer that came while the lock was held waits for it, unless Celery was told: then its events are ours.
        if not held or (is_all and not is_for_celery(queue)):
            break
        numbers = shards_to_drain(queue, asked_for, using)
        if numbers and (is_all if seconds is None else monotonic() - started > seconds):
            announce_shards(queue, numbers, using)
            break
    return applied


def drain_all(*, using: str) -> int:
    """Drain every queue; returns how many events were applied."""
    return sum(drain(queue, using=using) for queue in known_queues())


def sweep_queues(using: str) -> None:
    """Tell the Celery workers of events that have waited for so long that a process must have died. 1 query for each
    queue."""
    for queue in known_queues():
        announce_shards(queue, overdue_shards(queue, using), using)


def announce_shards(queue: str, shards: set[int], using: str) -> None:
    """Tell the Celery workers that events are pending in these shards, if there are any."""
    if shards:
        events_queued.send_robust(sender=QueuedEvent, queue=queue, shards=shards, using=using)


def hold(queue: str, using: str) -> None:
    """Keep others from draining a queue until the transaction ends."""
    lock_shards(queue, range(shards_of(queue)), using, wait=True)


def forget(queue: str, subjects: Iterable[ResourceKey], using: str) -> None:
    """Drop the events with these subjects: they were applied from the log."""
    events = Event.objects.using(using).about(subjects)
    QueuedEvent.objects.using(using).filter(queue=queue, event_id__in=events.values("pk")).delete()


def _turn(
    queue: str, numbers: Collection[int], projectors: Sequence[Projector], using: str, *, wait: bool
) -> tuple[Collection[int], int, bool]:
    """Apply some of the events that are due in these shards, in one transaction.

    It is repeated if another writer was faster, and with more care if an event fails. Returns the shards that were
    locked, how many events were applied, and whether nothing else is known to be due.
    """
    overtaken, is_careful = 0, False
    # What is written elsewhere stays, and is written again with the events: that does no harm. A transaction of the
    # host is its own affair.
    is_elsewhere = not any(projector.is_transactional for projector in projectors)
    may_be_undone = is_elsewhere and connections[using].get_autocommit()
    while True:
        try:
            with without_metadata(), transaction.atomic(using=using):
                # Only a caller that has just queued something waits: then something is due.
                if wait and not (is_careful or is_fan_out(queue)):
                    in_data = _resources_in_data(projectors)
                    if taken := take_out(queue, numbers, in_data, using, may_be_undone=may_be_undone):
                        events, is_all = taken
                        if in_data is None:
                            lock(_resources(events, projectors), using)
                        _apply_together(queue, events, projectors, using)
                        return numbers, len(events), is_all
                held = lock_shards(queue, numbers, using, wait=wait)
                if not held:
                    return held, 0, False
                if is_fan_out(queue):
                    steps = Pauses(projectors) if has_pauses(queue) else projectors[0]
                    return held, _advance_fan_out(queue, held, steps, using), False
                events, is_all = due(queue, held, using)
                return held, _apply(queue, events, projectors, using, is_careful=is_careful), is_all
        except StaleWriter:
            overtaken += 1
            if overtaken == MAX_ATTEMPTS:
                raise
        except INFRASTRUCTURE:
            raise
        except Exception:  # of an event; savepoints find out which one
            if is_careful:
                raise
            is_careful = True


def _apply(queue: str, batch: Sequence[Event], projectors: Sequence[Projector], using: str, *, is_careful: bool) -> int:
    """Apply a batch of events; with care, those that fail are noted. Returns how many were applied."""
    if not batch:
        return 0
    keys: set[ResourceKey] = set()
    failed: set[UUID] = set()
    for event in batch:
        try:
            keys.update(key for projector in projectors for key in projector.resources(event))
        except Exception as error:
            if not is_careful:
                raise
            if event.stream not in failed:
                failed.add(event.stream)
                _note_failure(QueuedEvent.objects.using(using).get(queue=queue, event_id=event.pk), event, error, using)
    lock(keys, using)
    if is_careful:
        rest = [event for event in batch if event.stream not in failed]
        return _bisect(queue, rest, projectors, using)[0] if rest else 0
    _apply_together(queue, batch, projectors, using)
    done(queue, batch, using)
    return len(batch)


def _resources(batch: Sequence[Event], projectors: Sequence[Projector]) -> set[ResourceKey]:
    return {key for event in batch for projector in projectors for key in projector.resources(event)}


def _resources_in_data(projectors: Sequence[Projector]) -> Collection[tuple[str, str]] | None:
    """`Projector.resources_in_data` of all projectors. None if one of them locks what the database does not know of."""
    if any(type(projector).resources is not Projector.resources for projector in projectors):
        return None
    return {place for projector in projectors for place in projector.resources_in_data.items()}


def _bisect(queue: str, batch: Sequence[Event], projectors: Sequence[Projector], using: str) -> tuple[int, set[UUID]]:
    """Apply events together, or in halves if that fails. Returns how many were applied, and the streams that have
    stopped at an event that fails."""
    try:
        with transaction.atomic(using=using):
            _apply_together(queue, batch, projectors, using)
            done(queue, batch, using)
    except INFRASTRUCTURE:
        raise
    except Exception as error:  # noqa: BLE001  # whatever an event does to a projector
        if len(batch) == 1:
            waiting = QueuedEvent.objects.using(using)
            _note_failure(waiting.get(queue=queue, event_id=batch[0].pk), batch[0], error, using)
            return 0, {batch[0].stream}
    else:
        return len(batch), set()
    half = len(batch) // 2
    applied, failed = _bisect(queue, batch[:half], projectors, using)
    if rest := [event for event in batch[half:] if event.stream not in failed]:
        more, also_failed = _bisect(queue, rest, projectors, using)
        return applied + more, failed | also_failed
    return applied, failed


@instrumentation.applications
def _apply_together(queue: str, batch: Sequence[Event], projectors: Sequence[Projector], using: str) -> None:
    """Apply events."""
    with ExitStack() as applying:
        for projector in projectors:
            applying.enter_context(projector.applying())
        for projector in projectors:
            projector.apply(batch, using=using)
    if is_checkpoint(event.pk for event in batch):
        for projector in projectors:
            if projector.may_come_back_older:
                after_commit(_checkpoint(projector, using), using)


def _checkpoint(projector: Projector, using: str) -> Callable[[], None]:
    # Not a partial: Django asks for the name of a callback that fails.
    def make_checkpoint() -> None:
        with suppress(BackendException):  # has been logged; the next one will do
            projector.checkpoint(using)

    return make_checkpoint


def _advance_fan_out(queue: str, shards: Collection[int], steps: Projector | Pauses, using: str) -> int:
    """Take a step of the fan-out in these shards that has reached the fewest; returns 1 if it was the last, else 0."""
    waiting = QueuedEvent.objects.using(using).filter(queue=queue)
    due = waiting.filter(shard__in=shards).due().order_by("reached", "event_id")
    if (queued := due.select_related("event").first()) is None:
        return 0
    try:
        lock(steps.fan_out_resources(queued.event, queued.cursor, using=using), using)
        # It may have been cancelled before the lock was held.
        if not waiting.filter(event_id=queued.event_id).exists():
            return 0
        chunk = _reach_some(queued, steps, using)
    except INFRASTRUCTURE:
        raise
    except Exception as error:  # noqa: BLE001  # whatever an event does to a projector
        _note_failure(queued, queued.event, error, using)
        return 0
    return int(chunk.cursor is None)


@instrumentation.fan_outs
def _reach_some(queued: QueuedEvent, steps: Projector | Pauses, using: str) -> Chunk:
    """Bring an event to some more followers, and remove it from the queue after the last of them."""
    with transaction.atomic(using=using), caused_by(queued.event):
        chunk = steps.fan_out(queued.event, queued.cursor, using=using)
    waiting = QueuedEvent.objects.using(using).filter(queue=queued.queue, event_id=queued.event_id)
    if chunk.cursor is None:
        waiting.delete()
        keep(queued.queue, [queued.event_id], using)
    else:
        reached = queued.reached + chunk.reached
        waiting.update(cursor=chunk.cursor, reached=reached, attempts=0, error="")
    return chunk


def park(queue: str, event: Event, error: Exception, using: str, *, others_wait: bool) -> None:
    """Leave an event that a rebuild cannot apply to an operator, as one that has failed too often; with `others_wait`,
    the later ones of its stream wait behind it. 4 statements, and as many for each that waits.

    The other columns of a damaged row may be unreadable: only the stream and the resources of `event` are asked for.
    """
    log, rows = Event.objects.using(using), QueuedEvent.objects.using(using)
    place = {"shard": shard_of(queue, event), "stream": event.stream}
    queued, _ = rows.update_or_create(queue=queue, event_id=event.pk, defaults={**place, "attempts": MAX_ATTEMPTS - 1})
    _note_failure(queued, event, error, using)
    if others_wait:
        for later in log.filter(stream=event.stream, pk__gt=event.pk).values_list("pk", flat=True):
            rows.get_or_create(queue=queue, event_id=later, defaults=place)


@instrumentation.failures
def _note_failure(queued: QueuedEvent, event: Event, error: Exception, using: str) -> None:
    now = timezone.now()
    queued.attempts += 1
    queued.error = storable(f"{type(error).__name__}: {error}")
    queued.traceback = storable("".join(traceback.format_exception(error)))
    if queued.attempts < MAX_ATTEMPTS:
        queued.retry_at = now + timedelta(seconds=2**queued.attempts)
    else:
        queued.retry_at, queued.parked_at = None, now
    queued.save(using=using, update_fields=["attempts", "retry_at", "parked_at", "error", "traceback"])
