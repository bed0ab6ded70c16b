"""A read model on a Redis server: whether it is there, and the tokens of its writers and rebuilds."""

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import models, router

from sequere.exceptions import ReadModelLost
from sequere.log.models import Event
from sequere.outbox.models import QueuedEvent
from sequere.outbox.queues import queue_of
from sequere.projections.reconciler import Plan, Reconciler
from sequere.redis.connection import Connection
from sequere.redis.fencing import DRAW_TOKEN
from sequere.redis.scripts import load

_logger = logging.getLogger("sequere")

END_REBUILD = load("sequere.redis", "end_rebuild")

#: How long the mark of an interrupted rebuild stays.
SECONDS_TO_RESUME = 7 * 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class RebuildStart:
    """How a rebuild began."""

    #: The fencing token with which all its processes write.
    token: int
    #: Whether the model was lost.
    is_lost: bool
    #: Whether there were no keys of the model, so that everything found later was written since. False if unknown.
    was_empty: bool = False


class RedisModel:
    """Everything that is kept under the prefix of a connection for a projection.

    Two keys are about the model as a whole. `global:built:<projection>` says that it was filled: an emptied server has
    lost it, with everything else. `global:load:<token>`, the mark of a rebuild, says that the server was not emptied
    since the rebuild began. `global:token` is the last fencing token (see `fencing`).
    """

    def __init__(self, connection: Connection, projection: str, types: Collection[str]) -> None:
        """`types` are those of the events without which the model is empty."""
        self.connection = connection
        self._projection = projection
        self._types = types
        self._is_known_to_be_lost = False

    def read(self, *commands: Sequence[Any]) -> list[Any]:
        """The answers to the commands. 1 round trip. Raises ReadModelLost, BackendUnavailable."""
        is_built, *answers = self.connection.run([("EXISTS", self._built), *commands])
        if not is_built and self._is_missing(router.db_for_write(Event)):
            raise ReadModelLost(server=self.connection.server, projection=self._projection)
        return answers

    def begin(self, commands: Iterable[Sequence[Any]], using: str) -> tuple[int, list[Any]]:
        """The token of a writer that has locked what it is going to change, and the answers to the commands.

        1 round trip. Logs an error, once, if the model is lost; writing to it does no harm.
        """
        token, (is_built, *answers) = self.draw([("EXISTS", self._built), *commands])
        if is_built:
            self._is_known_to_be_lost = False
        elif not self._should_be_there(using):
            self.connection.run([("SET", self._built, 1)])
        elif not self._is_known_to_be_lost and not self._is_built():  # another process may have been first
            self._is_known_to_be_lost = True
            _logger.error("%s", ReadModelLost(server=self.connection.server, projection=self._projection))
        return token, answers

    def draw(self, commands: Iterable[Sequence[Any]]) -> tuple[int, list[Any]]:
        """The same for a rebuild, which knows whether the model is lost."""
        token, *answers = self.connection.run([DRAW_TOKEN([self.last_token]), *commands])
        return int(token), answers

    def is_lost(self, using: str) -> bool:
        """Whether the model is missing although the log has events for it. 1 round trip, 1 more and 1 query if so."""
        return not self._is_built() and self._is_missing(using)

    def start_rebuild(self, using: str, *, was_empty: bool = False) -> RebuildStart:
        """Draw the token of a rebuild, and leave its mark. 3 round trips."""
        is_lost = self.is_lost(using)
        token, _ = self.draw([])
        self.connection.run([("SET", self.mark(token), 1, "EX", SECONDS_TO_RESUME)])
        return RebuildStart(token, is_lost, was_empty)

    def mark(self, token: int) -> str:
        """The key of the mark of a rebuild."""
        return self.connection.key("global", "load", token)

    def can_resume(self, start: RebuildStart) -> bool:
        """Whether everything that a rebuild has done is still there. 1 round trip."""
        is_marked, is_built = self.connection.run([("EXISTS", self.mark(start.token)), ("EXISTS", self._built)])
        return bool(is_marked and (is_built or start.is_lost))

    def end_rebuild(self, start: RebuildStart) -> None:
        """Say that the model is what the log says. 1 round trip.

        Raises ReadModelLost if the server was emptied since the rebuild began.
        """
        (is_built,) = self.connection.run([END_REBUILD([self.mark(start.token), self._built])])
        if not is_built:
            raise ReadModelLost(server=self.connection.server, projection=self._projection)

    def reset(self, *patterns: str) -> None:
        """Remove the keys with these endings. The model counts as lost as soon as the first one is gone."""
        self.connection.run([("UNLINK", self._built)])
        self.connection.remove(*patterns)

    @property
    def last_token(self) -> str:
        """The key of the last fencing token."""
        return self.connection.key("global", "token")

    @property
    def _built(self) -> str:
        return self.connection.key("global", "built", self._projection)

    def _is_built(self) -> bool:
        (number,) = self.connection.run([("EXISTS", self._built)])
        return bool(number)

    def _is_missing(self, using: str) -> bool:
        """Whether the model should be there and is not. Asked again after the log, since another process may just have
        applied the first event."""
        return self._should_be_there(using) and not self._is_built()

    def _should_be_there(self, using: str) -> bool:
        """Whether the log has events that are not pending in the outbox."""
        waiting = QueuedEvent.objects.using(using).filter(
            queue=queue_of(self._projection), event_id=models.OuterRef("pk")
        )
        log = Event.objects.using(using).filter(type__in=self._types, version=1)
        return log.exclude(models.Exists(waiting)).exists()


class RedisPlan(Plan):
    """The plan of a rebuild in Redis."""

    def __init__(self, reconcilers: Sequence[Reconciler], model: RedisModel, start: RebuildStart) -> None:
        super().__init__(reconcilers)
        self._model = model
        self._start = start

    @property
    def state(self) -> dict[str, Any]:
        return asdict(self._start)

    def can_resume(self, using: str) -> bool:
        return self._model.can_resume(self._start)

    def finish(self, using: str) -> None:
        """Raises ReadModelLost if the server was emptied since the rebuild began."""
        self._model.end_rebuild(self._start)
