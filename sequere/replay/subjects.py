"""Rebuilding a projector that is not level-triggered: it forgets some subjects, and applies their events again."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from typing import Any, cast

from django.db import models, transaction
from django.db.models import Exists, OuterRef

from sequere.base import ResourceKey
from sequere.exceptions import RecordingInReplay
from sequere.log.locks import KEY, Resource, lock
from sequere.log.models import Event
from sequere.log.recording import replaying
from sequere.outbox.drain import INFRASTRUCTURE, forget, hold
from sequere.outbox.models import QueuedEvent
from sequere.outbox.queues import fan_out_queue_of, names_in, queue_of, queues_of
from sequere.projections.projector import Projector
from sequere.projections.reconciler import Comparison, Plan, Reconciler, RowKeys


def _keys(rows: Iterable[Sequence[Any]], using: str) -> list[ResourceKey]:
    return [ResourceKey(*row) for row in rows]


#: All subjects there may be.
SUBJECT_KEYS = RowKeys(Resource.objects.using, _keys, columns=KEY, size=100)


class Reapplication(Comparison):
    """Forgets subjects and applies their events again, instead of comparing."""

    compares = False

    def __init__(self, name: str, projector: Projector) -> None:
        self._name = name
        self._projector = projector

    def apply_again(self, keys: Sequence[ResourceKey], using: str) -> None:
        """Called in a transaction, since nobody else may apply anything meanwhile."""
        in_order = cast("Generator[Event]", self._forgotten(keys, using).iterator(chunk_size=2000))
        # Closed before a rollback: PostgreSQL would not know its cursor any more, and abort the next transaction.
        with replaying(), closing(in_order):
            self._projector.apply(in_order, using=using)
        self._done(keys, using)

    def apply_each(self, keys: Sequence[ResourceKey], using: str) -> dict[Event, Exception]:
        """The same, event by event; returns those that fail. What is behind one in its stream is not applied."""
        failed: dict[Event, Exception] = {}
        for event in self._forgotten(keys, using):
            if event.stream in {one.stream for one in failed}:
                continue
            try:
                with replaying(), transaction.atomic(using=using):
                    self._projector.apply([event], using=using)
            except (*INFRASTRUCTURE, RecordingInReplay):
                raise
            except Exception as error:  # noqa: BLE001  # whatever an event does to a projector
                failed[event] = error
        self._done(keys, using)
        return failed

    def _forgotten(self, keys: Sequence[ResourceKey], using: str) -> models.QuerySet[Event]:
        """Forget subjects, while nobody else applies anything; returns their events, in the order of the log."""
        for one in queues_of(self._name):
            hold(one, using)
        lock(keys, using)
        self._projector.reset(keys, using=using)
        if self._projector.fans_out:
            forget(fan_out_queue_of(self._name), keys, using)  # they begin again
        events = Event.objects.using(using).about(keys).order_by("id")
        if not self._is_shared:
            return events
        # Others have yet to apply what is pending, and this projection applies it then.
        pending = QueuedEvent.objects.using(using).filter(queue=queue_of(self._name), event_id=OuterRef("pk"))
        return events.filter(~Exists(pending))

    def _done(self, keys: Sequence[ResourceKey], using: str) -> None:
        if not self._is_shared:
            forget(queue_of(self._name), keys, using)

    @property
    def _is_shared(self) -> bool:
        return names_in(queue_of(self._name)) != [self._name]


def subject_plan(name: str, projector: Projector) -> Plan:
    """The plan of a rebuild of such a projection."""
    return Plan([Reconciler(name, SUBJECT_KEYS, Reapplication(name, projector))])
