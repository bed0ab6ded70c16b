"""The signals of Sequere."""

from django.dispatch import Signal

#: Inside the transaction, once for each batch of recorded events: sender=Event, events (a sequence of Event, in the
#: order of the log), using (the database alias), applied (the names of the projections that the database has applied
#: them to already). An exception raised here rolls back the whole transaction.
events_recorded = Signal()

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

#: After the commit, once for each follow(): sender=Event, from_instance, to_instance, event, which has the scope. Not
#: sent by follow_many(), by the deletion of an instance, or by a replay.
followed = Signal()

#: After the commit, once for each unfollow(), and for each follow that a block() ends; otherwise like `followed`.
unfollowed = Signal()

#: After the commit, once for each follow() that has to wait for an accept(), instead of `followed`; otherwise like it.
follow_requested = Signal()
#: After the commit, once for each request that was accepted, denied or cancelled, or that a follow() or a block() has
#: closed: the data of the event have the `cause`. Otherwise like `followed`; its ends are those of the request.
request_closed = Signal()

#: After the commit, once for each block(); otherwise like `followed`.
blocked = Signal()
#: The same for unblock().
unblocked = Signal()

#: After the commit, once for each mute(); otherwise like `followed`.
muted = Signal()
#: The same for unmute(), and for each mute that another one replaces.
unmuted = Signal()
