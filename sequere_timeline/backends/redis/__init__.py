"""Timelines in Redis, beside a log in the database."""

from typing import TYPE_CHECKING

from sequere.lazy_imports import lazily

if TYPE_CHECKING:
    from sequere_timeline.backends.redis.backend import RedisBackend

__all__ = ["RedisBackend"]

__getattr__ = lazily(__name__, RedisBackend="sequere_timeline.backends.redis.backend")
