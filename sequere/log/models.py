"""The log: one immutable row for each event."""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.lookups import Exact, IsNull
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from sequere.base import ResourceKey
from sequere.exceptions import ImmutableEvent
from sequere.log.types import FOLLOWED, SCHEMA_VERSION, UNFOLLOWED
from sequere.registry import IDENTIFIER_MAX_LENGTH, OBJECT_ID_MAX_LENGTH
from sequere.sql.conditions import among
from sequere.sql.dialects import dialect

_ODD_VERSION = Exact(models.F("version") % models.Value(2), models.Value(1))


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
        is_relation = models.Q(type__in=[FOLLOWED, UNFOLLOWED])
        keys = list(subjects)
        return self.filter((is_relation & among(keys, "target_")) | (~is_relation & among(keys, "actor_")))

    def update(self, **kwargs: Any) -> int:
        raise ImmutableEvent(operation="update()")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise ImmutableEvent(operation="delete()")


class Event(models.Model):
    """Something that happened. `record()` appends rows, and the database sees to it that they never change."""

    id = models.BigAutoField(primary_key=True)
    type = models.CharField(_("type"), max_length=50)
    stream = models.UUIDField(_("stream"), help_text=_("The history this event belongs to."))
    version = models.PositiveIntegerField(_("version"), help_text=_("Its number in the stream, from 1."))
    actor_identifier = models.CharField(_("actor"), max_length=IDENTIFIER_MAX_LENGTH)
    actor_object_id = models.CharField(_("actor's key"), max_length=OBJECT_ID_MAX_LENGTH)
    target_identifier = models.CharField(_("target"), max_length=IDENTIFIER_MAX_LENGTH, blank=True)
    target_object_id = models.CharField(_("target's key"), max_length=OBJECT_ID_MAX_LENGTH, blank=True)
    verb = models.CharField(_("verb"), max_length=255, blank=True)
    occurred_at = models.DateTimeField(_("occurred at"), help_text=_("When it happened, according to the caller."))
    recorded_at = models.DateTimeField(_("recorded at"), help_text=_("When it was recorded."))
    data = models.JSONField(_("data"), default=dict, blank=True)
    metadata = models.JSONField(_("metadata"), default=dict, blank=True)
    schema_version = models.PositiveSmallIntegerField(_("schema version"), default=SCHEMA_VERSION)
    idempotency_key = models.CharField(  # noqa: DJ001  # unique, so nothing must be NULL
        _("idempotency key"), max_length=255, null=True, blank=True
    )

    objects = EventQuerySet.as_manager()

    class Meta:
        app_label = "sequere"
        verbose_name = _("event")
        verbose_name_plural = _("events")
        default_permissions = ("view",)
        permissions = (("export_event", "Can export events"),)
        indexes = (
            models.Index(fields=["target_identifier", "target_object_id", "id"], name="sequere_event_target"),
            # A replay goes through the streams of a type; new ones come at the end of the index, so it costs little.
            models.Index(fields=["type", "id"], condition=models.Q(version=1), name="sequere_event_first"),
            models.Index(fields=["actor_identifier", "actor_object_id", "id"], name="sequere_event_actor"),
            # Processes that share a pass over relations work at different actors, whose rows they lock.
            models.Index(
                fields=["actor_identifier", "actor_object_id", "id"],
                condition=models.Q(type=FOLLOWED, version=1),
                name="sequere_event_relation",
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
            models.CheckConstraint(
                condition=~models.Q(type=FOLLOWED) | models.Q(_ODD_VERSION),
                name="sequere_event_followed_odd",
            ),
            models.CheckConstraint(
                condition=~models.Q(type=UNFOLLOWED) | ~models.Q(_ODD_VERSION),
                name="sequere_event_unfollowed_even",
            ),
        )

    def __str__(self) -> str:
        return " ".join(filter(None, [str(self.actor), self.verb or self.type, str(self.target or "")]))

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise ImmutableEvent(operation="save()")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        raise ImmutableEvent(operation="delete()")

    @property
    def actor(self) -> ResourceKey:
        return ResourceKey(self.actor_identifier, self.actor_object_id)

    @property
    def target(self) -> ResourceKey | None:
        return ResourceKey(self.target_identifier, self.target_object_id) if self.target_identifier else None

    @property
    def subject(self) -> ResourceKey:
        """The resource whose audience this concerns: the one followed, or the actor of anything else."""
        followed = self.target if self.type in {FOLLOWED, UNFOLLOWED} else None
        return followed or self.actor

    @property
    def age(self) -> float:
        """Seconds since it was recorded; never negative, though the clocks of two machines may differ."""
        return max(0.0, (timezone.now() - self.recorded_at).total_seconds())


#: All columns but the id, which the database hands out.
EVENT_COLUMNS = tuple(field.attname for field in Event._meta.concrete_fields if not field.primary_key)
