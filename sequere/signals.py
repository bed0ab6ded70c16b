"""The signals of Sequere."""

from importlib import import_module

from django.dispatch import Signal

from sequere.event_types import event_types

#: Inside the transaction, once for each batch of recorded events: sender=Event, events (a sequence of Event, in the
#: order of the log), using (the database alias), applied (the names of the projections that the database has applied
#: them to already). An exception raised here rolls back the whole transaction.
events_recorded = Signal()
#: The name of our own receiver of it (`receivers.project`).
PROJECT = "sequere.project"

#: After the commit, once per batch: sender=Event, events (a sequence of Event, in log order), using. Sent for every
#: event, those of imports and deletions included. An exception raised here is logged.
events_committed = Signal()

#: After the commit, when events are pending for the Celery workers: sender=QueuedEvent, queue (its name), shards (a set
#: of numbers), using. Only a hint: nothing is lost if it is missed. Sent for the first pending event of a shard, not
#: for each of them.
events_queued = Signal()

#: After the commit of each batch of events that a queue has applied (`built-in`, or a projection of the host):
#: sender=QueuedEvent, queue, events (a tuple of Event, in the order of the log), seconds (that the batch took, without
#: the commit), lag (seconds since the oldest of them was recorded), using. Not sent for inline projections, which apply
#: events when they are recorded.
events_projected = Signal()

#: When an event has failed, after the commit that notes it: sender=QueuedEvent, queue, event, error (the exception),
#: attempts, is_parked (only an operator can retry it), using.
projection_failed = Signal()

#: After the commit of each step of a fan-out; most fan-outs have one: sender=QueuedEvent, event_id (of the event that
#: published or deleted the action), followers (reached by this step), reached (by all steps), is_finished, seconds
#: (that this step took, without the commit), using.
fan_out_advanced = Signal()

#: When rebuilds are handed to the Celery workers, and when the sweep hands them over again: sender=Rebuild, rebuild_ids
#: (a list, in the order in which they must run), using.
rebuilds_left = Signal()

#: After the commit, once for each suspend(): sender=Event, instance, event. Not sent by a replay.
suspended = Signal()
#: The same for resume(). Not sent by the deletion of an instance, which ends a suspension.
resumed = Signal()


def __getattr__(name: str) -> Signal:
    """The signal of a type of events that begin or end relations, by its name: `followed`, `muted` and the like.

    After the commit, once for each event of a verb about one relation, as the type says: sender=Event, from_instance,
    to_instance, event, which has the scope.
    """
    signals = _of_relations()
    if name not in signals:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return signals[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *_of_relations()})


def _of_relations() -> dict[str, Signal]:
    import_module("sequere.relations.types")  # they may be asked for before the models are there
    signals = {one.name: getattr(one, "signal", None) for one in event_types if one.internal}
    return {name: signal for name, signal in signals.items() if signal is not None}
