"""The tables of the read model: one row for each live follow, and the counts."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from sequere.base import ResourceKey
from sequere.registry import IDENTIFIER_MAX_LENGTH, OBJECT_ID_MAX_LENGTH


class Follow(models.Model):
    """A live follow: from follows to. Its key is the stream of the relation, so `is_following()` is one lookup."""

    stream = models.UUIDField(primary_key=True)
    from_identifier = models.CharField(_("from"), max_length=IDENTIFIER_MAX_LENGTH)
    from_object_id = models.CharField(_("from key"), max_length=OBJECT_ID_MAX_LENGTH)
    to_identifier = models.CharField(_("to"), max_length=IDENTIFIER_MAX_LENGTH)
    to_object_id = models.CharField(_("to key"), max_length=OBJECT_ID_MAX_LENGTH)
    followed_at = models.DateTimeField(_("followed at"))
    event_id = models.BigIntegerField(_("event"))
    friends_at = models.DateTimeField(
        _("friends since"), null=True, help_text=_("When the later of two mutual follows happened.")
    )
    friends_event_id = models.BigIntegerField(_("event of the friendship"), null=True)

    class Meta:
        app_label = "sequere_database"
        verbose_name = _("follow")
        verbose_name_plural = _("follows")
        indexes = (
            # With the last column, a list of one kind is filtered within the index.
            models.Index(
                fields=["to_identifier", "to_object_id", "followed_at", "event_id", "from_identifier"],
                name="sequere_follow_to",
            ),
            models.Index(
                fields=["from_identifier", "from_object_id", "followed_at", "event_id", "to_identifier"],
                name="sequere_follow_from",
            ),
            models.Index(
                fields=["from_identifier", "from_object_id", "friends_at", "friends_event_id", "to_identifier"],
                name="sequere_follow_friends",
                condition=models.Q(friends_event_id__isnull=False),
            ),
        )
        constraints = (
            models.CheckConstraint(
                condition=~models.Q(from_identifier=models.F("to_identifier"), from_object_id=models.F("to_object_id")),
                name="sequere_follow_not_self",
            ),
        )

    def __str__(self) -> str:
        return f"{self.from_key} → {self.to_key}"

    @property
    def from_key(self) -> ResourceKey:
        return ResourceKey(self.from_identifier, self.from_object_id)

    @property
    def to_key(self) -> ResourceKey:
        return ResourceKey(self.to_identifier, self.to_object_id)


class FollowCount(models.Model):
    """How many resources of the kind `other_identifier` follow a resource, are followed by it, or both."""

    pk = models.CompositePrimaryKey("identifier", "object_id", "other_identifier")
    identifier = models.CharField(max_length=IDENTIFIER_MAX_LENGTH)
    object_id = models.CharField(max_length=OBJECT_ID_MAX_LENGTH)
    other_identifier = models.CharField(max_length=IDENTIFIER_MAX_LENGTH)
    # Not PositiveBigIntegerField: its CHECK would refuse the difference that an upsert adds.
    followers = models.BigIntegerField(default=0)
    followings = models.BigIntegerField(default=0)
    friends = models.BigIntegerField(default=0)

    class Meta:
        app_label = "sequere_database"

    def __str__(self) -> str:
        return f"{self.identifier}:{self.object_id} and {self.other_identifier}s"
