"""What may be said to the log about relations and resources, in terms of keys."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sequere.base import ResourceKey
from sequere.events import DELETED, FOLLOWED, UNFOLLOWED, Intent, Latest, lifecycle, relation


def to_follow(
    from_key: ResourceKey,
    to_key: ResourceKey,
    occurred_at: datetime | None = None,
    idempotency_key: str | None = None,
) -> Intent:
    """from follows to: news unless it does."""
    return _to_change(FOLLOWED, from_key, to_key, occurred_at, idempotency_key)


def to_unfollow(
    from_key: ResourceKey,
    to_key: ResourceKey,
    occurred_at: datetime | None = None,
    idempotency_key: str | None = None,
) -> Intent:
    """from no longer follows to: news if it does."""
    return _to_change(UNFOLLOWED, from_key, to_key, occurred_at, idempotency_key)


def to_delete(key: ResourceKey) -> Intent:
    """The resource is gone: always news. What has its key later is another one."""
    return Intent(type=DELETED, stream=lifecycle(key), actor=key, decide=lambda latest: {})


def _to_change(
    type_: str,
    from_key: ResourceKey,
    to_key: ResourceKey,
    occurred_at: datetime | None,
    idempotency_key: str | None,
) -> Intent:
    stream = relation(from_key, to_key)

    def decide(latest: Latest) -> Mapping[str, Any] | None:
        last = latest.get(stream)
        now = last.type if last else UNFOLLOWED
        return None if now == type_ else {}

    return Intent(
        type=type_,
        stream=stream,
        actor=from_key,
        target=to_key,
        occurred_at=occurred_at,
        idempotency_key=idempotency_key,
        decide=decide,
    )
