"""Follows in Redis, beside a log in the database."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sequere.backends.redis.backend import RedisBackend

__all__ = ["RedisBackend"]


def __getattr__(name: str) -> Any:
    # Packages are imported before models may be.
    if name == "RedisBackend":
        from sequere.backends.redis.backend import RedisBackend

        return RedisBackend
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
