"""Whom the owners of timelines do not see, in SQL: asked of live relations with each page, in the same statement."""

from collections.abc import Sequence

from sequere.backends.database.models import LiveRelation
from sequere.backends.database.statements import anybody_suspended, lasts, not_paused
from sequere.log.numbers import GraphNumber
from sequere.relations.types import RelationType
from sequere.sql.dialects import Dialect
from sequere_timeline.backends.base import Reason
from sequere_timeline.backends.database.models import SavedAction
from sequere_timeline.backends.database.statements import IDENTIFIER, NOW, OBJECT_ID, uid_of_owner
from sequere_timeline.visibility import HIDINGS

#: The types of relations that hide somebody from who has them, and from the other end.
_FROM_OWNER = [hiding.type for hiding in HIDINGS]
_TO_OWNER = [hiding.type for hiding in HIDINGS if hiding.both]


def with_hidden(words: Dialect, *, planned: bool = False) -> str:
    """Begins a statement about the timeline of an owner: `hidden` has the uids of those whom it does not see, and
    whether it does not see what is done to them.

    One lookup for those to whom the owner has relations, and one for those who have some to it, are all that somebody
    pays for who sees everybody; they are planned once, by themselves or, in a function, with the rest of the statement.
    """
    function = f"SELECT * FROM sequere_hidden_from({IDENTIFIER}, {OBJECT_ID}, {NOW})"
    select = function if words.has_routines and not planned else hidden(words)
    return f"WITH hidden (uid, as_target) AS MATERIALIZED ({select})"


def hidden(words: Dialect) -> str:
    """SELECTs them."""
    relations = f"FROM {words.table(LiveRelation)} l WHERE l.graph"
    as_target = _is_of(words, [hiding.type for hiding in HIDINGS if hiding.targets])
    owner = uid_of_owner(words)
    return (
        f"SELECT l.to_uid, l.graph {as_target} {relations} {_is_of(words, _FROM_OWNER)}"
        f" AND l.from_uid = {owner} {_lasting(words, _FROM_OWNER)}"
        f" UNION ALL SELECT l.from_uid, false {relations} {_is_of(words, _TO_OWNER)}"
        f" AND l.to_uid = {owner} {_lasting(words, _TO_OWNER)}"
    )


def is_shown(words: Dialect, action: str | None = None) -> str:
    """The condition that the owner of a feed sees an entry, whose action is joined under a name, or not at all."""
    seen, unsuspended = _is_seen(action or "done"), not_paused(words, f"{action or 'done'}.actor_uid")
    if action is None:
        of_entry = f"SELECT 1 FROM {words.table(SavedAction)} done WHERE done.id = entry.action_id"
        seen, unsuspended = f"EXISTS ({of_entry} AND {seen})", f"EXISTS ({of_entry} AND {unsuspended})"
    # A follow brings nothing of who is suspended, and its own timeline is empty: only direct entries are asked about,
    # and none while nobody is suspended.
    is_direct = f"(COALESCE(entry.extra, 0) & {int(Reason.DIRECT)}) > 0"
    return (
        f"CASE WHEN EXISTS (SELECT 1 FROM hidden) THEN {seen} ELSE true END"
        f" AND CASE WHEN {anybody_suspended(words)} AND {is_direct} THEN {unsuspended} ELSE true END"
    )


def _is_seen(action: str) -> str:
    is_own = f"{action}.actor_uid = entry.feed"
    upon_nobody = f"{action}.target_uid IS NULL OR {action}.target_deleted"
    return (
        f"{action}.actor_uid NOT IN (SELECT uid FROM hidden)"
        f" AND ({upon_nobody} OR {is_own} OR {action}.target_uid NOT IN (SELECT uid FROM hidden WHERE as_target))"
    )


def _is_of(words: Dialect, types: Sequence[RelationType]) -> str:
    """Whether a graph is of one of these types."""
    named = ", ".join(words.text(type_.name) for type_ in types)
    return words.is_among(f"SELECT number FROM {words.table(GraphNumber)} WHERE scope = '' AND type IN ({named})")


def _lasting(words: Dialect, types: Sequence[RelationType]) -> str:
    have_end = any(type_.has_end for type_ in types)
    return f"AND {lasts(words, 'l').replace('%s', NOW)}" if have_end else ""
