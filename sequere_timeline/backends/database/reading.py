"""Reading timelines: each question has one statement, put together once for each database and each set of filters."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, Self
from uuid import UUID

from django.db import connections, router
from django.utils import timezone

from sequere.backends.database.statements import uid_of
from sequere.base import ResourceKey
from sequere.log.locks import KEY, Resource
from sequere.relations.lasting import in_log
from sequere.results.cursors import Place
from sequere.sql.dialects import Dialect, dialect
from sequere.sql.rows import Field, fetched, fields_of
from sequere_timeline import conf
from sequere_timeline.actions import Action, StoredAction, load_actions
from sequere_timeline.backends.base import Filters, Reason
from sequere_timeline.backends.database.hidden import hidden, is_shown, with_hidden
from sequere_timeline.backends.database.models import Entry, SavedAction, TimelineState
from sequere_timeline.backends.database.statements import (
    IDENTIFIER,
    NOW,
    OBJECT_ID,
    above_floor,
    ask,
    filled,
    has_reason,
    moment,
    uid_of_shown_owner,
)

#: The columns of an action that are read, before those of the entry and the keys.
_COLUMNS = ("date", "id", "uid", "verb", "kwargs", "target_deleted")
#: What is read of each action: its columns, why it is there, and the keys of its actor and its target.
_ROW: Sequence[Field] = (
    *fields_of(SavedAction, _COLUMNS),
    *fields_of(Entry, ("extra",)),
    *fields_of(Resource, KEY),
    *fields_of(Resource, KEY),
)
_STREAMED_AT_ONCE = 2000


@dataclass(frozen=True, slots=True)
class ActionRows:
    """The rows behind a timeline."""

    owner: ResourceKey
    filters: Filters
    desc: bool
    private: bool

    def count(self) -> int:
        using = router.db_for_read(Entry)
        return int(ask(self._texts(using).number, self._values(), using)[0][0])

    def rows(self, start: int, stop: int | None) -> list[StoredAction]:
        return [action for _, action in self._actions(None if stop is None else stop - start, start)]

    def stream(self, start: int, stop: int | None) -> Iterator[StoredAction]:
        """1 query for every 2,000 actions, each behind the last one of the page before."""
        left, after = None if stop is None else stop - start, None
        while left is None or left > 0:
            size = _STREAMED_AT_ONCE if left is None else min(left, _STREAMED_AT_ONCE)
            found = self._actions(size, 0 if after else start, after)
            yield from (action for _, action in found)
            if len(found) < size:
                return
            after = found[-1][0]
            left = None if left is None else left - size

    def page(self, size: int, after: Place | None) -> list[tuple[Place, StoredAction]]:
        return self._actions(size, 0, after)

    def reversed(self) -> Self:
        return replace(self, desc=not self.desc)

    def load(self, rows: Sequence[StoredAction]) -> list[Action | None]:
        return load_actions(rows)

    def unread(self, limit: int | None) -> int:
        """How many entries are not the owner's own and dated after the read mark, at most `limit`."""
        using = router.db_for_read(Entry)
        text = self._texts(using).unread.replace("{limit}", "" if limit is None else f"LIMIT {limit:d}")
        return int(ask(text, self._values() | {"size": limit}, using)[0][0])

    def _texts(self, using: str) -> "_Texts":
        return _texts(
            using,
            tuple(value is not None for value in self.filters),
            private=self.private,
            desc=self.desc,
            capped=conf.max_length() is not None,
        )

    def _values(self) -> dict[str, Any]:
        """The parameters that all statements take."""
        return {
            "identifier": self.owner.identifier,
            "object_id": self.owner.object_id,
            "now": in_log(timezone.now()),
            **self.filters._asdict(),
        }

    def _actions(self, size: int | None, start: int, after: Place | None = None) -> list[tuple[Place, StoredAction]]:
        using = router.db_for_read(Entry)
        values = self._values() | {"size": size, "start": start}
        text = self._texts(using).rows
        if after:
            text = self._texts(using).rows_after
            values |= {"date": moment(after.moment, using), "tie": after.tie}
        text = text.replace("{limit}", dialect(connections[using]).limit(size, start))
        return [self._read(*row) for row in fetched(text, values, _ROW, using)]

    def _read(
        self,
        date: datetime,
        id_: int,
        uid: UUID,
        verb: str,
        kwargs: dict[str, Any],
        is_deleted: bool,  # a column
        extra: int | None,
        actor_kind: str,
        actor_id: str,
        target_kind: str | None,
        target_id: str | None,
    ) -> tuple[Place, StoredAction]:
        stored = StoredAction(
            uid=str(uid),
            verb=verb,
            actor=ResourceKey(actor_kind, actor_id),
            target=None if target_kind is None or target_id is None else ResourceKey(target_kind, target_id),
            target_deleted=is_deleted,
            date=date,
            kwargs=kwargs,
            reasons=Reason.words(Reason.FOLLOWED if extra is None else extra) if self.private else (),
        )
        return Place(date, id_), stored


class _Texts(NamedTuple):
    """The statements for one kind of timeline. Each takes the key of the owner, now, and the filters that are given."""

    number: str
    #: With a {limit}, or with its `size` and `start` as parameters.
    rows: str
    #: The same after a place, with its `date` and `tie` as parameters.
    rows_after: str
    #: With a {limit}, or with its `size` as a parameter.
    unread: str


@cache
def _texts(using: str, given: tuple[bool, ...], *, private: bool, desc: bool, capped: bool) -> _Texts:
    words = dialect(connections[using])
    texts = _put_together(words, given, private=private, desc=desc, capped=capped)
    if not words.has_routines or not private or not desc or capped or any(given):
        return texts
    # What is asked most often: planning it takes longer than answering it.
    owner = f"{IDENTIFIER}, {OBJECT_ID}, {NOW}"
    return texts._replace(
        rows=f"SELECT * FROM sequere_private_timeline({owner}, %(size)s, %(start)s)",
        rows_after=f"SELECT * FROM sequere_private_timeline({owner}, %(size)s, %(start)s, {_PLACE})",
        unread=f"SELECT sequere_unread({owner}, %(size)s)",
    )


def reading_fragments(words: Dialect) -> dict[str, str]:
    """What the functions SELECT."""
    texts = _put_together(words, (False,) * 3, private=True, desc=True, capped=False, planned=True)
    return {
        "{private_timeline}": texts.rows_after.replace("{limit}", "LIMIT size_ OFFSET start_"),
        "{unread}": texts.unread.replace("{limit}", ""),
        "{unread_up_to}": texts.unread.replace("{limit}", "LIMIT size_"),
        "{hidden}": hidden(words),
    }


def _put_together(
    words: Dialect, given: tuple[bool, ...], *, private: bool, desc: bool, capped: bool, planned: bool = False
) -> _Texts:
    owner = uid_of_shown_owner(words)
    conditions = [f"entry.feed = {owner}" if private else _PUBLIC.format(uid=owner)]
    conditions += _filters(words, *given)
    if private and capped:
        conditions.append(above_floor(words, "entry.feed", "entry.date", "entry.action_id"))
    place = "entry.date, entry.action_id" if private else "action.date, action.id"
    entries, actions = f"{words.table(Entry)} entry", f"{words.table(SavedAction)} action"
    # A page looks up the action of each entry in turn, and stops; a count may read both tables as a whole.
    of_entry = "action.id = entry.action_id"
    shown = f"{entries} JOIN {words.join_row(words.table(SavedAction), 'action', of_entry)}" if private else actions
    counted = f"{entries} JOIN {actions} ON {of_entry}" if any(given) else entries
    counted = counted if private else actions
    where, where_counted = (
        " AND ".join([*conditions, *([is_shown(words, action)] if private else [])])
        for action in ("action", "action" if any(given) else None)
    )
    order, direction = ("<", " DESC") if desc else (">", "")
    page = filled(
        "actions",
        place=f"{place} AS id" if private else place,
        columns=", ".join(f"action.{column}" for column in _COLUMNS[2:]),
        extra="entry.extra" if private else "action.published_event_id AS extra",
        rows=shown,
        conditions="{conditions}",
        order=", ".join(f"{column}{direction}" for column in place.split(", ")),
        direction=direction,
        actor=words.join_row(words.table(Resource), "actor", "actor.uid = found.actor_uid"),
        target=words.join_row(words.table(Resource), "target", "target.uid = found.target_uid"),
        limit="{limit}",
    )
    read_at = f"(SELECT read_at FROM {words.table(TimelineState)} WHERE feed = {owner})"
    unread = f"NOT {has_reason(Reason.OWN, 'COALESCE(entry.extra, 0)')}"
    new = f"{unread} AND entry.date > COALESCE({read_at}, {words.earliest})"
    start = f"{with_hidden(words, planned=planned)} " if private else ""
    return _Texts(
        number=f"{start}SELECT COUNT(*) FROM {counted} WHERE {where_counted}",
        rows=start + page.replace("{conditions}", where),
        rows_after=start + page.replace("{conditions}", f"{where} AND ({place}) {order} ({_PLACE})"),
        unread=f"{start}SELECT COUNT(*) FROM (SELECT 1 FROM {counted} WHERE {where_counted} AND {new} {{limit}}) later",
    )


#: The parameters of a place.
_PLACE = "%(date)s, %(tie)s"
#: The condition that an action is in the public timeline of its actor.
_PUBLIC = "action.actor_uid = {uid} AND action.published_event_id IS NOT NULL"


def _filters(words: Dialect, verb: bool, kind: bool, target: bool) -> Iterator[str]:  # as they come
    """The conditions of the filters that are given."""
    if verb:
        yield "action.verb = %(verb)s"
    if target:
        # An action upon something deleted is none upon what has its key now.
        uid = uid_of(words) % ("%(target_identifier)s", "%(target_object_id)s")
        yield f"action.target_uid = {uid} AND NOT action.target_deleted"
    elif kind:
        identifier = f"SELECT identifier FROM {words.table(Resource)} WHERE uid = action.target_uid"
        yield f"({identifier}) = %(target_identifier)s"
