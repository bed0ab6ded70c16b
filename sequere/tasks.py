"""What the workers of Celery are asked to do. A task is a hint: what there is to do stands in the database."""

from contextlib import suppress

from celery import shared_task
from django.db import router

from sequere.exceptions import BackendUnavailable
from sequere.log.models import Event
from sequere.outbox.drain import TURN, sweep_queues
from sequere.outbox.drain import drain as drain_queue
from sequere.replay.handover import sweep_rebuilds, take_turn


@shared_task(name="sequere.drain", ignore_result=True)
def drain(pipeline: str, shard: int) -> None:
    """Apply what waits in a shard; what is left after a while, somebody is told of again."""
    with suppress(BackendUnavailable):  # which the log was told about; the events wait, and the sweep finds them
        drain_queue(pipeline, {shard}, using=router.db_for_write(Event), seconds=TURN)


@shared_task(name="sequere.sweep", ignore_result=True)
def sweep() -> None:
    """Find what waits although nobody is told of it, or who was told has died. To be called every ten seconds."""
    using = router.db_for_write(Event)
    sweep_queues(using)
    sweep_rebuilds(using)


@shared_task(name="sequere.rebuild", ignore_result=True)
def rebuild(*rebuild_ids: int) -> None:
    """Take batches of rebuilds, one rebuild after the other; what is left after a while, somebody is told of again."""
    with suppress(BackendUnavailable):  # the same goes for the rebuilds
        take_turn(rebuild_ids, seconds=TURN)
