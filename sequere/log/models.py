"""The log: one immutable row for each event."""

from collections.abc import Iterable
from contextvars import ContextVar
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.lookups import Exact, IsNull
from django.db.models.query_utils import DeferredAttribute
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from sequere.base import ResourceKey
from sequere.event_types import EVENT_TYPE_MAX_LENGTH, TARGET, EventType, event_types
from sequere.exceptions import ImmutableEvent
from sequere.log.columns import OptionalObject, OptionalText
from sequere.log.validation import SCOPE_MAX_LENGTH, point_in_time
from sequere.registry import IDENTIFIER_MAX_LENGTH, OBJECT_ID_MAX_LENGTH
from sequere.sql.conditions import among
from sequere.sql.dialects import dialect
from sequere.texts import is_storable


class CorrelationId(models.Func):
    """The correlation id in the metadata, or NULL; cut at 200 characters, which fit into an index.

    It has no parameters: with them, SQLite would not recognize the expression of the index.
    """

    output_field = models.TextField()
    LENGTH = 200

    def __init__(self) -> None:
        super().__init__("metadata")

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper, *args: Any, **kwargs: Any) -> tuple[str, Any]:
        template = dialect(connection).json_text("%(expressions)s", "correlation_id", self.LENGTH)
        return super().as_sql(compiler, connection, template=template)


def is_correlated(correlation_id: str) -> models.Q:
    """The condition that an event has this correlation id."""
    return models.Q(Exact(CorrelationId(), correlation_id[: CorrelationId.LENGTH]))


class EventQuerySet(models.QuerySet["Event"]):
    """The queryset of `Event.objects`. It only reads: `update()` and `delete()` raise ImmutableEvent."""

    def current(self) -> "EventQuerySet":
        """Only events that are the last of their stream."""
        later = Event.objects.using(self.db).filter(
            stream=models.OuterRef("stream"), version__gt=models.OuterRef("version")
        )
        return self.filter(~models.Exists(later))

    def about(self, subjects: Iterable[ResourceKey]) -> "EventQuerySet":
        """The events with one of these subjects (`Event.subject`)."""
        concerns_target = models.Q(type__in=event_types.concerning_targets()) & models.Q(
            target_identifier__isnull=False
        )
        keys = list(subjects)
        return self.filter((concerns_target & among(keys, "target_")) | (~concerns_target & among(keys, "actor_")))

    def of_stream(self, stream: UUID) -> "EventQuerySet":
        """The history of one thing, oldest event first."""
        if not isinstance(stream, UUID | str):
            raise TypeError(f"A stream is a UUID, not a {type(stream).__name__}.")
        return self.filter(stream=stream).order_by("version")

    def of_type(self, *types: "type[EventType] | str") -> "EventQuerySet":
        """The events of these types, which are classes or names."""
        names = (one if isinstance(one, str) else one.name for one in types)
        return self.filter(type__in=filter(is_storable, names))

    def up_to(self, end: "Event | datetime") -> "EventQuerySet":
        """The events with at most the id of an event, or those recorded until a moment.

        A transaction that was open at that moment may have committed later; its events count, too. Raises
        InvalidTimestamp.
        """
        if isinstance(end, Event):
            return self.filter(id__lte=end.pk)
        return self.filter(recorded_at__lte=point_in_time(end))

    def update(self, **kwargs: Any) -> int:
        raise ImmutableEvent(operation="update()")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise ImmutableEvent(operation="delete()")


#: Whether this thread or task copies data from one instance to another: then they are given as they are stored.
_copies: ContextVar[bool] = ContextVar("sequere_copies", default=False)


class _Data(DeferredAttribute):
    """Gives data in the newest version of their type. What is stored is `Event.stored_data`."""

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        if instance is None:
            return self
        stored = instance.__dict__.get("data", self)
        if stored is self:  # deferred
            stored = super().__get__(instance, cls)
        if _copies.get():
            return stored
        event_type = event_types.get(instance.type)
        if event_type is None or instance.schema_version >= event_type.version:
            return stored
        return event_type.upcast(stored, instance.schema_version)

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__["data"] = value


class _DataField(OptionalObject):
    """Data that are read through the upcasters, and stored without them."""

    descriptor_class = _Data

    def pre_save(self, model_instance: Any, add: bool) -> Any:
        return model_instance.stored_data

    def value_from_object(self, obj: Any) -> Any:
        """For `dumpdata`."""
        return obj.stored_data


class Event(models.Model):
    """Something that happened. `record()` appends rows, and the database sees to it that they never change."""

    # The columns of a fixed size first, the widest before the others, so that rows need no padding.
    id = models.BigAutoField(primary_key=True)
    occurred_at = models.DateTimeField(_("occurred at"), help_text=_("When it happened, according to the caller."))
    recorded_at = models.DateTimeField(_("recorded at"), help_text=_("When it was recorded."))
    stream = models.UUIDField(_("stream"), help_text=_("The history this event belongs to."))
    version = models.PositiveIntegerField(_("version"), help_text=_("Its number in the stream, from 1."))
    schema_version = models.PositiveSmallIntegerField(_("schema version"), default=1)
    type = models.CharField(_("type"), max_length=EVENT_TYPE_MAX_LENGTH)
    actor_identifier = models.CharField(_("actor"), max_length=IDENTIFIER_MAX_LENGTH)
    actor_object_id = models.CharField(_("actor's key"), max_length=OBJECT_ID_MAX_LENGTH)
    target_identifier = OptionalText(_("target"), max_length=IDENTIFIER_MAX_LENGTH)
    target_object_id = models.CharField(_("target's key"), max_length=OBJECT_ID_MAX_LENGTH, blank=True)
    verb = OptionalText(_("verb"), max_length=255)
    scope = OptionalText(_("scope"), max_length=SCOPE_MAX_LENGTH)
    data = _DataField(_("data"))
    metadata = OptionalObject(_("metadata"))
    idempotency_key = models.CharField(  # noqa: DJ001  # unique, so nothing must be NULL
        _("idempotency key"), max_length=255, null=True, blank=True
    )

    objects = EventQuerySet.as_manager()

    class Meta:
        app_label = "sequere"
        verbose_name = _("event")
        verbose_name_plural = _("events")
        default_permissions = ("view",)
        permissions = (
            ("export_event", "Can export events"),
            ("remove_follower_event", "Can remove followers"),
            ("suspend_event", "Can suspend resources"),
        )
        indexes = (
            models.Index(fields=["target_identifier", "target_object_id", "id"], name="sequere_event_target"),
            # A replay goes through the streams of actions; new ones come at the end of the index, so it costs little.
            # Only they have verbs: it does not know the relations, which are found by their actors.
            models.Index(
                fields=["type", "id"],
                condition=models.Q(version=1, verb__isnull=False),
                name="sequere_event_first",
            ),
            models.Index(fields=["actor_identifier", "actor_object_id", "id"], name="sequere_event_actor"),
            # Hardly any event stands in it: who is suspended, or was, is found without a walk through the log.
            models.Index(
                fields=["actor_identifier", "actor_object_id", "id"],
                condition=models.Q(type="suspended"),
                name="sequere_event_suspended",
            ),
            models.Index(
                CorrelationId(),
                "id",
                condition=models.Q(IsNull(CorrelationId(), False)),
                name="sequere_event_correlation",
            ),
        )
        constraints = (
            models.UniqueConstraint(fields=["stream", "version"], name="sequere_event_version"),
            models.UniqueConstraint(
                fields=["idempotency_key"],
                condition=models.Q(idempotency_key__isnull=False),
                name="sequere_event_idempotency",
            ),
            # What any row shows. A verification finds what only others show: gaps, wrong streams, wrong turns.
            models.CheckConstraint(
                condition=models.Q(version__gte=1, schema_version__gte=1), name="sequere_event_numbers"
            ),
            models.CheckConstraint(
                condition=~models.Q(type="") & ~models.Q(actor_identifier="") & ~models.Q(idempotency_key=""),
                name="sequere_event_names",
            ),
            models.CheckConstraint(
                condition=models.Q(target_identifier__isnull=False) | models.Q(target_object_id=""),
                name="sequere_event_no_half_target",
            ),
        )

    def __str__(self) -> str:
        parts = [str(self.actor), self.verb or self.type, str(self.target or ""), self.scope and f"({self.scope})"]
        return " ".join(filter(None, parts))

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise ImmutableEvent(operation="save()")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise ImmutableEvent(operation="delete()")

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        token = _copies.set(True)
        try:
            super().refresh_from_db(*args, **kwargs)
        finally:
            _copies.reset(token)

    @property
    def actor(self) -> ResourceKey:
        return ResourceKey(self.actor_identifier, self.actor_object_id)

    @property
    def target(self) -> ResourceKey | None:
        return ResourceKey(self.target_identifier, self.target_object_id) if self.target_identifier else None

    @property
    def subject(self) -> ResourceKey:
        """The resource that this concerns: the target or the actor, as its type says."""
        event_type = event_types.get(self.type)
        return (event_type and event_type.subject == TARGET and self.target) or self.actor

    @property
    def stored_data(self) -> Any:
        """The data as they were recorded, in the version `schema_version` of their type."""
        if "data" not in vars(self):  # deferred
            self.refresh_from_db(fields=["data"])
        return vars(self)["data"]

    @property
    def age(self) -> float:
        """Seconds since it was recorded; never negative, though the clocks of two machines may differ."""
        return max(0.0, (timezone.now() - self.recorded_at).total_seconds())


#: All columns but the id, which the database hands out.
EVENT_COLUMNS = tuple(field.attname for field in Event._meta.concrete_fields if not field.primary_key)
