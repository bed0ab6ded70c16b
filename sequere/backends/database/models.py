"""The tables of the read model: one row for each live relation, and the counts.

They know resources by their uids, kinds by the numbers of identifiers, and a graph by its number.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _


class LiveRelation(models.Model):
    """A live relation of a graph: from one resource to another one."""

    pk = models.CompositePrimaryKey("graph", "from_uid", "to_uid")
    # The three small ones fill one word of a row.
    graph = models.SmallIntegerField(_("graph"))
    from_kind = models.SmallIntegerField()
    to_kind = models.SmallIntegerField()
    from_uid = models.BigIntegerField(_("from"))
    to_uid = models.BigIntegerField(_("to"))
    since = models.DateTimeField(_("since"))
    event_id = models.BigIntegerField(_("event"))
    mutual_since = models.DateTimeField(
        _("mutual since"), null=True, help_text=_("When the later one of two opposite relations began.")
    )

    class Meta:
        app_label = "sequere_database"
        db_table = "sequere_database_relation"
        indexes = (
            # Each ends with what decides between equal times, so that a page is read from the index alone.
            models.Index(fields=["graph", "to_uid", "since", "from_uid"], name="sequere_relation_to"),
            models.Index(fields=["graph", "from_uid", "since", "to_uid"], name="sequere_relation_from"),
            models.Index(
                fields=["graph", "from_uid", "mutual_since", "to_uid"],
                name="sequere_relation_mutual",
                condition=models.Q(mutual_since__isnull=False),
            ),
        )
        constraints = (
            models.CheckConstraint(condition=~models.Q(from_uid=models.F("to_uid")), name="sequere_relation_not_self"),
        )

    def __str__(self) -> str:
        return f"{self.from_uid} → {self.to_uid} in graph {self.graph}"


class RelationCount(models.Model):
    """How many relations of a graph with resources of a kind a resource has: those to it, those from it, and both."""

    pk = models.CompositePrimaryKey("graph", "uid", "kind")
    graph = models.SmallIntegerField()
    kind = models.SmallIntegerField()
    uid = models.BigIntegerField()
    # Not PositiveBigIntegerField: its CHECK would refuse the difference that an upsert adds.
    incoming = models.BigIntegerField(default=0)
    outgoing = models.BigIntegerField(default=0)
    mutual = models.BigIntegerField(default=0)

    class Meta:
        app_label = "sequere_database"
        db_table = "sequere_database_count"

    def __str__(self) -> str:
        return f"{self.uid} and kind {self.kind} in graph {self.graph}"
