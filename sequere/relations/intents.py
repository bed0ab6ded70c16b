"""Intents about relations and resources, in terms of keys."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.log.reading import Latest
from sequere.log.recording import Intent
from sequere.log.streams import lifecycle, relation
from sequere.log.types import DELETED, FOLLOWED, UNFOLLOWED


def to_follow(
    from_key: ResourceKey,
    to_key: ResourceKey,
    occurred_at: datetime | None = None,
    idempotency_key: str | None = None,
) -> Intent:
    """`from_key` follows `to_key`: recorded unless it does already."""
    return Intent(
        type=FOLLOWED,
        stream=relation(from_key, to_key),
        actor=from_key,
        target=to_key,
        occurred_at=occurred_at,
        idempotency_key=idempotency_key,
        decide=_unless_following,
    )


def to_import(from_key: ResourceKey, to_key: ResourceKey, occurred_at: datetime | None = None) -> Intent:
    """`from_key` follows `to_key` according to another source: recorded if the log knows nothing of the relation."""
    return to_follow(from_key, to_key, occurred_at)._replace(decide=_if_unknown)


def to_unfollow(
    from_key: ResourceKey,
    to_key: ResourceKey,
    occurred_at: datetime | None = None,
    idempotency_key: str | None = None,
) -> Intent:
    """`from_key` no longer follows `to_key`: recorded if it does."""
    return Intent(
        type=UNFOLLOWED,
        stream=relation(from_key, to_key),
        actor=from_key,
        target=to_key,
        occurred_at=occurred_at,
        idempotency_key=idempotency_key,
        decide=_if_following,
    )


def to_end(key: ResourceKey) -> Intent:
    """The resource is gone: always recorded. Another resource may get its key later."""
    return Intent(type=DELETED, stream=lifecycle(key), actor=key, decide=_always)


def _unless_following(last: Event | None, latest: Latest) -> Mapping[str, Any] | None:
    return None if last and last.type == FOLLOWED else {}


def _if_unknown(last: Event | None, latest: Latest) -> Mapping[str, Any] | None:
    return None if last else {}


def _if_following(last: Event | None, latest: Latest) -> Mapping[str, Any] | None:
    return {} if last and last.type == FOLLOWED else None


def _always(last: Event | None, latest: Latest) -> Mapping[str, Any]:
    return {}
