"""The tasks of the Celery workers. A task is a hint: the outbox in the database decides what there is to do."""

from contextlib import suppress

from celery import shared_task
from django.db import router

from sequere.exceptions import BackendUnavailable, ReadModelLost
from sequere.log.models import Event
from sequere.outbox.drain import TURN, sweep_queues
from sequere.outbox.drain import drain as drain_queue
from sequere.replay.handover import sweep_rebuilds, take_turn


@shared_task(name="sequere.drain", ignore_result=True)
def drain(queue: str, shard: int) -> None:
    """Apply the pending events of a shard. Another task is sent for what is left after a while."""
    with suppress(
        BackendUnavailable, ReadModelLost
    ):  # has been logged; the events stay in the queue, and the sweep finds them
        drain_queue(queue, {shard}, using=router.db_for_write(Event), seconds=TURN)


@shared_task(name="sequere.sweep", ignore_result=True)
def sweep() -> None:
    """Find pending events and rebuilds whose task or worker was lost. To be called every ten seconds."""
    using = router.db_for_write(Event)
    sweep_queues(using)
    sweep_rebuilds(using)


@shared_task(name="sequere.rebuild", ignore_result=True)
def rebuild(*rebuild_ids: int) -> None:
    """Take batches of rebuilds, one rebuild after the other. Another task is sent for what is left after a while."""
    with suppress(BackendUnavailable):  # as above; the rebuilds can be resumed
        take_turn(rebuild_ids, seconds=TURN)
