"""What a backend of timelines is: a read model plus its queries."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from django.core.checks import CheckMessage
from django.db import models
from django.utils.translation import gettext_lazy as _

from sequere.backends.base import BackendHandler
from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.log.recording import Intent
from sequere.projections.projector import Projector
from sequere.results.lazy import LazyList
from sequere_timeline import conf
from sequere_timeline.actions import Action
from sequere_timeline.saving import save_new

ActionList = LazyList[Action]


class Reason(models.IntegerChoices):
    """Why an entry is in a private timeline: bits, since there may be several reasons."""

    OWN = 1, _("own")
    DIRECT = 2, _("direct")
    FOLLOWED = 4, _("followed")

    @classmethod
    @cache
    def words(cls, reasons: int) -> Sequence[str]:
        return tuple(reason.name.lower() for reason in cls if reason & reasons)


class Filters(NamedTuple):
    """What narrows a timeline; None narrows nothing."""

    verb: str | None = None
    target_identifier: str | None = None
    target_object_id: str | None = None


class BaseTimelineBackend(ABC):
    """The questions that a backend answers. `projector` keeps the read model; nothing else writes it."""

    projector: Projector

    def save_new(self, intent: Intent, kwargs: Mapping[str, Any]) -> Event | None:
        """Record an action that nobody has saved before, in one call of the database that may apply it to this read
        model as well; None, if that must be left to `record()`."""
        return save_new(intent, kwargs)

    def delete_at_once(self, intent: Intent) -> Event | None:
        """Record the deletion of an action that was saved once, and apply it to this read model, in one call of the
        database; None, if that must be left to `record()` and to the projector."""
        return None

    @abstractmethod
    def private(self, owner: ResourceKey, filters: Filters, *, desc: bool) -> ActionList:
        """What `owner` sees: by date, ties by event, newest first if `desc`."""

    @abstractmethod
    def public(self, owner: ResourceKey, filters: Filters, *, desc: bool) -> ActionList:
        """What `owner` did."""

    @abstractmethod
    def read_at(self, owner: ResourceKey) -> datetime | None:
        """Until when `owner` has read. 1 query."""

    @abstractmethod
    def unread_count(self, owner: ResourceKey, filters: Filters, limit: int | None) -> int:
        """How many private entries that are not the owner's own are dated later, at most `limit`. 1 query."""

    @abstractmethod
    def reset(self, using: str) -> None:
        """Empty the read model; a rebuild fills it again."""

    @classmethod
    def check(cls) -> list[CheckMessage]:
        """The system checks of a project that uses this backend."""
        return []


#: The backend that SEQUERE_TIMELINE_BACKEND names.
get_backend: BackendHandler[BaseTimelineBackend] = BackendHandler(
    conf.timeline_backend, "INSTALLED_APPS", "SEQUERE_TIMELINE_BACKEND"
)
