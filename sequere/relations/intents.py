"""Intents about relations and resources."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from sequere.base import ResourceKey
from sequere.event_types import EventType, register_event
from sequere.exceptions import Blocked
from sequere.log.reading import History
from sequere.log.recording import Intent
from sequere.log.streams import lifecycle
from sequere.relations.key import Graph, RelationKey


@register_event
class Deleted(EventType):
    name = "deleted"
    label = _("deleted")
    internal = True
    stream_kind = "resource"


DELETED = Deleted.name


@dataclass(frozen=True, slots=True)
class RelationChange:
    """What a caller wants of relations: that they begin, or that they end. Recorded if it is news."""

    begins: bool
    #: From the history of a relation: {} if it is news, else None.
    decide: Callable[[History], Mapping[str, Any] | None]
    #: Whether only relations begin that the log does not know.
    only_unknown: bool = False
    #: Whether relations that must not begin are left out; otherwise they raise Blocked.
    leaves_out: bool = False

    def type_in(self, graph: Graph) -> type[EventType]:
        """The type of the events."""
        return graph.type.begun if self.begins else graph.type.ended

    def intent(
        self, relation: RelationKey, occurred_at: datetime | None = None, idempotency_key: str | None = None
    ) -> Intent:
        """The same as an intent. Its `decide` raises Blocked."""
        refusing = tuple(one.stream for one in relation.refusing) if self.begins else ()
        return Intent(
            type=self.type_in(relation.graph).name,
            stream=relation.stream,
            actor=relation.from_key,
            target=relation.to_key,
            occurred_at=occurred_at,
            idempotency_key=idempotency_key,
            reads=refusing,
            decide=partial(self._unless_refused, relation, refusing) if refusing else self.decide,
            scope=relation.graph.scope,
            is_strict=bool(refusing),
        )

    def _unless_refused(
        self, relation: RelationKey, refusing: Iterable[UUID], history: History
    ) -> Mapping[str, Any] | None:
        data = self.decide(history)
        if data is None or not any(is_live(history._replace(last=history.latest.get(one))) for one in refusing):
            return data
        if self.leaves_out:
            return None
        raise Blocked(from_instance=relation.from_key, to_instance=relation.to_key)


def to_retire(key: ResourceKey) -> Intent:
    """The resource is gone: always recorded. Another resource may get its key later."""
    return Intent(type=DELETED, stream=lifecycle(key), actor=key)


def is_live(history: History) -> bool:
    """Whether the relation with this history is live."""
    return history.last is not None and history.last.version % 2 == 1


def _unless_live(history: History) -> Mapping[str, Any] | None:
    return None if is_live(history) else {}


def _if_unknown(history: History) -> Mapping[str, Any] | None:
    return None if history.last else {}


def _if_live(history: History) -> Mapping[str, Any] | None:
    return {} if is_live(history) else None


#: The relation should be live: recorded unless it is already.
TO_BEGIN = RelationChange(begins=True, decide=_unless_live)
#: The relation is live according to another source: recorded if the log knows nothing of it.
TO_IMPORT = RelationChange(begins=True, decide=_if_unknown, only_unknown=True, leaves_out=True)
#: The same as TO_BEGIN for many: those that must not begin are left out.
TO_BEGIN_MANY = RelationChange(begins=True, decide=_unless_live, leaves_out=True)
#: The relation should not be live: recorded if it still is.
TO_END = RelationChange(begins=False, decide=_if_live)

to_begin, to_import, to_end = TO_BEGIN.intent, TO_IMPORT.intent, TO_END.intent
