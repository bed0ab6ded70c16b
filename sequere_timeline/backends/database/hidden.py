"""Whom the owners of timelines do not see, in SQL: asked of live relations with each page, in the same statement."""

from collections.abc import Iterator
from typing import Any

from sequere.backends.database.models import LiveRelation
from sequere.backends.database.statements import narrowed, now, number_of, uid_of
from sequere.base import ResourceKey
from sequere.relations.types import RelationType
from sequere.sql.dialects import Dialect
from sequere_timeline.backends.database.models import SavedAction
from sequere_timeline.visibility import HIDINGS

#: The type of some relations, which end the owner is, and which one the resource that it does not see.
_Side = tuple[RelationType, str, str]


def is_shown(words: Dialect, action: str | None = None) -> str:
    """The condition that the owner of a feed sees an entry, whose action is joined under a name, or not at all.
    Parameters: `what_it_takes()`.

    Who sees everybody pays for finding that out once; nothing else is asked then.
    """
    seen = _is_seen(words, action or "done")
    if action is None:
        seen = f"EXISTS (SELECT 1 FROM {words.table(SavedAction)} done WHERE done.id = entry.action_id AND {seen})"
    return f"CASE WHEN EXISTS ({_select(words, _actors())}) THEN {seen} ELSE true END"


def what_it_takes(owner: ResourceKey) -> list[Any]:
    """The parameters of the condition."""
    asked = (*_actors(), *_actors(), *_targets())
    return [value for type_, *_ in asked for value in (*owner, *now(type_))]


def _is_seen(words: Dialect, action: str) -> str:
    is_own = f"{action}.actor_uid = entry.feed"
    upon_nobody = f"{action}.target_uid IS NULL OR {action}.target_deleted"
    return (
        f"{action}.actor_uid NOT IN ({_select(words, _actors())})"
        f" AND ({upon_nobody} OR {is_own} OR {action}.target_uid NOT IN ({_select(words, _targets())}))"
    )


def _actors() -> Iterator[_Side]:
    for hiding in HIDINGS:
        yield hiding.type, "from", "to"
        if hiding.both:
            yield hiding.type, "to", "from"


def _targets() -> Iterator[_Side]:
    return ((hiding.type, "from", "to") for hiding in HIDINGS if hiding.targets)


def _select(words: Dialect, sides: Iterator[_Side]) -> str:
    """SELECTs uids."""
    return " UNION ALL ".join(
        f"SELECT l.{other}_uid FROM {words.table(LiveRelation)} l"
        f" WHERE l.graph = {number_of(type_.name, words, scope=words.text(''))}"
        f" AND l.{owner}_uid = {uid_of(words)} {narrowed(type_, 'l', words)}"
        for type_, owner, other in sides
    )
