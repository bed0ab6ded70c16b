"""The tables of the outbox: the events that wait, the shards that they wait in, and what was applied lately."""

from collections.abc import Iterable

from django.db import connections, models
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.sql.conditions import among
from sequere.sql.statements import statement

#: The condition that a queued event can be applied now, by the time of now.
IS_DUE = statement(__package__, "is_due")


class QueuedEventQuerySet(models.QuerySet["QueuedEvent"]):
    def due(self) -> "QueuedEventQuerySet":
        """Without the failed events that must not be retried yet, and those that wait behind them."""
        now = connections[self.db].ops.adapt_datetimefield_value(timezone.now())
        # The ORM would take as long to build it as the rest of a drain takes.
        condition = RawSQL(IS_DUE, [now], output_field=models.BooleanField())  # noqa: S611  # our names
        return self.filter(condition)

    def about(self, resources: Iterable[ResourceKey]) -> "QueuedEventQuerySet":
        keys = list(resources)
        return self.filter(among(keys, "event__actor_") | among(keys, "event__target_"))

    def failed(self) -> "QueuedEventQuerySet":
        """The events that wait for another attempt, or for an operator."""
        return self.filter(attempts__gt=0)


class QueuedEvent(models.Model):
    """An event that waits in a queue: for the built-in projections together, or for a projection of the host."""

    pk = models.CompositePrimaryKey("queue", "event_id")
    queue = models.CharField(_("projection"), max_length=100)
    event = models.ForeignKey(Event, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    shard = models.PositiveSmallIntegerField()
    stream = models.UUIDField()
    #: Of a fan-out: where its next step begins, and how many followers it has reached.
    cursor = models.JSONField(null=True)
    reached = models.PositiveIntegerField(_("reached"), db_default=0)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    retry_at = models.DateTimeField(_("next attempt"), null=True)
    parked_at = models.DateTimeField(_("parked at"), null=True)
    error = models.TextField(_("error"), blank=True)
    traceback = models.TextField(_("traceback"), blank=True)

    objects = QueuedEventQuerySet.as_manager()

    class Meta:
        app_label = "sequere"
        verbose_name = _("queued event")
        verbose_name_plural = _("queued events")
        default_permissions = ()
        indexes = (
            models.Index(fields=["queue", "shard", "event"], name="sequere_queue_shard"),
            models.Index(
                fields=["queue", "stream", "event"],
                name="sequere_queue_failed",
                condition=models.Q(attempts__gt=0),
            ),
        )

    def __str__(self) -> str:
        return f"event {self.event_id} for {self.queue}"


class KeptEvents(models.Model):
    """Events that a projection has applied, kept for a while: its server may come back with an older state."""

    id = models.BigAutoField(primary_key=True)
    projection = models.CharField(max_length=100)
    #: Ranges of ids, each as [first, last]. A few others may be in there.
    ranges = models.JSONField()
    number = models.PositiveIntegerField()
    #: A server with at least this token has them. None if nobody has made sure yet.
    token = models.BigIntegerField(null=True)

    class Meta:
        app_label = "sequere"
        indexes = (models.Index(fields=["projection", "token"], name="sequere_kept"),)

    def __str__(self) -> str:
        return f"{self.number} events of {self.projection}"


class Shard(models.Model):
    """A part of a queue. The row carries nothing else: a process that drains the shard holds its lock."""

    pk = models.CompositePrimaryKey("queue", "number")
    queue = models.CharField(max_length=100)
    number = models.PositiveSmallIntegerField()

    class Meta:
        app_label = "sequere"

    def __str__(self) -> str:
        return f"{self.queue} {self.number}"
