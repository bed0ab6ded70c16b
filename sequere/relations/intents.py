"""Intents about relations and resources."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
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


class _Rules(NamedTuple):
    """What a relation that is to begin depends on: streams of other relations."""

    #: While one of them is live, it must not begin.
    refusing: Sequence[UUID] = ()
    #: While one of them is live, there is nothing to begin.
    needless: Sequence[UUID] = ()
    #: While one of them is not live, there is nothing to begin.
    needed: Sequence[UUID] = ()

    @property
    def streams(self) -> tuple[UUID, ...]:
        return (*self.refusing, *self.needless, *self.needed)


@dataclass(frozen=True, slots=True)
class RelationChange:
    """What a caller wants of relations: that they begin, or that they end. Recorded if it is news."""

    begins: bool
    #: From the history of a relation: the data of the event if it is news, else None.
    decide: Callable[[History], Mapping[str, Any] | None]
    #: Why a request is closed together with it.
    closing: str = ""
    #: Whether only relations begin that the log does not know.
    only_unknown: bool = False
    #: Whether only relations begin that have been asked for.
    only_requested: bool = False
    #: Whether relations that must not begin are left out; otherwise they raise Blocked.
    leaves_out: bool = False
    #: Whether the function of a database that has functions can decide about it.
    is_plain: bool = True

    def type_in(self, graph: Graph) -> type[EventType]:
        """The type of the events."""
        return graph.type.begun if self.begins else graph.type.ended

    def intents(
        self, relation: RelationKey, occurred_at: datetime | None = None, idempotency_key: str | None = None
    ) -> Sequence[Intent]:
        """The same as intents: about the relation, and about a request for it."""
        first, asking = self.intent(relation, occurred_at, idempotency_key), relation.asking
        return (first, self._closing(relation, asking)) if asking else (first,)

    def intent(
        self, relation: RelationKey, occurred_at: datetime | None = None, idempotency_key: str | None = None
    ) -> Intent:
        """The same as an intent about the relation alone. Its `decide` raises Blocked."""
        rules = self._rules(relation) if self.begins else _Rules()
        return Intent(
            type=self.type_in(relation.graph).name,
            stream=relation.stream,
            actor=relation.from_key,
            target=relation.to_key,
            occurred_at=occurred_at,
            idempotency_key=idempotency_key,
            reads=rules.streams,
            decide=partial(self._unless_refused, relation, rules) if rules.streams else self.decide,
            scope=relation.graph.scope,
            is_strict=bool(rules.streams),
        )

    def _rules(self, relation: RelationKey) -> _Rules:
        asking, asked_for = relation.asking, relation.asked_for
        return _Rules(
            refusing=[one.stream for one in relation.refusing],
            needless=[asked_for.stream] if asked_for else (),
            needed=[asking.stream] if asking and self.only_requested else (),
        )

    def _unless_refused(self, relation: RelationKey, rules: _Rules, history: History) -> Mapping[str, Any] | None:
        data = self.decide(history)
        live = {stream for stream in rules.streams if _is_live_on(stream, history)}
        if data is None or not live.isdisjoint(rules.needless) or not live.issuperset(rules.needed):
            return None
        if live.isdisjoint(rules.refusing):
            return data
        if self.leaves_out:
            return None
        raise Blocked(from_instance=relation.from_key, to_instance=relation.to_key)

    def _closing(self, relation: RelationKey, request: RelationKey) -> Intent:
        """A request ends when what it asks for begins, or is not wanted any more."""

        def decide(history: History) -> Mapping[str, Any] | None:
            is_granted = not self.begins or _is_live_on(relation.stream, history)
            return {"cause": self.closing} if is_live(history) and is_granted else None

        reads = (relation.stream,) if self.begins else ()
        return to_end(request)._replace(decide=decide, reads=reads, is_strict=self.begins)


def to_retire(key: ResourceKey) -> Intent:
    """The resource is gone: always recorded. Another resource may get its key later."""
    return Intent(type=DELETED, stream=lifecycle(key), actor=key)


def is_live(history: History) -> bool:
    """Whether the relation with this history is live."""
    return history.last is not None and history.last.version % 2 == 1


def _is_live_on(stream: UUID, history: History) -> bool:
    return is_live(history._replace(last=history.latest.get(stream)))


def to_ask(message: str = "", *, leaves_out: bool = False) -> RelationChange:
    """The relation is a request: recorded unless it waits already, or what it asks for is there."""
    data = {"message": message} if message else {}
    return RelationChange(begins=True, decide=partial(saying, data), leaves_out=leaves_out, is_plain=False)


def to_refuse(refusal: Exception) -> RelationChange:
    """The relation may not begin: raises the exception unless it is live already."""
    return RelationChange(begins=True, decide=partial(_raise_unless_live, refusal), is_plain=False)


def to_close(cause: str) -> RelationChange:
    """The relation is a request, and is closed for a cause: recorded if it still waits."""
    return RelationChange(begins=False, decide=partial(_because, cause), is_plain=False)


def saying(data: Mapping[str, Any], history: History) -> Mapping[str, Any] | None:
    """The data of an event that begins a relation, unless that is live."""
    return None if is_live(history) else data


def _raise_unless_live(refusal: Exception, history: History) -> None:
    if not is_live(history):
        raise refusal


def _because(cause: str, history: History) -> Mapping[str, Any] | None:
    return {"cause": cause} if is_live(history) else None


def _unless_live(history: History) -> Mapping[str, Any] | None:
    return None if is_live(history) else {}


def _if_unknown(history: History) -> Mapping[str, Any] | None:
    return None if history.last else {}


def _if_live(history: History) -> Mapping[str, Any] | None:
    return {} if is_live(history) else None


#: The relation should be live: recorded unless it is already.
TO_BEGIN = RelationChange(begins=True, decide=_unless_live, closing="followed")
#: The relation is live according to another source: recorded if the log knows nothing of it.
TO_IMPORT = replace(TO_BEGIN, decide=_if_unknown, only_unknown=True, leaves_out=True)
#: The same as TO_BEGIN for many: those that must not begin are left out.
TO_BEGIN_MANY = replace(TO_BEGIN, leaves_out=True)
#: The relation should be live, since it was asked for: recorded if the request still waits.
TO_ACCEPT = replace(TO_BEGIN, closing="accepted", only_requested=True, is_plain=False)
#: The relation should not be live: recorded if it still is.
TO_END = RelationChange(begins=False, decide=_if_live, closing="cancelled")
#: The same, as the other end wants it.
TO_REMOVE = replace(TO_END, closing="denied")


def ending(graph: Graph, cause: str) -> RelationChange:
    """Relations of a graph should not be live; requests say for which cause they are closed."""
    return to_close(cause) if graph.type.asks_for else TO_END


to_begin, to_import, to_end = TO_BEGIN.intent, TO_IMPORT.intent, TO_END.intent
