"""The signals of Sequere."""

from django.dispatch import Signal

#: Inside the transaction that recorded them, once per batch: sender=Event, events (a tuple of Event, in log
#: order), using (the database alias). An exception raised here undoes the whole transaction.
events_recorded = Signal()

#: After commit, when events wait that the workers of Celery shall apply: sender=QueuedEvent, pipeline (its name),
#: shards (a set of numbers), using. A hint: who misses it loses nothing. It tells of the first one that waits in a
#: shard, not of each.
events_queued = Signal()

#: When rebuilds are left to the workers of Celery: sender=Rebuild, rebuild_ids (a list, in the order in which they are
#: to be done), using.
rebuilds_left = Signal()

#: After commit, once per follow(): sender=Event, from_instance, to_instance, event. Not sent by follow_many(),
#: by the deletion of an instance, or by a replay.
followed = Signal()

#: After commit, once per unfollow(): the arguments and the exceptions of `followed`.
unfollowed = Signal()
