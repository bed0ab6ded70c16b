"""Suspensions: a resource is out of sight until it is resumed. The log says so, and the row of the resource, which is
changed with the log: code that reads that row anyway need not ask the log."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _

from sequere.base import ResourceKey
from sequere.event_types import EventType, register_event
from sequere.log.locks import KEY, Resource
from sequere.log.models import Event, EventQuerySet
from sequere.log.reading import History
from sequere.log.recording import Intent, record_internal
from sequere.log.streams import internal_stream
from sequere.sql.conditions import among


@register_event
class Suspended(EventType):
    name = "suspended"
    label = _("suspended")
    internal = True
    stream_kind = "suspension"


@register_event
class Resumed(EventType):
    """Its data have the `cause` "deleted" if its resource is gone."""

    name = "resumed"
    label = _("resumed")
    internal = True
    stream_kind = "suspension"


SUSPENDED = Suspended.name
#: The names of the events that suspend and resume. An odd version of their stream suspends.
SUSPENSIONS = (SUSPENDED, Resumed.name)
_CAUSE, _DELETED = "cause", "deleted"


def suspension(key: ResourceKey) -> UUID:
    """The stream of the suspensions of a resource."""
    return internal_stream("suspension", key)


def is_over(history: History) -> bool:
    """Whether a resource with this history is not suspended."""
    return history.last is None or history.last.type != SUSPENDED


def to_suspend(key: ResourceKey, occurred_at: datetime | None = None) -> Intent:
    """The resource should be suspended: recorded unless it is."""
    return _intent(SUSPENDED, key, occurred_at, lambda history: {} if is_over(history) else None)


def to_resume(key: ResourceKey, occurred_at: datetime | None = None) -> Intent:
    """The resource should not be suspended: recorded if it is."""
    return _intent(Resumed.name, key, occurred_at, partial(_unless_over, {}))


def to_end_suspension(key: ResourceKey) -> Intent:
    """The same, since the resource is gone. Another one that gets its key is not suspended."""
    return _intent(Resumed.name, key, None, partial(_unless_over, {_CAUSE: _DELETED}))


def _intent(type_: str, key: ResourceKey, occurred_at: datetime | None, decide: Any) -> Intent:
    return Intent(type=type_, stream=suspension(key), actor=key, occurred_at=occurred_at, decide=decide)


def _unless_over(data: Mapping[str, Any], history: History) -> Mapping[str, Any] | None:
    return None if is_over(history) else data


def record_suspension(key: ResourceKey, moment: datetime | None, using: str, *, suspends: bool) -> Event | None:
    """Record that a locked resource is suspended, or resumed; returns the event if it is news. 1 statement besides
    those of `record()`."""
    store_suspensions([key], using, are_suspended=suspends)
    (outcome,) = record_internal([(to_suspend if suspends else to_resume)(key, moment)])
    return outcome.event


def store_suspensions(keys: Collection[ResourceKey], using: str, *, are_suspended: bool) -> None:
    """Have the rows of locked resources say what the log says, or is about to say: before the projectors hear of it. 1
    statement."""
    rows = Resource.objects.using(using).filter(among(keys), is_suspended=not are_suspended)
    rows.update(is_suspended=are_suspended)


def suspended_among(keys: Iterable[ResourceKey], using: str) -> set[ResourceKey]:
    """Those of some resources that are suspended, as their rows say. 1 query."""
    return {ResourceKey(*key) for key in suspended_rows(using).filter(among(keys)).values_list(*KEY)}


def suspended_rows(using: str) -> "models.QuerySet[Resource]":
    """The rows that say that their resources are suspended."""
    return Resource.objects.using(using).filter(is_suspended=True)


def suspending(using: str) -> EventQuerySet:
    """The events that suspend, also those whose resources have been resumed."""
    return Event.objects.using(using).filter(type=SUSPENDED)


def without_event(rows: "models.QuerySet[Any]", using: str) -> "models.QuerySet[Any]":
    """Those of such rows of which the log does not say it."""
    event = {f"actor_{column}": models.OuterRef(column) for column in KEY}
    return rows.filter(~models.Exists(_in_force(suspending(using)).filter(**event)))


def without_row(events: "models.QuerySet[Any]", using: str) -> "models.QuerySet[Any]":
    """Those of such events that are in force, and whose resources have no row that says it."""
    row = {column: models.OuterRef(f"actor_{column}") for column in KEY}
    return _in_force(events).filter(~models.Exists(suspended_rows(using).filter(**row)))


def _in_force(events: "models.QuerySet[Any]") -> "models.QuerySet[Any]":
    later = Event.objects.filter(stream=models.OuterRef("stream"), version=models.OuterRef("version") + 1)
    return events.filter(~models.Exists(later))


def wrong_suspensions(keys: Collection[ResourceKey], using: str) -> dict[ResourceKey, bool]:
    """Those of some resources whose rows do not say what the log says, and whether they should be suspended. 2
    queries."""
    rows = suspended_among(keys, using)
    of_log = _in_force(suspending(using).filter(among(keys, "actor_")))
    wanted = {ResourceKey(*key) for key in of_log.values_list("actor_identifier", "actor_object_id")}
    return {key: key in wanted for key in sorted(rows ^ wanted)}


def changes_pauses(event: Event) -> bool:
    """Whether relations pause or go on with an event: it suspends or resumes a resource that is still there. Of one
    that is gone, nothing comes back."""
    return event.type in SUSPENSIONS and event.data.get(_CAUSE) != _DELETED
