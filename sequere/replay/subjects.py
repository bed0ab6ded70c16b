"""Rebuilding a projector that is not level-triggered: it forgets some subjects, and applies their events again."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from typing import Any, cast

from django.db.models import Exists, OuterRef

from sequere.base import ResourceKey
from sequere.log.locks import KEY, Resource, lock
from sequere.log.models import Event
from sequere.log.recording import replaying
from sequere.outbox.drain import forget, hold
from sequere.outbox.models import QueuedEvent
from sequere.outbox.queues import names_in, queues_of
from sequere.projections.projector import Projector
from sequere.projections.reconciler import Comparison, Plan, Reconciler, RowKeys


def _keys(rows: Iterable[Sequence[Any]], using: str) -> list[ResourceKey]:
    return [ResourceKey(*row) for row in rows]


#: All subjects there may be.
SUBJECT_KEYS = RowKeys(Resource.objects.using, _keys, columns=KEY, size=100)


class Reapplication(Comparison):
    """Forgets subjects and applies their events again, instead of comparing."""

    def __init__(self, name: str, projector: Projector) -> None:
        self._name = name
        self._projector = projector

    def apply_again(self, keys: Sequence[ResourceKey], using: str) -> None:
        """Called in a transaction, since nobody else may apply anything meanwhile."""
        queue, *fan_outs = queues_of(self._name)
        for one in (queue, *fan_outs):
            hold(one, using)
        lock(keys, using)
        self._projector.reset(keys, using=using)
        for one in fan_outs:  # they begin again
            forget(one, keys, using)
        events = Event.objects.using(using).about(keys).order_by("id")
        if is_shared := names_in(queue) != [self._name]:
            # Others have yet to apply what is pending, and this projection applies it then.
            pending = QueuedEvent.objects.using(using).filter(queue=queue, event_id=OuterRef("pk"))
            events = events.filter(~Exists(pending))
        in_order = cast("Generator[Event]", events.iterator(chunk_size=2000))
        # Closed before a rollback: PostgreSQL would not know its cursor any more, and abort the next transaction.
        with replaying(), closing(in_order):
            self._projector.apply(in_order, using=using)
        if not is_shared:
            forget(queue, keys, using)


def subject_plan(name: str, projector: Projector) -> Plan:
    """The plan of a rebuild of such a projection."""
    return Plan([Reconciler(name, SUBJECT_KEYS, Reapplication(name, projector))])
