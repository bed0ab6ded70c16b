"""Applying a relation right after the commit that has recorded it, without taking its event out of the queue first.

Who drains a queue locks what the events name, and asks the log what it says of it: two statements, a transaction, and
one more round trip to the server of the read model. The process that has recorded a single relation needs none of that.
It knows what the log said under the locks; if nobody has written about the two ends since, that is what the read model
should say, and the server can tell (see `Projector.apply_directly()`). Then one statement takes the event out of the
queue, and notes that it was applied. In any other case the event stays there, and is drained.
"""

import logging
from collections.abc import Sequence
from contextlib import ExitStack

from sequere.exceptions import BackendException
from sequere.log.models import Event
from sequere.outbox import instrumentation
from sequere.outbox.kept import is_checkpoint
from sequere.outbox.queues import projectors_of
from sequere.outbox.shards import settle
from sequere.projections.projector import NewRelation, Projector

_logger = logging.getLogger("sequere")


class NotSettled(Exception):
    """The event is left to a drain."""


def apply_directly(queue: str, shard: int, new: NewRelation, using: str) -> bool:
    """Apply a relation that this process has just recorded; returns whether nothing is left to drain: its event, older
    ones in its shard, and any that were left behind.

    1 statement, and 1 round trip for each server; 1 query more for each if others have applied later events.
    """
    is_all = False

    @instrumentation.applications
    def apply(queue: str, events: Sequence[Event], projectors: Sequence[Projector], using: str) -> None:
        nonlocal is_all
        servers: dict[str, str] = {}
        with ExitStack() as applying:
            # The first ones shall be written first, also on servers of their own: no lock keeps others away in between.
            for projector in reversed(projectors):
                applying.enter_context(projector.applying())
            if not all(projector.apply_directly(new, servers, using=using) for projector in projectors):
                raise NotSettled
        kept = {one.name: servers[one.name] for one in projectors if one.may_come_back_older}
        settled = settle(queue, shard, new.event.pk, kept, using)
        if settled is None:
            raise NotSettled
        is_all = settled

    if is_checkpoint([new.event.pk]):  # made by a drain
        return False
    try:
        apply(queue, [new.event], projectors_of(queue), using)
    except (NotSettled, BackendException):  # a drain finds out what it means
        return False
    except Exception:  # and notes it
        _logger.warning("Event %s for %s is drained, since something has failed.", new.event.pk, queue, exc_info=True)
        return False
    return is_all
