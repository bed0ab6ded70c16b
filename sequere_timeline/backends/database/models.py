"""The tables of the read model: the actions, who sees each and why, and what the owners have read.

They know resources by their uids. A feed is the private timeline of a resource, and has its uid.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from sequere.log.columns import OptionalObject
from sequere.log.validation import VERB_MAX_LENGTH


class SavedAction(models.Model):
    """A live action. If it is published, it is in the public timeline of its actor."""

    # The columns of a fixed size first, the widest before the others, so that rows need no padding.
    id = models.BigIntegerField(primary_key=True, help_text=_("The event that saved it first."))
    date = models.DateTimeField()
    actor_uid = models.BigIntegerField()
    target_uid = models.BigIntegerField(null=True)
    published_event_id = models.BigIntegerField(
        null=True, help_text=_("The event that saved it in the timeline of its actor.")
    )
    uid = models.UUIDField(unique=True)
    target_deleted = models.BooleanField(default=False)
    verb = models.CharField(max_length=VERB_MAX_LENGTH)
    kwargs = OptionalObject()

    class Meta:
        app_label = "sequere_timeline_database"
        indexes = (
            models.Index(
                fields=["actor_uid", "date", "id"],
                name="sequere_action_public",
                condition=models.Q(published_event_id__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.actor_uid} {self.verb}"


class Entry(models.Model):
    """An action in a feed. There are more of them than of anything else, so they are small."""

    pk = models.CompositePrimaryKey("feed", "date", "action_id")
    feed = models.BigIntegerField()
    date = models.DateTimeField(help_text=_("That of the action."))
    action = models.ForeignKey(SavedAction, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    extra = models.SmallIntegerField(
        null=True, help_text=_("The reasons why it is there; NULL if a follow is the only one.")
    )

    class Meta:
        app_label = "sequere_timeline_database"
        indexes = (
            # Few entries need no follow, while one action may have a million entries.
            models.Index(fields=["action"], name="sequere_entry_extra", condition=models.Q(extra__isnull=False)),
        )
        constraints = (
            # Own or direct ones and no unknown ones: a follow alone has one form only.
            models.CheckConstraint(condition=models.Q(extra__in=(1, 2, 3, 5, 6, 7)), name="sequere_entry_reasons"),
        )

    def __str__(self) -> str:
        return f"{self.feed} sees {self.action_id}"


class TimelineState(models.Model):
    """Until when the owner of a feed has read, and where a feed with a cap begins."""

    feed = models.BigIntegerField(primary_key=True)
    read_at = models.DateTimeField(null=True)
    #: The date and action of the oldest entry when the feed was last trimmed: nothing older is shown or added.
    floor_date = models.DateTimeField(null=True)
    floor_action_id = models.BigIntegerField(null=True)

    class Meta:
        app_label = "sequere_timeline_database"

    def __str__(self) -> str:
        return f"feed {self.feed}"
