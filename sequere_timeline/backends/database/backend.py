"""The questions about timelines that the database answers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.db import models, router
from django.utils.module_loading import import_string

from sequere.backends.database.backend import DatabaseBackend as FollowsInDatabase
from sequere.base import ResourceKey
from sequere.conf import backend as follows
from sequere.results.cursors import Place
from sequere.results.lazy import LazyList
from sequere.sql.conditions import is_
from sequere.sql.keyset import after as comes_after
from sequere_timeline.actions import Action, StoredAction, load_actions
from sequere_timeline.backends.base import ActionList, BaseTimelineBackend, Filters, Reason
from sequere_timeline.backends.database.entries import has, kept
from sequere_timeline.backends.database.models import Entry, SavedAction, TimelineState
from sequere_timeline.backends.database.projector import TimelinesProjector


@dataclass(frozen=True, slots=True)
class PrivateRows:
    """The rows behind a private timeline."""

    owner: ResourceKey
    filters: Filters
    desc: bool

    def count(self) -> int:
        return self._entries().count()

    def rows(self, start: int, stop: int | None) -> Iterable[StoredAction]:
        return (_stored(entry.action, entry.reasons) for entry in self._page(start, stop))

    def stream(self, start: int, stop: int | None) -> Iterable[StoredAction]:
        page = self._page(start, stop).iterator(chunk_size=2000)
        return (_stored(entry.action, entry.reasons) for entry in page)

    def page(self, size: int, after: Place | None) -> list[tuple[Place, StoredAction]]:
        entries = self.rows_after(after).select_related("action")[:size]
        return [(Place(entry.date, entry.action_id), _stored(entry.action, entry.reasons)) for entry in entries]

    def rows_after(self, place: Place | None) -> models.QuerySet[Entry]:
        return _after(place, self._entries(), ("date", "action_id"), desc=self.desc)

    def load(self, rows: Sequence[StoredAction]) -> list[Action | None]:
        return load_actions(rows)

    def unread(self) -> int:
        """How many entries are not the owner's own and dated after the read mark."""
        entries = self._entries().exclude(has(Reason.OWN)).values("pk")
        marks = TimelineState.objects.filter(is_(self.owner, "owner_"), read_at__isnull=False)
        # Two halves: one reads the index from the mark on, the other reads nothing if there is a mark.
        later = entries.filter(date__gt=models.Subquery(marks.values("read_at")))
        return later.union(entries.filter(~models.Exists(marks)), all=True).count()

    def _entries(self) -> models.QuerySet[Entry]:
        conditions = {f"action__{name}": value for name, value in self.filters.conditions().items()}
        entries = Entry.objects.filter(is_(self.owner, "owner_"), **conditions)
        return kept(entries, router.db_for_read(Entry))

    def _page(self, start: int, stop: int | None) -> models.QuerySet[Entry]:
        return self.rows_after(None).select_related("action")[start:stop]


@dataclass(frozen=True, slots=True)
class PublicRows:
    """The rows behind a public timeline."""

    owner: ResourceKey
    filters: Filters
    desc: bool

    def count(self) -> int:
        return self._actions().count()

    def rows(self, start: int, stop: int | None) -> Iterable[StoredAction]:
        return map(_stored, self._page(start, stop))

    def stream(self, start: int, stop: int | None) -> Iterable[StoredAction]:
        return map(_stored, self._page(start, stop).iterator(chunk_size=2000))

    def page(self, size: int, after: Place | None) -> list[tuple[Place, StoredAction]]:
        return [(Place(action.date, action.pk), _stored(action)) for action in self.rows_after(after)[:size]]

    def rows_after(self, place: Place | None) -> models.QuerySet[SavedAction]:
        return _after(place, self._actions(), ("date", "id"), desc=self.desc)

    def load(self, rows: Sequence[StoredAction]) -> list[Action | None]:
        return load_actions(rows)

    def _actions(self) -> models.QuerySet[SavedAction]:
        return SavedAction.objects.filter(
            is_(self.owner, "actor_"), published_event_id__isnull=False, **self.filters.conditions()
        )

    def _page(self, start: int, stop: int | None) -> models.QuerySet[SavedAction]:
        return self.rows_after(None)[start:stop]


def _after(
    place: Place | None, rows: models.QuerySet[Any], order: tuple[str, str], *, desc: bool
) -> models.QuerySet[Any]:
    """The rows in their order, after a place."""
    ordered = rows.order_by(*(f"-{column}" if desc else column for column in order))
    return ordered.filter(comes_after(order, place, desc=desc)) if place else ordered


def _stored(action: SavedAction, reasons: int = 0) -> StoredAction:
    return StoredAction(
        uid=str(action.uid),
        verb=action.verb,
        actor=action.actor,
        target=action.target,
        target_deleted=action.target_deleted,
        date=action.date,
        kwargs=action.kwargs,
        reasons=Reason.words(reasons),
    )


class DatabaseBackend(BaseTimelineBackend):
    """Timelines in the database that holds the log and the follows, written in its transactions."""

    def __init__(self) -> None:
        self.projector = TimelinesProjector()

    def private(self, owner: ResourceKey, filters: Filters, *, desc: bool) -> ActionList:
        return LazyList(PrivateRows(owner, filters, desc))

    def public(self, owner: ResourceKey, filters: Filters, *, desc: bool) -> ActionList:
        return LazyList(PublicRows(owner, filters, desc))

    def read_at(self, owner: ResourceKey) -> datetime | None:
        states = TimelineState.objects.filter(is_(owner, "owner_"))
        return states.values_list("read_at", flat=True).first()

    def unread_count(self, owner: ResourceKey, filters: Filters) -> int:
        return PrivateRows(owner, filters, desc=True).unread()

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
