"""Intents about relations and resources."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from sequere.base import ResourceKey
from sequere.event_types import EventType, register_event
from sequere.log.reading import History
from sequere.log.recording import Intent
from sequere.log.streams import lifecycle
from sequere.relations.key import RelationKey


@register_event
class Deleted(EventType):
    name = "deleted"
    label = _("deleted")
    internal = True


DELETED = Deleted.name


def to_begin(relation: RelationKey, occurred_at: datetime | None = None, idempotency_key: str | None = None) -> Intent:
    """The relation is live: recorded unless it is already."""
    return _about(relation, relation.graph.type.begun, _unless_live, occurred_at, idempotency_key)


def to_import(relation: RelationKey, occurred_at: datetime | None = None) -> Intent:
    """The relation is live according to another source: recorded if the log knows nothing of it."""
    return _about(relation, relation.graph.type.begun, _if_unknown, occurred_at)


def to_end(relation: RelationKey, occurred_at: datetime | None = None, idempotency_key: str | None = None) -> Intent:
    """The relation is no longer live: recorded if it is."""
    return _about(relation, relation.graph.type.ended, _if_live, occurred_at, idempotency_key)


def to_retire(key: ResourceKey) -> Intent:
    """The resource is gone: always recorded. Another resource may get its key later."""
    return Intent(type=DELETED, stream=lifecycle(key), actor=key)


def is_live(history: History) -> bool:
    """Whether the relation with this history is live."""
    return history.last is not None and history.last.version % 2 == 1


def _about(
    relation: RelationKey,
    event_type: type[EventType],
    decide: Callable[[History], Mapping[str, Any] | None],
    occurred_at: datetime | None,
    idempotency_key: str | None = None,
) -> Intent:
    return Intent(
        type=event_type.name,
        stream=relation.stream,
        actor=relation.from_key,
        target=relation.to_key,
        occurred_at=occurred_at,
        idempotency_key=idempotency_key,
        decide=decide,
    )


def _unless_live(history: History) -> Mapping[str, Any] | None:
    return None if is_live(history) else {}


def _if_unknown(history: History) -> Mapping[str, Any] | None:
    return None if history.last else {}


def _if_live(history: History) -> Mapping[str, Any] | None:
    return {} if is_live(history) else None
