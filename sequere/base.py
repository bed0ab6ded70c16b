"""What a host describes (`ModelBase`) and what the log remembers of it (`ResourceKey`)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import models


class ResourceKey(NamedTuple):
    """The name of a resource: `("user", "42")`. Sortable, hashable, and free of its instance.

    Every function that takes an instance takes its key as well, so that an auditor can ask about
    something that no longer exists.
    """

    identifier: str
    object_id: str

    def __str__(self) -> str:
        return f"{self.identifier}:{self.object_id}"


class ModelBase:
    """How a model takes part in Sequere. Subclass it to say more than `register(Model)` does."""

    #: The name of the model in the log; the model's lower-case name when None. Part of every event:
    #: changing it later orphans what was recorded under the old one.
    identifier: str | None = None

    #: The `Action` classes that instances of this model perform.
    actions: Sequence[type[Any]] = ()

    def __init__(self, model: type[models.Model]) -> None:
        self.model = model

    def get_identifier(self) -> str:
        return str(self.model._meta.model_name) if self.identifier is None else self.identifier

    def get_queryset(self) -> models.QuerySet[Any]:
        """What instances are loaded from: add select_related, or hide some of them."""
        return self.model._default_manager.all()

    def can_follow(self, user: Any, instance: models.Model) -> bool:
        """Whether a user may follow an instance through the views of Sequere; they show what `get_queryset()` has."""
        return True

    def can_view(self, user: Any, instance: models.Model) -> bool:
        """Whether a user may see the followers, followings and friends of an instance, and its public timeline.

        He may be anonymous; in a template without a request he is None. What is in the lists is for `get_queryset()`.
        """
        return True

    def can_view_private(self, user: Any, instance: models.Model) -> bool:
        """Whether a user may see the private timeline of an instance: only his own."""
        return bool(instance == user)
