"""Actions as hashes."""

import json
from collections.abc import Sequence
from typing import Any

from sequere.base import ResourceKey
from sequere.redis.connection import text
from sequere.redis.scores import from_score, to_score
from sequere_timeline.actions import StoredAction
from sequere_timeline.history import Life

#: The fields from which an action is shown, until it is deleted. Two more stay until no follower has it any more:
#: `published`, the event that saved it in the timeline of its actor, and `reached`, the same once followers have it.
FIELDS = ("uid", "actor", "verb", "target", "target_deleted", "date", "kwargs")


def to_fields(life: Life) -> dict[str, str]:
    """What is stored of an action, without `reached`."""
    return {
        "uid": str(life.uid),
        "actor": str(life.actor),
        "verb": life.verb,
        "target": str(life.target or ""),
        "target_deleted": str(int(life.target_deleted)),
        "date": str(to_score(life.date)),
        "kwargs": json.dumps(life.kwargs),
        "published": str(life.published or ""),
    }


def from_fields(values: Sequence[Any], reasons: Sequence[str]) -> StoredAction | None:
    """The action with these values of FIELDS; None if it is gone."""
    if values[0] is None:
        return None
    uid, actor, verb, target, target_deleted, date, kwargs = map(text, values)
    return StoredAction(
        uid=uid,
        verb=verb,
        actor=_key(actor),
        target=_key(target) if target else None,
        target_deleted=target_deleted == "1",
        date=from_score(date),
        kwargs=json.loads(kwargs),
        reasons=reasons,
    )


def _key(name: str) -> ResourceKey:
    return ResourceKey(*name.split(":", 1))
