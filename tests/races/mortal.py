"""Dying by SIGKILL at a chosen step: before or after a statement to the database or a round trip to Redis."""

import os
import signal
from collections.abc import Callable
from typing import Any

import redis
from django.conf import settings
from django.db import connection
from redis.client import Pipeline

_left = -1


def die_at(step: int) -> None:
    """Let this process kill itself at a later step; each statement and each round trip has two, one on either side."""
    global _left  # noqa: PLW0603  # a process dies once
    _left = step
    connection.execute_wrappers.append(_around)
    for options in ("SEQUERE_BACKEND_OPTIONS", "SEQUERE_TIMELINE_BACKEND_OPTIONS"):
        if hasattr(settings, options):
            setattr(settings, options, {**getattr(settings, options), "client_class": MortalRedis})


class MortalPipeline(Pipeline):
    def execute(self, raise_on_error: bool = True) -> list[Any]:
        _step()
        answers = super().execute(raise_on_error)
        _step()
        return answers


class MortalRedis(redis.Redis):
    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> MortalPipeline:
        return MortalPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


def _around(execute: Callable[..., Any], *arguments: Any) -> Any:
    _step()
    result = execute(*arguments)
    _step()
    return result


def _step() -> None:
    global _left  # noqa: PLW0603
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
