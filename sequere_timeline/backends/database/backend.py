"""The questions about timelines that the database answers."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.db import router
from django.utils.module_loading import import_string

from sequere.backends.database.backend import DatabaseBackend as FollowsInDatabase
from sequere.base import ResourceKey
from sequere.conf import backend as follows
from sequere.log.locks import Resource
from sequere.log.models import Event
from sequere.log.recording import Intent, record_in_database
from sequere.projections.registry import built_in, inline_projectors, projections, queued_projections
from sequere.results.lazy import LazyList
from sequere.sql import routines
from sequere.sql.conditions import is_
from sequere_timeline import conf
from sequere_timeline.backends.base import ActionList, BaseTimelineBackend, Filters
from sequere_timeline.backends.database.models import Entry, SavedAction, TimelineState
from sequere_timeline.backends.database.projector import TimelinesProjector
from sequere_timeline.backends.database.reading import ActionRows
from sequere_timeline.backends.database.saving import AppliedAction, OldAction


class DatabaseBackend(BaseTimelineBackend):
    """Timelines in the database that holds the log and the follows, written in its transactions."""

    def __init__(self) -> None:
        self.projector = TimelinesProjector()

    def save_new(self, intent: Intent, kwargs: Mapping[str, Any]) -> Event | None:
        if not self._is_one_call():
            return super().save_new(intent, kwargs)
        (event,) = self._recorded(AppliedAction(intent, kwargs=kwargs).recorded)
        return event

    def delete_at_once(self, intent: Intent) -> Event | None:
        if not self._is_one_call():
            return None
        return next(iter(self._recorded(OldAction(intent).deleted)), None)

    def _recorded(self, append: Callable[[Mapping[str, Any], str], Sequence[Event]]) -> Sequence[Event]:
        """What a function has recorded and applied. Other projections of our own have nothing to do with actions."""
        applied = {self.projector.name, *built_in()} - {*queued_projections()}
        return record_in_database(append, applied=applied, is_settled=projections().keys() <= applied)

    def _is_one_call(self) -> bool:
        """Whether a function of the database records an action and applies it. A fan-out under a cap has more to do."""
        using = router.db_for_write(Event)
        has_functions = conf.max_length() is None and routines.in_reach(Entry, using)
        return has_functions and self.projector in inline_projectors()

    def private(self, owner: ResourceKey, filters: Filters, *, desc: bool) -> ActionList:
        return LazyList(ActionRows(owner, filters, desc, private=True))

    def public(self, owner: ResourceKey, filters: Filters, *, desc: bool) -> ActionList:
        return LazyList(ActionRows(owner, filters, desc, private=False))

    def read_at(self, owner: ResourceKey) -> datetime | None:
        uid = Resource.objects.filter(is_(owner)).values("uid")
        states = TimelineState.objects.filter(feed__in=uid)
        return states.values_list("read_at", flat=True).first()

    def unread_count(self, owner: ResourceKey, filters: Filters, limit: int | None) -> int:
        return ActionRows(owner, filters, desc=True, private=True).unread(limit)

    def reset(self, using: str) -> None:
        for model in (Entry, SavedAction, TimelineState):
            model._default_manager.using(using).all().delete()

    @classmethod
    def check(cls) -> list[CheckMessage]:
        missing = [
            app
            for app in ("sequere.backends.database", "sequere_timeline.backends.database")
            if not apps.is_installed(app)
        ]
        if missing:
            return [
                Error(
                    f"Timelines are kept in the database, and {' and '.join(missing)} is not installed.",
                    hint=f"Add {', '.join(map(repr, missing))} to INSTALLED_APPS.",
                    id="sequere_timeline.E006",
                )
            ]
        if _are_follows_there():
            return []
        return [
            Error(
                "Timelines are kept in the database, and read from follows there, which are kept elsewhere.",
                hint="Keep the follows in the database too, or the timelines in Redis.",
                id="sequere_timeline.E008",
            )
        ]


def _are_follows_there() -> bool:
    try:
        backend = import_string(follows())
    except ImportError:  # another check reports it
        return True
    return not isinstance(backend, type) or issubclass(backend, FollowsInDatabase)
