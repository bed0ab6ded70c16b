"""A read model on a Redis server: whether it is there at all, and who writes last."""

import logging
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db import models, router

from sequere.backends.redis.connection import Connection, Script
from sequere.events import Event
from sequere.exceptions import ReadModelLost
from sequere.queued import BUILT_IN, QueuedEvent

logger = logging.getLogger("sequere")

# The next number, and never less than the server's clock in microseconds: a server that was emptied, or that has taken
# over from one which knew more numbers, goes on above them. (A hybrid logical clock: Kulkarni et al., 2014.)
DRAW = Script("""
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local last = tonumber(redis.call('GET', KEYS[1]) or 0)
local token = string.format('%.0f', math.max(last + 1, now))
redis.call('SET', KEYS[1], token)
return token
""")


class RedisModel:
    """What is kept under the prefix of a connection for a projection.

    Two keys are about the model as a whole. `global:built` says that it was filled: a server that was emptied has lost
    it, with all else. `global:token` numbers the writers: whoever changes something has drawn a number after he has
    locked it, and each script refuses the numbers below the last that it has seen.
    """

    def __init__(self, connection: Connection, projection: str, types: Collection[str]) -> None:
        """`types` are those of the events without which the model is empty."""
        self.connection = connection
        self._projection = projection
        self._types = types
        self._is_known_to_be_lost = False

    def read(self, *commands: Sequence[Any]) -> list[Any]:
        """What the commands answer: 1 round trip. Raises ReadModelLost, BackendUnavailable."""
        is_built, *answers = self.connection.run([("EXISTS", self._built), *commands])
        if not is_built and self._is_missing(router.db_for_write(Event)):
            raise ReadModelLost(server=self.connection.server, projection=self._projection)
        return answers

    def begin(self, commands: Iterable[Sequence[Any]], using: str) -> tuple[int, list[Any]]:
        """The number of a writer that has locked what it is going to change, and what the commands answer.

        1 round trip. Notices a lost model; what is written to it does no harm.
        """
        token, (is_built, *answers) = self.draw([("EXISTS", self._built), *commands])
        if is_built:
            self._is_known_to_be_lost = False
        elif not self._should_be_there(using):
            self.rebuilt()
        elif not self._is_known_to_be_lost and not self._is_built():  # by somebody who was first
            self._is_known_to_be_lost = True
            logger.error("%s", ReadModelLost(server=self.connection.server, projection=self._projection))
        return token, answers

    def draw(self, commands: Iterable[Sequence[Any]]) -> tuple[int, list[Any]]:
        """The same for a rebuild, to which it is no news that the model is lost."""
        token, *answers = self.connection.run([DRAW([self.connection.key("global", "token")]), *commands])
        return int(token), answers

    def is_lost(self, using: str) -> bool:
        return not self._is_built() and self._is_missing(using)

    def rebuilt(self) -> None:
        """From now on it is what the log says."""
        self.connection.run([("SET", self._built, 1)])

    def reset(self, *patterns: str) -> None:
        """Remove all that is ours: the keys with these endings. That it is gone shows from the first one on."""
        self.connection.run([("UNLINK", self._built)])
        self.connection.remove(*patterns)

    @property
    def _built(self) -> str:
        return self.connection.key("global", "built")

    def _is_built(self) -> bool:
        (number,) = self.connection.run([("EXISTS", self._built)])
        return bool(number)

    def _is_missing(self, using: str) -> bool:
        """Whether it should be there, and is not, although somebody may just have applied the first event of all."""
        return self._should_be_there(using) and not self._is_built()

    def _should_be_there(self, using: str) -> bool:
        """Whether the log has events that do not wait in the outbox."""
        waiting = QueuedEvent.objects.using(using).filter(pipeline=BUILT_IN, event_id=models.OuterRef("pk"))
        log = Event.objects.using(using).filter(type__in=self._types, version=1)
        return log.exclude(models.Exists(waiting)).exists()
