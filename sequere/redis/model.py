"""A read model on a Redis server: whether it is there at all, and who writes last."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db import models, router

from sequere.exceptions import ReadModelLost
from sequere.log.models import Event
from sequere.outbox.models import BUILT_IN, QueuedEvent
from sequere.redis.connection import Connection, Script

logger = logging.getLogger("sequere")

# The next number, and never less than the server's clock in microseconds: a server that was emptied, or that has taken
# over from one which knew more numbers, goes on above them. (A hybrid logical clock: Kulkarni et al., 2014.)
NEXT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local last = tonumber(redis.call('GET', KEYS[1]) or 0)
local token = string.format('%.0f', math.max(last + 1, now))
redis.call('SET', KEYS[1], token)
"""
DRAW = Script(NEXT + "return token")

#: How long the mark of a rebuild stays that nobody goes on with.
SECONDS_TO_GO_ON = 7 * 24 * 60 * 60

# KEYS: the mark of a rebuild, and what says that the model was filled, which it is where the first answer was lost.
REBUILT = Script("""
if redis.call('UNLINK', KEYS[1]) == 0 then return redis.call('EXISTS', KEYS[2]) end
redis.call('SET', KEYS[2], 1)
return 1
""")


class RedisModel:
    """What is kept under the prefix of a connection for a projection.

    Two keys are about the model as a whole. `global:built:<projection>` says that it was filled: a server that was
    emptied has lost it, with all else; `global:load:<number>`, the mark of a rebuild, says that it was not emptied
    since that one began.
    `global:token` numbers the writers: whoever changes something has drawn a number after he has
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
            self.connection.run([("SET", self._built, 1)])
        elif not self._is_known_to_be_lost and not self._is_built():  # by somebody who was first
            self._is_known_to_be_lost = True
            logger.error("%s", ReadModelLost(server=self.connection.server, projection=self._projection))
        return token, answers

    def draw(self, commands: Iterable[Sequence[Any]]) -> tuple[int, list[Any]]:
        """The same for a rebuild, to which it is no news that the model is lost."""
        token, *answers = self.connection.run([DRAW([self.last_token]), *commands])
        return int(token), answers

    def is_lost(self, using: str) -> bool:
        return not self._is_built() and self._is_missing(using)

    def prepare(self, using: str) -> dict[str, Any]:
        """The number of a rebuild, under which it leaves its mark, and whether it begins with nothing."""
        is_lost = self.is_lost(using)
        number, _ = self.draw([])
        self.connection.run([("SET", self.mark(number), 1, "EX", SECONDS_TO_GO_ON)])
        return {"number": number, "is_lost": is_lost}

    def mark(self, number: int) -> str:
        return self.connection.key("global", "load", number)

    def can_go_on(self, known: Mapping[str, Any]) -> bool:
        """Whether all that a rebuild has done is still there."""
        is_marked, is_built = self.connection.run([("EXISTS", self.mark(known["number"])), ("EXISTS", self._built)])
        return bool(is_marked and (is_built or known["is_lost"]))

    def rebuilt(self, known: Mapping[str, Any]) -> None:
        """From now on it is what the log says. Raises ReadModelLost if it was emptied since the rebuild began."""
        (is_built,) = self.connection.run([REBUILT([self.mark(known["number"]), self._built])])
        if not is_built:
            raise ReadModelLost(server=self.connection.server, projection=self._projection)

    def reset(self, *patterns: str) -> None:
        """Remove all that is ours: the keys with these endings. That it is gone shows from the first one on."""
        self.connection.run([("UNLINK", self._built)])
        self.connection.remove(*patterns)

    @property
    def last_token(self) -> str:
        return self.connection.key("global", "token")

    @property
    def _built(self) -> str:
        return self.connection.key("global", "built", self._projection)

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
