"""The tables of the rebuilds: the progress of each, so that it can be resumed, and shared."""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Rebuild(models.Model):
    """The read model of a projection, made what the log says. It is kept for a day, and until the next one begins."""

    id = models.BigAutoField(primary_key=True)
    projection = models.CharField(_("projection"), max_length=100)
    started_at = models.DateTimeField(_("started at"), default=timezone.now)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    #: When it was last left to the Celery workers, if it was, and when the sweep last sent another task for it.
    left_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    #: The names of the reconcilers, in their order, and `Plan.state`.
    passes = models.JSONField(default=list)
    state = models.JSONField(default=dict)
    # When it has ended, the sums of its slices, which are deleted then.
    total = models.BigIntegerField(_("total"), default=0)
    done = models.BigIntegerField(_("done"), default=0)
    wrong = models.BigIntegerField(_("repaired"), default=0)
    failed = models.BigIntegerField(_("left out"), default=0)
    error = models.TextField(_("error"), blank=True)

    class Meta:
        app_label = "sequere"
        verbose_name = _("rebuild")
        verbose_name_plural = _("rebuilds")
        constraints = (
            # Two processes share one.
            models.UniqueConstraint(
                fields=["projection"], condition=models.Q(ended_at__isnull=True), name="sequere_rebuild_one"
            ),
        )

    def __str__(self) -> str:
        return f"rebuild of {self.projection}"


class Slice(models.Model):
    """A part of a pass: the keys behind `after` up to `until`, of which those behind `cursor` are left. A process that
    takes a batch of it holds the row."""

    id = models.BigAutoField(primary_key=True)
    rebuild = models.ForeignKey(Rebuild, on_delete=models.CASCADE, related_name="slices")
    #: The position of the pass in `Rebuild.passes`: a pass begins when those before it have ended.
    stage = models.PositiveSmallIntegerField()
    after = models.JSONField(null=True)
    cursor = models.JSONField(null=True)
    until = models.JSONField(null=True)
    total = models.BigIntegerField(default=0)
    done = models.BigIntegerField(default=0)
    wrong = models.BigIntegerField(default=0)
    #: Keys that could not be compared.
    failed = models.BigIntegerField(default=0)
    seconds = models.FloatField(default=0)
    worked_at = models.DateTimeField(null=True)
    is_done = models.BooleanField(default=False)

    class Meta:
        app_label = "sequere"

    def __str__(self) -> str:
        return f"slice {self.pk} of the {self.rebuild}"
