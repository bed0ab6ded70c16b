"""The documented way to the backend in Redis: `sequere.contrib.timeline.redis.RedisBackend`."""

from typing import TYPE_CHECKING

from sequere.lazy_imports import lazily

if TYPE_CHECKING:
    from sequere_timeline.backends.redis import RedisBackend

__all__ = ["RedisBackend"]

__getattr__ = lazily(__name__, RedisBackend="sequere_timeline.backends.redis")
