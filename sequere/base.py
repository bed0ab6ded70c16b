"""How a host describes its models (`ModelBase`), and the names of their instances in the log (`ResourceKey`)."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from django.db import models


class ResourceKey(NamedTuple):
    """The name of a resource: `("user", "42")`. Sortable, hashable, and independent of the instance.

    Every function that takes an instance takes its key as well, so that an auditor can ask about something that no
    longer exists.
    """

    identifier: str
    object_id: str

    def __str__(self) -> str:
        return f"{self.identifier}:{self.object_id}"


#: What is accepted wherever a resource is expected: its instance, or its key.
ResourceLike: TypeAlias = models.Model | ResourceKey


class ModelBase:
    """How a model takes part in Sequere. Subclass it to change the defaults of `register(Model)`."""

    #: The name of the model in the log; if None, the lower-case name of the model. It is a part of every event: keep it
    #: when the model is renamed, since what was recorded under the old name belongs to that name.
    identifier: str | None = None

    #: Other names under which its instances are in the log. Lists show them, a deletion ends them, and they can be
    #: unfollowed. They are resources of their own: a follow of `project:1` is not one of `film:1`.
    aliases: Sequence[str] = ()

    #: The `Action` classes that instances of this model perform.
    actions: Sequence[type[Any]] = ()

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model

    def get_identifier(self) -> str:
        return str(self.model._meta.model_name) if self.identifier is None else self.identifier

    def get_queryset(self) -> models.QuerySet[Any]:
        """The queryset that instances are loaded from: add select_related(), or hide some instances."""
        return self.model._default_manager.all()

    def can_follow(self, user: Any, instance: models.Model) -> bool:
        """Whether a user may follow an instance through the views of Sequere. They find what is in `get_queryset()`."""
        return True

    def requires_approval(self, from_instance: models.Model, to_instance: models.Model) -> bool:
        """Whether `to_instance`, of this model, must accept `from_instance` before it is followed: then `follow()`
        records a request. Asked before the transaction, and only if it is overridden; never of `follow(policy=False)`,
        and never again when a follow is accepted, or the log is replayed."""
        return False

    def allow_follow(self, from_instance: models.Model, to_instance: models.Model) -> bool:
        """Whether `from_instance` may follow `to_instance`, of this model, or ask to: otherwise `follow()` raises
        FollowNotAllowed. Asked like `requires_approval()`."""
        return True

    def can_view(self, user: Any, instance: models.Model) -> bool:
        """Whether a user may see the followers, followings and friends of an instance, and its public timeline.

        The user may be anonymous; in a template without a request, it is None. What the lists show is decided by
        `get_queryset()`.
        """
        return True

    def can_view_private(self, user: Any, instance: models.Model) -> bool:
        """Whether a user may see the private timeline of an instance: by default, only their own.

        The user is who follows for the request (`SEQUERE_FOLLOWER_OF_REQUEST`), if anybody does: by default, its user.
        """
        return bool(instance == user)
