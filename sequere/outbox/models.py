"""The tables of the outbox: the events that wait, and the shards that they wait in."""

from collections.abc import Iterable

from django.db import connections, models
from django.db.models.expressions import RawSQL
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.log.recording import Intent
from sequere.log.streams import stream_of
from sequere.sql.conditions import among

#: The name under which the projections of our own are queued. They are applied together, in their order, so that the
#: timelines never run ahead of the follows.
BUILT_IN = "built-in"

#: The name under which fan-outs are queued.
FAN_OUT = "fan-out"

#: Of an event that waits: neither it nor one before it in its stream has failed and is not to be tried yet. The
#: parameter is the time of now.
IS_DUE = """NOT EXISTS (
    SELECT 1 FROM sequere_queuedevent failed
    WHERE failed.attempts > 0 AND (failed.parked_at IS NOT NULL OR failed.retry_at > %s)
    AND failed.pipeline = sequere_queuedevent.pipeline AND failed.stream = sequere_queuedevent.stream
    AND failed.event_id <= sequere_queuedevent.event_id
)"""


class QueuedEventQuerySet(models.QuerySet["QueuedEvent"]):
    def due(self) -> "QueuedEventQuerySet":
        """Without the events that have failed and are not to be tried yet, and those that wait behind them."""
        now = connections[self.db].ops.adapt_datetimefield_value(timezone.now())
        # Built by the ORM, it would take as long as all else in a drain.
        condition = RawSQL(IS_DUE, [now], output_field=models.BooleanField())  # noqa: S611  # our names
        return self.filter(condition)

    def about(self, resources: Iterable[ResourceKey]) -> "QueuedEventQuerySet":
        keys = list(resources)
        return self.filter(among(keys, "event__actor_") | among(keys, "event__target_"))

    def failed(self) -> "QueuedEventQuerySet":
        """The events that wait for another attempt, or for an operator."""
        return self.filter(attempts__gt=0)


class QueuedEvent(models.Model):
    """An event that waits for a pipeline: for the built-in projections together, or for one of the host."""

    pk = models.CompositePrimaryKey("pipeline", "event_id")
    pipeline = models.CharField(_("projection"), max_length=100)
    event = models.ForeignKey(Event, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    shard = models.PositiveSmallIntegerField()
    stream = models.UUIDField()
    #: Of a fan-out: where it has come to, and how many followers it has reached.
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
            models.Index(fields=["pipeline", "shard", "event"], name="sequere_queue_shard"),
            models.Index(
                fields=["pipeline", "stream", "event"],
                name="sequere_queue_failed",
                condition=models.Q(attempts__gt=0),
            ),
        )

    def __str__(self) -> str:
        return f"event {self.event_id} for {self.pipeline}"

    def trace(self, type_: str) -> Intent:
        """What the log keeps of an operator's decision about this event."""
        return Intent(
            type=type_,
            stream=stream_of("queued", ResourceKey(self.pipeline, str(self.event_id))),
            actor=self.event.actor,
            target=self.event.target,
            decide=lambda last, latest: {
                "event": self.event_id,
                "projection": self.pipeline,
                "attempts": self.attempts,
                "error": self.error,
            },
        )


class Shard(models.Model):
    """A part of a pipeline. The row says nothing: who drains the part holds its lock."""

    pk = models.CompositePrimaryKey("pipeline", "number")
    pipeline = models.CharField(max_length=100)
    number = models.PositiveSmallIntegerField()

    class Meta:
        app_label = "sequere"

    def __str__(self) -> str:
        return f"{self.pipeline} {self.number}"
