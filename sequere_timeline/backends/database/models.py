"""The tables of the read model: the actions, who sees each and why, and what the owners have read."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from sequere.base import ResourceKey
from sequere.log.validation import VERB_MAX_LENGTH
from sequere.registry import IDENTIFIER_MAX_LENGTH, OBJECT_ID_MAX_LENGTH


class SavedAction(models.Model):
    """A live action. If it is published, it is in the public timeline of its actor."""

    id = models.BigIntegerField(primary_key=True, help_text=_("The event that saved it first."))
    uid = models.UUIDField(unique=True)
    actor_identifier = models.CharField(max_length=IDENTIFIER_MAX_LENGTH)
    actor_object_id = models.CharField(max_length=OBJECT_ID_MAX_LENGTH)
    verb = models.CharField(max_length=VERB_MAX_LENGTH)
    target_identifier = models.CharField(max_length=IDENTIFIER_MAX_LENGTH, blank=True)
    target_object_id = models.CharField(max_length=OBJECT_ID_MAX_LENGTH, blank=True)
    target_deleted = models.BooleanField(default=False)
    date = models.DateTimeField()
    kwargs = models.JSONField(default=dict)
    published_event_id = models.BigIntegerField(
        null=True, help_text=_("The event that saved it in the timeline of its actor.")
    )

    class Meta:
        app_label = "sequere_timeline_database"
        indexes = (
            models.Index(
                fields=["actor_identifier", "actor_object_id", "date", "id"],
                name="sequere_action_public",
                condition=models.Q(published_event_id__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.actor} {self.verb}"

    @property
    def actor(self) -> ResourceKey:
        return ResourceKey(self.actor_identifier, self.actor_object_id)

    @property
    def target(self) -> ResourceKey | None:
        return ResourceKey(self.target_identifier, self.target_object_id) if self.target_identifier else None


class Entry(models.Model):
    """An action in a private timeline. It is small: everything else is in the action."""

    pk = models.CompositePrimaryKey("action_id", "owner_identifier", "owner_object_id")
    action = models.ForeignKey(SavedAction, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    owner_identifier = models.CharField(max_length=IDENTIFIER_MAX_LENGTH)
    owner_object_id = models.CharField(max_length=OBJECT_ID_MAX_LENGTH)
    date = models.DateTimeField()
    reasons = models.PositiveSmallIntegerField()

    class Meta:
        app_label = "sequere_timeline_database"
        indexes = (
            models.Index(
                fields=["owner_identifier", "owner_object_id", "date", "action"], name="sequere_entry_private"
            ),
            # Few entries need no follow, while one action may have a million entries.
            models.Index(fields=["action"], name="sequere_entry_direct", condition=~models.Q(reasons=4)),
        )
        constraints = (
            # At least one reason, and no unknown one.
            models.CheckConstraint(condition=models.Q(reasons__range=(1, 7)), name="sequere_entry_reasons"),
        )

    def __str__(self) -> str:
        return f"{self.owner} sees {self.action_id}"

    @property
    def owner(self) -> ResourceKey:
        return ResourceKey(self.owner_identifier, self.owner_object_id)


class TimelineState(models.Model):
    """Until when an owner has read, and where a timeline with a cap begins."""

    pk = models.CompositePrimaryKey("owner_identifier", "owner_object_id")
    owner_identifier = models.CharField(max_length=IDENTIFIER_MAX_LENGTH)
    owner_object_id = models.CharField(max_length=OBJECT_ID_MAX_LENGTH)
    read_at = models.DateTimeField(null=True)
    #: The date and action of the oldest entry when the timeline was last trimmed: nothing older is shown or added.
    floor_date = models.DateTimeField(null=True)
    floor_action_id = models.BigIntegerField(null=True)

    class Meta:
        app_label = "sequere_timeline_database"

    def __str__(self) -> str:
        return f"{self.owner_identifier}:{self.owner_object_id}"
