"""The tasks of the Celery workers. A task is a hint: the outbox in the database decides what there is to do.

On a site with tenants, a task names the one that it works for, and the sweep works for all of them.
"""

import logging
from contextlib import suppress

from celery import shared_task
from django.db import DatabaseError, router

from sequere.exceptions import BackendUnavailable, ReadModelLost
from sequere.log.models import Event
from sequere.outbox.drain import TURN, sweep_queues
from sequere.outbox.drain import drain as drain_queue
from sequere.replay.handover import sweep_rebuilds, take_turn
from sequere.tenants import all_tenants, at_tenant

_logger = logging.getLogger("sequere")


@shared_task(name="sequere.drain", ignore_result=True)
def drain(queue: str, shard: int, tenant: str | None = None) -> None:
    """Apply the pending events of a shard. Another task is sent for what is left after a while."""
    # The error has been logged; the events stay in the queue, and the sweep finds them.
    with at_tenant(tenant), suppress(BackendUnavailable, ReadModelLost):
        drain_queue(queue, {shard}, using=router.db_for_write(Event), seconds=TURN)


@shared_task(name="sequere.sweep", ignore_result=True)
def sweep() -> None:
    """Find pending events and rebuilds whose task or worker was lost. To be called every ten seconds.

    A tenant whose database cannot be asked, such as one that is being made, does not keep the others waiting.
    """
    for tenant in all_tenants():
        try:
            with at_tenant(tenant):
                using = router.db_for_write(Event)
                sweep_queues(using)
                sweep_rebuilds(using)
        except DatabaseError:
            if tenant is None:
                raise
            _logger.exception("The outbox of the tenant %s cannot be swept.", tenant)


@shared_task(name="sequere.rebuild", ignore_result=True)
def rebuild(*rebuild_ids: int, tenant: str | None = None) -> None:
    """Take batches of rebuilds, one rebuild after the other. Another task is sent for what is left after a while."""
    with at_tenant(tenant), suppress(BackendUnavailable):  # as above; the rebuilds can be resumed
        take_turn(rebuild_ids, seconds=TURN)
