"""The actions, and the entries that need no follow: written, and compared with the log."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from django.db import models

from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.outbox.enqueue import end_fan_outs
from sequere.projections.reconciler import Comparison, Difference, OrphanKeys, Reconciler, RowKeys
from sequere.results.cursors import Place
from sequere.sql.conditions import is_
from sequere_timeline.backends.base import Reason
from sequere_timeline.backends.database import entries
from sequere_timeline.backends.database.models import Entry, SavedAction
from sequere_timeline.conf import TIMELINES
from sequere_timeline.history import ActionHistory, Life, histories, named_in
from sequere_timeline.intents import ACTION_SAVED

ACTION_COLUMNS = tuple(field.attname for field in SavedAction._meta.concrete_fields)

#: The reasons of an entry that no follow has brought.
OWN_OR_DIRECT = Reason.OWN | Reason.DIRECT


class Placed(NamedTuple):
    """An entry without its action and its owner."""

    reasons: int
    date: datetime


class ActionState(NamedTuple):
    """An action, and the timelines that it was saved in."""

    action: SavedAction | None = None
    owners: Mapping[ResourceKey, Placed] = MappingProxyType({})

    def row(self) -> tuple[object, ...]:
        return tuple(getattr(self.action, column) for column in ACTION_COLUMNS) if self.action else ()

    def published(self) -> int | None:
        return self.action.published_event_id if self.action else None

    def values(self) -> tuple[object, ...]:
        return self.row(), dict(self.owners)


#: What is stored, and what the log wants in its place.
Change = tuple[ActionState, ActionState]


class Written(NamedTuple):
    """The actions that must still be taken from the followers, and brought to them."""

    deleted: Sequence[Life]
    published: Sequence[SavedAction]


def write_actions(streams: Collection[UUID], using: str) -> Written:
    """Store what the log says about these actions, whose actors are locked.

    The entries of a deleted action that follows have brought are left. No page shows them: they have no action.
    """
    known = histories(streams, using)
    changes = _changed(streams, known, using)
    gone = _write(changes, using)
    former = {life.id: life for history in known.values() for life in history.former if life.ended}
    _forget_entries([action for action in gone if action.pk not in former], using)
    return Written(
        [former[action.pk] for action in gone if action.pk in former],
        [
            wanted.action
            for stored, wanted in changes
            if wanted.action and wanted.published() and wanted.published() != stored.published()
        ],
    )


class ActionComparison(Comparison):
    """Compares actions, and the entries that need no follow."""

    def resources(self, keys: Sequence[UUID], using: str) -> Iterable[ResourceKey]:
        for event in Event.objects.using(using).filter(stream__in=keys):
            yield from named_in(event)
        for action in SavedAction.objects.using(using).filter(uid__in=keys):
            yield action.actor

    def compare(self, keys: Sequence[UUID], using: str, *, repair: bool) -> list[Difference]:
        changes = _changed(keys, histories(keys, using), using)
        if repair:
            # Entries of a missing action may be left, and may be wrong.
            missing = [wanted.action.pk for stored, wanted in changes if wanted.action and not stored.action]
            left = Entry.objects.using(using).filter(action_id__in=missing)
            for reason in (Reason.OWN, Reason.DIRECT):
                entries.take(left, reason)
            _forget_entries(_write(changes, using), using)
        return [
            Difference(f"action {(wanted.action or stored.action or '')!s}", _described(wanted), _described(stored))
            for stored, wanted in changes
        ]


def _changed(streams: Collection[UUID], known: Mapping[UUID, ActionHistory], using: str) -> list[Change]:
    """The stored actions that are not what the log wants, in the order of their ids. 2 queries, 3 with a cap."""
    wanted, stored = _wanted(known, using), _stored(streams, using)
    nothing = ActionState()
    changes = [(stored.get(stream, nothing), wanted.get(stream, nothing)) for stream in streams]
    return sorted((change for change in changes if change[0].values() != change[1].values()), key=_id_of)


def _id_of(change: Change) -> int:
    return min(state.action.pk for state in change if state.action)


def _wanted(known: Mapping[UUID, ActionHistory], using: str) -> dict[UUID, ActionState]:
    """The actions that the log wants. 1 query with a cap, else none."""
    lives = {stream: history.present for stream, history in known.items() if history.present}
    floors = entries.floors({owner for life in lives.values() for owner in life.owners}, using)
    return {stream: _state_of(life, floors) for stream, life in lives.items()}


def _stored(streams: Collection[UUID], using: str) -> dict[UUID, ActionState]:
    """The actions that are stored. 2 queries, 1 if there are none."""
    actions = SavedAction.objects.using(using).in_bulk(streams, field_name="uid")
    owners: dict[int, dict[ResourceKey, Placed]] = defaultdict(dict)
    if actions:
        rows = entries.need_no_follow(using).filter(action_id__in=[action.pk for action in actions.values()])
        for entry in entries.kept(rows, using):
            owners[entry.action_id][entry.owner] = Placed(entry.reasons & OWN_OR_DIRECT, entry.date)
    return {uid: ActionState(action, owners[action.pk]) for uid, action in actions.items()}


def _write(changes: Sequence[Change], using: str) -> list[SavedAction]:
    """Make the changes; returns the actions that are gone, with the entries that needed no follow."""
    gone: list[SavedAction] = []
    put: list[SavedAction] = []
    added: list[tuple[int, ResourceKey, datetime, int]] = []
    for stored, wanted in changes:
        if stored.action and stored.action != wanted.action:
            gone.append(stored.action)
            # Before its entries: the deletion of an owner and its entries then waits for the action, not for them.
            SavedAction.objects.using(using).filter(pk=stored.action.pk).delete()
            entries.need_no_follow(using).filter(action_id=stored.action.pk).delete()
        before = stored if stored.action == wanted.action else ActionState()
        if not wanted.action:
            continue
        if before.row() != wanted.row():
            put.append(wanted.action)
        for owner, placed in before.owners.items():
            kept = wanted.owners[owner].reasons if owner in wanted.owners else 0
            _take(wanted.action, owner, placed.reasons & ~kept, using)
        for owner, placed in wanted.owners.items():
            if before.owners.get(owner) != placed:
                added.append((wanted.action.pk, owner, placed.date, placed.reasons))
    end_fan_outs(TIMELINES, [action.published_event_id for action in gone if action.published_event_id], using)
    if put:
        SavedAction.objects.using(using).bulk_create(
            put, update_conflicts=True, unique_fields=["id"], update_fields=ACTION_COLUMNS[1:]
        )
    entries.add(added, using)
    entries.trim({row[1] for row in added}, using)
    return gone


def _forget_entries(gone: Collection[SavedAction], using: str) -> None:
    """Take actions out of all timelines at once. 1 statement, none for no actions."""
    if gone:
        Entry.objects.using(using).filter(action_id__in=[action.pk for action in gone]).delete()


def _take(action: SavedAction, owner: ResourceKey, reasons: int, using: str) -> None:
    entry = Entry.objects.using(using).filter(is_(owner, "owner_"), action_id=action.pk)
    for reason in (Reason.OWN, Reason.DIRECT):
        if reason & reasons:
            entries.take(entry, reason)


def _state_of(life: Life, floors: entries.Floors) -> ActionState:
    action = SavedAction(
        id=life.id,
        uid=life.uid,
        actor_identifier=life.actor.identifier,
        actor_object_id=life.actor.object_id,
        verb=life.verb,
        target_identifier=life.target.identifier if life.target else "",
        target_object_id=life.target.object_id if life.target else "",
        target_deleted=life.target_deleted,
        date=life.date,
        kwargs=life.kwargs,
        published_event_id=life.published,
    )
    return ActionState(
        action,
        {
            owner: Placed(int(Reason.OWN if owner == life.actor else Reason.DIRECT), life.date)
            for owner in life.owners
            if entries.is_kept(owner, Place(life.date, life.id), floors)
        },
    )


def _described(state: ActionState) -> str:
    if (action := state.action) is None:
        return "none"
    target = f" {action.target}" if action.target else ""
    gone = " (deleted)" if action.target_deleted else ""
    published = f", published by event {action.published_event_id}" if action.published_event_id else ""
    owners = ", ".join(
        f"{owner} ({', '.join(Reason.words(placed.reasons))})" for owner, placed in sorted(state.owners.items())
    )
    return f"{action}{target}{gone} at {action.date}{published}, in the timelines of {owners or 'nobody'}"


def _first_saved(using: str) -> models.QuerySet[Any]:
    return Event.objects.using(using).filter(type=ACTION_SAVED, version=1)


def _orphans(rows: models.QuerySet[Any], using: str) -> models.QuerySet[Any]:
    of_log = Event.objects.using(using).filter(stream=models.OuterRef("uid"), version=1)
    return rows.exclude(models.Exists(of_log))


def _streams(rows: Iterable[Sequence[Any]], using: str) -> list[UUID]:
    return [row[-1] for row in rows]


#: All actions of the log.
ACTIONS = Reconciler("actions", RowKeys(_first_saved, _streams, also=("stream",), size=250), ActionComparison())
#: The stored actions that the log does not know.
ORPHANED_ACTIONS = Reconciler(
    "orphaned actions",
    OrphanKeys(SavedAction.objects.using, _streams, columns=("uid",), orphans=_orphans, size=1000),
    ActionComparison(),
)
