"""Intents about relations and resources."""

from collections.abc import Mapping
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
    return Intent(
        type=relation.graph.type.begun.name,
        stream=relation.stream,
        actor=relation.from_key,
        target=relation.to_key,
        occurred_at=occurred_at,
        idempotency_key=idempotency_key,
        decide=_unless_live,
    )


def to_import(relation: RelationKey, occurred_at: datetime | None = None) -> Intent:
    """The relation is live according to another source: recorded if the log knows nothing of it."""
    return to_begin(relation, occurred_at)._replace(decide=_if_unknown)


def to_end(relation: RelationKey, occurred_at: datetime | None = None, idempotency_key: str | None = None) -> Intent:
    """The relation is no longer live: recorded if it is."""
    return Intent(
        type=relation.graph.type.ended.name,
        stream=relation.stream,
        actor=relation.from_key,
        target=relation.to_key,
        occurred_at=occurred_at,
        idempotency_key=idempotency_key,
        decide=_if_live,
    )


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
