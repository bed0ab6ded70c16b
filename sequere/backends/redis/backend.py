"""The questions that Redis answers about follows."""

from sequere.backends.base import BaseBackend


class RedisBackend(BaseBackend):
    """Follows in Redis, written after the commit of what the log says."""
