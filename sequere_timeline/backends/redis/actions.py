"""The actions as hashes: what is written, and how a page is read."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sequere.base import ResourceKey
from sequere.redis.connection import text
from sequere.redis.scores import from_score, to_score
from sequere_timeline.actions import Action, restore
from sequere_timeline.history import Life

#: The fields that an action is shown from, until it is deleted. There are also `published`, the event that saved it in
#: the timeline of its actor, and `reached`, the same once the followers have it; they stay until nobody has it any
#: more.
FIELDS = ("uid", "actor", "verb", "target", "target_deleted", "date", "kwargs")


def to_fields(life: Life) -> dict[str, str]:
    """What is stored of an action, but whom it has reached."""
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


class StoredAction:
    """An action, and why it is in a timeline."""

    __slots__ = ("actor", "date", "kwargs", "reasons", "target", "target_deleted", "uid", "verb")

    def __init__(self, values: Sequence[Any], reasons: Sequence[str]) -> None:
        self.uid, actor, self.verb, target, target_deleted, date, kwargs = map(text, values)
        self.actor = _key(actor)
        self.target = _key(target) if target else None
        self.target_deleted = target_deleted == "1"
        self.date = from_score(date)
        self.kwargs = json.loads(kwargs)
        self.reasons = reasons

    def restored(self, instances: Mapping[ResourceKey, Any], classes: dict[str, type[Action]]) -> Action | None:
        """The action with its actor and target; None where the actor is hidden."""
        if self.actor not in instances:
            return None
        return restore(
            classes,
            verb=self.verb,
            actor=instances[self.actor],
            actor_key=self.actor,
            target=None if self.target is None or self.target_deleted else instances.get(self.target),
            target_key=self.target,
            date=self.date,
            kwargs=self.kwargs,
            uid=self.uid,
            target_deleted=self.target_deleted,
            reasons=self.reasons,
        )


def _key(name: str) -> ResourceKey:
    return ResourceKey(*name.split(":", 1))
