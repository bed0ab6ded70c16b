"""The signals of Sequere."""

from django.dispatch import Signal

#: Inside the transaction that recorded them, once per batch: sender=Event, events (a tuple of Event, in log
#: order), using (the database alias). An exception raised here undoes the whole transaction.
events_recorded = Signal()

#: After commit, when events wait that the workers of Celery shall apply: sender=QueuedEvent, pipeline (its name),
#: shards (a set of numbers), using. A hint: who misses it loses nothing. It tells of the first one that waits in a
#: shard, not of each.
events_queued = Signal()

#: After the commit of each batch of events that a pipeline has applied (`built-in`, or a projection of the host):
#: sender=QueuedEvent, pipeline, events (a tuple of Event, in log order), seconds (that it took, without the commit),
#: lag (seconds since the oldest of them was recorded), using. Not sent for projections that are inline: these have
#: applied what is recorded.
events_projected = Signal()

#: After the commit that notes it, when an event has failed: sender=QueuedEvent, pipeline, event, error (the exception),
#: attempts, is_parked (it is not tried again unless an operator says so), using.
projection_failed = Signal()

#: After the commit of each step of a fan-out, most of which have one: sender=QueuedEvent, event_id (of what has
#: published an action, or deleted it), followers (reached by this step), reached (by all of them), is_finished, seconds
#: (that this one took, without the commit), using.
fan_out_advanced = Signal()

#: When rebuilds are left to the workers of Celery, and when the sweep does so once more: sender=Rebuild, rebuild_ids (a
#: list, in the order in which they are to be done), using.
rebuilds_left = Signal()

#: After commit, once per follow(): sender=Event, from_instance, to_instance, event. Not sent by follow_many(),
#: by the deletion of an instance, or by a replay.
followed = Signal()

#: After commit, once per unfollow(): the arguments and the exceptions of `followed`.
unfollowed = Signal()
