"""The actions, and the entries that need no follow: written, and compared with the log."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

from django.db import models

from sequere.base import ResourceKey
from sequere.log.locks import keys_of, uids_of
from sequere.log.models import Event
from sequere.outbox.enqueue import end_fan_outs
from sequere.projections.reconciler import Comparison, Difference, OrphanKeys, Reconciler, RowKeys
from sequere.results.cursors import Place
from sequere.sql.rows import Insert
from sequere_timeline.backends.base import Reason
from sequere_timeline.backends.database import entries
from sequere_timeline.backends.database.models import Entry, SavedAction
from sequere_timeline.conf import TIMELINES
from sequere_timeline.history import ActionHistory, Life, histories, named_in
from sequere_timeline.intents import ACTION_SAVED

ACTION_COLUMNS = tuple(field.attname for field in SavedAction._meta.concrete_fields)


class ActionState(NamedTuple):
    """An action, and the feeds that it was saved in, with their reasons."""

    action: SavedAction | None = None
    owners: Mapping[int, int] = MappingProxyType({})

    def row(self) -> tuple[object, ...]:
        return tuple(getattr(self.action, column) for column in ACTION_COLUMNS) if self.action else ()

    def published(self) -> int | None:
        return self.action.published_event_id if self.action else None

    def values(self) -> tuple[object, ...]:
        return self.row(), dict(self.owners)


#: What is stored, and what the log wants in its place.
_Change = tuple[ActionState, ActionState]


class Publication(NamedTuple):
    """A published action, and its actor."""

    action: SavedAction
    actor: ResourceKey
    #: Whether nobody but the actor can have it yet.
    is_new: bool


class Written(NamedTuple):
    """The actions that must still be taken from the followers, and brought to them."""

    deleted: Sequence[Life]
    published: Sequence[Publication]


_PUT = Insert(
    SavedAction,
    ACTION_COLUMNS,
    lambda words: words.on_conflict_update(SavedAction, ("id",), **dict.fromkeys(ACTION_COLUMNS[1:], "{new}")),
)


def write_actions(streams: Collection[UUID], named: Collection[ResourceKey], using: str) -> Written:
    """Store what the log says about these actions, whose actors are locked; `named` are resources that they name.

    The entries of a deleted action that follows have brought are left. No page shows them: they have no action.
    """
    known = histories(streams, using, named)
    changes = _changed(streams, known, using)
    gone = {action.pk for action in _write(changes, using)}
    former = [life for history in known.values() for life in history.former if life.id in gone]
    _withdraw_at_once([life for life in former if not life.ended], using)
    return Written(
        [life for life in former if life.ended],
        [
            Publication(wanted.action, life.actor, stored.action != wanted.action and life.is_first_event)
            for stored, wanted in changes
            if wanted.action and wanted.published() and wanted.published() != stored.published()
            for life in [known[wanted.action.uid].present]
            if life
        ],
    )


def _withdraw_at_once(lives: Iterable[Life], using: str) -> None:
    """Take the actions of actors that are gone out of all timelines."""
    by_actor: dict[ResourceKey, list[Place]] = defaultdict(list)
    for life in lives:
        if life.published:
            by_actor[life.actor].append(Place(life.date, life.id))
    for actor, places in by_actor.items():
        cursor = entries.withdraw(actor, places, None, using).cursor
        while cursor:
            cursor = entries.withdraw(actor, places, cursor, using).cursor


class ActionComparison(Comparison):
    """Compares actions, and the entries that need no follow."""

    def resources(self, keys: Sequence[UUID], using: str) -> Iterable[ResourceKey]:
        for event in Event.objects.using(using).filter(stream__in=keys):
            yield from named_in(event)
        actors = SavedAction.objects.using(using).filter(uid__in=keys).values_list("actor_uid", flat=True)
        yield from keys_of({*actors}, using).values()

    def compare(self, keys: Sequence[UUID], using: str, *, repair: bool) -> list[Difference]:
        changes = _changed(keys, histories(keys, using), using)
        if repair:
            # Entries of a missing action may be left, and may be wrong.
            missing = [wanted.action.pk for stored, wanted in changes if wanted.action and not stored.action]
            left = need_no_follow(missing, using)
            for reason in (Reason.OWN, Reason.DIRECT):
                entries.take(left, reason)
            _write(changes, using)
        names = keys_of({uid for change in changes for state in change for uid in _named_in(state)}, using)
        return [
            Difference(
                f"action {(wanted.action or stored.action or SavedAction()).uid}",
                _described(wanted, names),
                _described(stored, names),
            )
            for stored, wanted in changes
        ]


def _changed(streams: Collection[UUID], known: Mapping[UUID, ActionHistory], using: str) -> list[_Change]:
    """The stored actions that are not what the log wants, in the order of their ids. 3 queries, 4 with a cap."""
    wanted, stored = _wanted(known, using), _stored(streams, using)
    nothing = ActionState()
    changes = [(stored.get(stream, nothing), wanted.get(stream, nothing)) for stream in streams]
    return sorted((change for change in changes if change[0].values() != change[1].values()), key=_id_of)


def _id_of(change: _Change) -> int:
    return min(state.action.pk for state in change if state.action)


def _wanted(known: Mapping[UUID, ActionHistory], using: str) -> dict[UUID, ActionState]:
    """The actions that the log wants. 1 query, 2 with a cap, none if it wants none."""
    lives = {stream: history.present for stream, history in known.items() if history.present}
    named = {key for life in lives.values() for key in (life.actor, life.target, *life.owners) if key}
    # Nobody has uid 0: a resource whose row is missing is a difference, and has one when it is locked.
    uids = defaultdict(int, uids_of(named, using))
    floors = entries.floors({uids[owner] for life in lives.values() for owner in life.owners}, using)
    return {stream: _state_of(life, uids, floors) for stream, life in lives.items()}


def _stored(streams: Collection[UUID], using: str) -> dict[UUID, ActionState]:
    """The actions that are stored. 2 queries, 1 if there are none."""
    actions = SavedAction.objects.using(using).in_bulk(streams, field_name="uid")
    owners: dict[tuple[int, datetime], dict[int, int]] = defaultdict(dict)
    if actions:
        rows = entries.kept(need_no_follow([action.pk for action in actions.values()], using), using)
        for feed, date, action_id, extra in rows.values_list("feed", "date", "action_id", "extra"):
            owners[action_id, date][feed] = (extra or 0) & ~Reason.FOLLOWED
    return {uid: ActionState(action, owners[action.pk, action.date]) for uid, action in actions.items()}


def need_no_follow(actions: Collection[int], using: str) -> models.QuerySet[Entry]:
    """The entries of actions that are there for another reason than a follow, or for more reasons: own or direct
    ones."""
    return Entry.objects.using(using).filter(action_id__in=actions, extra__isnull=False)


def _write(changes: Sequence[_Change], using: str) -> list[SavedAction]:
    """Make the changes; returns the actions that are gone, with the entries that needed no follow."""
    gone: list[SavedAction] = []
    put: list[tuple[object, ...]] = []
    added: list[tuple[int, datetime, int, int]] = []
    for stored, wanted in changes:
        if stored.action and stored.action != wanted.action:
            gone.append(stored.action)
            # Before its entries: the deletion of an owner and its entries then waits for the action, not for them.
            SavedAction.objects.using(using).filter(pk=stored.action.pk).delete()
            need_no_follow([stored.action.pk], using).delete()
        before = stored if stored.action == wanted.action else ActionState()
        if not wanted.action:
            continue
        if before.row() != wanted.row():
            put.append(wanted.row())
        for feed, reasons in before.owners.items():
            _take(wanted.action, feed, reasons & ~wanted.owners.get(feed, 0), using)
        for feed, reasons in wanted.owners.items():
            if before.owners.get(feed) != reasons:
                added.append((feed, wanted.action.date, wanted.action.pk, reasons))
    end_fan_outs(TIMELINES, [action.published_event_id for action in gone if action.published_event_id], using)
    if put:
        _PUT.rows(put, using)
    entries.add(added, using)
    entries.trim(models.Q(uid__in=[row[0] for row in added]), using)
    return gone


def _take(action: SavedAction, feed: int, reasons: int, using: str) -> None:
    entry = Entry.objects.using(using).filter(feed=feed, date=action.date, action_id=action.pk)
    for reason in (Reason.OWN, Reason.DIRECT):
        if reason & reasons:
            entries.take(entry, reason)


def _state_of(life: Life, uids: Mapping[ResourceKey, int], floors: entries.Floors) -> ActionState:
    action = SavedAction(
        id=life.id,
        date=life.date,
        actor_uid=uids[life.actor],
        target_uid=uids[life.target] if life.target else None,
        published_event_id=life.published,
        uid=life.uid,
        target_deleted=life.target_deleted,
        verb=life.verb,
        kwargs=life.kwargs,
    )
    place = Place(life.date, life.id)
    return ActionState(
        action,
        {
            uids[owner]: int(Reason.OWN if owner == life.actor else Reason.DIRECT)
            for owner in life.owners
            if entries.is_kept(uids[owner], place, floors)
        },
    )


def _named_in(state: ActionState) -> Iterator[int]:
    if state.action:
        yield state.action.actor_uid
        if state.action.target_uid:
            yield state.action.target_uid
    yield from state.owners


def _described(state: ActionState, names: Mapping[int, ResourceKey]) -> str:
    if (action := state.action) is None:
        return "none"
    target = f" {names.get(action.target_uid)}" if action.target_uid else ""
    gone = " (deleted)" if action.target_deleted else ""
    published = f", published by event {action.published_event_id}" if action.published_event_id else ""
    owners = ", ".join(
        f"{names.get(feed)} ({', '.join(Reason.words(reasons))})" for feed, reasons in sorted(state.owners.items())
    )
    said = f"{names.get(action.actor_uid)} {action.verb}{target}{gone} at {action.date}{published}"
    return f"{said}, in the timelines of {owners or 'nobody'}"


def _first_saved(using: str) -> models.QuerySet[Any]:
    return Event.objects.using(using).filter(type=ACTION_SAVED, version=1, verb__isnull=False)


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
