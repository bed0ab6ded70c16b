"""The documented way to the backend in Redis: `sequere.contrib.timeline.redis.RedisBackend`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sequere_timeline.backends.redis import RedisBackend

__all__ = ["RedisBackend"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from sequere_timeline.backends import redis

        return getattr(redis, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
