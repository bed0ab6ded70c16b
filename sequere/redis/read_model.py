"""A read model on a Redis server: whether it is there, and the tokens of its writers and rebuilds."""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from django.db import connections, models, router, transaction

from sequere.exceptions import InvalidBackendOption, ReadModelLost
from sequere.log.identity import Log, LogAt, lock_log, log_at, log_id
from sequere.log.models import Event
from sequere.log.uids import move_uids_above
from sequere.outbox.models import QueuedEvent
from sequere.outbox.queues import queue_of
from sequere.projections.reconciler import Plan, Reconciler
from sequere.redis.connection import Connection, text
from sequere.redis.fencing import DRAW_TOKEN
from sequere.redis.servers import Look, Trust, whole

_logger = logging.getLogger("sequere")

KeysT = TypeVar("KeysT")

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
    #: The identity of what the server held (see `servers`).
    identity: str = ""


class RedisModel:
    """Everything that is kept under the prefix of a connection for a projection.

    Three keys are about the model as a whole. `global:built:<projection>` says that it was filled: an emptied server
    has lost it, with everything else. `global:log:<projection>` notes which log it was made of, and the last event that
    its writers have seen: a server of another log, or one that knows more than the log, since the database was restored
    from a backup, does not hold the model either. Up to its floor, events are applied with locks only. It also notes
    the last checkpoint, for a server that comes back with an older state (see `servers`). `global:load:<token>`, the
    mark of a rebuild, says that the server was not emptied since the rebuild began. `global:token` is the last fencing
    token (see `fencing`).
    """

    def __init__(self, connection: Connection, types: Collection[str]) -> None:
        """`types` are those of the events without which the model is empty."""
        self.connection = connection
        self._projection = connection.projection
        self._types = types
        self._trust = Trust(connection)
        self._is_known_to_be_lost = False
        #: Whether this process has made sure that the log has the last event that was noted.
        self._has_looked = False
        #: The logs in which this process has found no event of the types. To find none takes a walk through the log.
        self._without_events: set[LogAt] = set()

    def read(self, *commands: Sequence[Any], restores: bool = True) -> list[Any]:
        """The answers to the commands. 1 round trip. Raises ReadModelLost, BackendUnavailable.

        If the server may have come back with an older state, what it lacks is applied again first, unless the caller
        holds locks and so never `restores`: then that raises ReadModelLost, too.
        """
        using = router.db_for_write(Event)
        while True:
            answer, *answers = self.connection.run([self._trust.look, *commands])
            look = Look(answer)
            if not look.is_built:
                if self._is_missing(using):
                    raise self.connection.lost()
                return answers
            if not self._is_of_this_log(look.log, look.event, using):
                raise self._refusal(look.log, using)
            if self._trust.is_believed(look, using):
                return answers
            self._trust.restore(look, using, by_itself=restores)

    def begin(
        self, commands: Iterable[Sequence[Any]], using: str, events: Collection[int], fenced: Sequence[str] = ()
    ) -> tuple[int, list[Any]]:
        """The token of a writer that has locked what it is going to change, and the answers to the commands. `events`
        are the ids of those that it has in hand; late writers are refused at the keys in `fenced` from now on.

        1 round trip; 1 query more if others have applied a later event. If the model is lost, an error is logged once:
        writing to it does no harm. Raises ReadModelLost if it belongs to another log, or knows an event that the log
        has not.
        """
        last = max(events, default=0)
        draw = self._draw(using, last, fenced)
        # The first writer notes the log before it says that the model is there: asked in the other order, one of both
        # would seem to be missing.
        is_built, (token, log, event), *answers = self.connection.run([("EXISTS", self.built), draw, *commands])
        if not (log or is_built):
            self._claim(using, last)
        elif not self._is_of_this_log(text(log), whole(event), using, last):
            refusal = self._refusal(text(log), using)
            self._log_loss(refusal)
            if text(log) == log_id(using):  # another log may have its model there, which is not lost
                self.connection.run([("UNLINK", self.built)])
            raise refusal
        if is_built:
            self._is_known_to_be_lost = False
        elif not self._should_be_there(using, events):
            self.connection.run([("SET", self.built, 1)])
        elif not self._is_built():  # another process may have been first
            self._log_loss(self.connection.lost())
        return int(token), answers

    def write_directly(self, command: Sequence[Any], event_id: int, servers: dict[str, str], using: str) -> None:
        """Send the command of a writer that has recorded an event and holds no locks: it answers 1, or 0 if it refuses
        him, and what is there. Put the identity of what the server holds into `servers`, "" if it holds nothing yet.

        1 round trip, which other writers may share (`Connection.gathering()`); 1 query more if others have applied a
        later event. Raises StaleWriter, also later, if it has refused, or the model must be looked at with locks.
        """

        def answered(answers: list[Any]) -> None:
            ((is_written, *found),) = answers
            look = Look(found)
            is_new = not (look.is_built or look.log)  # nothing was ever written there
            is_right = is_new or (look.is_built and self._is_of_this_log(look.log, look.event, using, event_id))
            if not (is_right and is_written):
                raise self.connection.stale()
            servers[self._projection] = "" if is_new else look.identity

        self.connection.later([command], answered)

    def draw(self, commands: Iterable[Sequence[Any]], using: str) -> tuple[int, list[Any]]:
        """The same for a rebuild, which knows whether the model is lost. Raises ReadModelLost if it belongs to another
        log now."""
        (token, log, _), *answers = self.connection.run([self._draw(using), *commands])
        if text(log) != log_id(using):
            raise self._refusal(text(log), using)
        return int(token), answers

    def is_lost(self, using: str) -> bool:
        """Whether the model is missing although the log has events for it, or was made of another log.

        1 round trip and 1 query; 1 more of both if it is missing.
        """
        look = self._look()
        if not look.is_built:
            return self._is_missing(using)
        return not self._is_of_this_log(look.log, look.event, using, 0) or self._trust.is_lost(look, using)

    def is_foreign(self, using: str) -> bool:
        """Whether another log has its model there. 1 round trip and 1 query; none before the log has its tables."""
        with connections[using].cursor() as cursor:
            if Log._meta.db_table not in connections[using].introspection.table_names(cursor):
                return False
        log = self._look().log
        return bool(log) and log != log_id(using, afresh=True)

    def start_rebuild(self, using: str, patterns: Sequence[str], counter: str | None = None) -> RebuildStart:
        """Draw the token of a rebuild, and leave its mark. If what the keys with these endings hold was not made of
        this log, they are removed first, and the next uid becomes larger than the one in `counter`, which somebody else
        may have handed out. 1 query, 6 round trips, and what a removal takes.

        Raises InvalidBackendOption if they may belong to another tenant of the site.
        """
        # One that is not there is loaded, even if nothing of it is missed, since all events are pending.
        is_lost = self.is_lost(using) or not self._is_built()
        with transaction.atomic(using=using):
            # Another rebuild that begins now must not remove what this one loads. Its lock ends with its transaction.
            lock_log(using)
            if not self._is_ours(using):
                self._refuse_tenants()
                if counter is not None:
                    (type_,) = self.connection.run([("TYPE", counter)])
                    if text(type_) == "string":
                        (highest,) = self.connection.run([("GET", counter)])
                        move_uids_above(whole(highest), using)
                self._empty(*patterns)
                self._claim(using)  # a note that writers of this log have left stays until then
        if is_lost:
            # What it loads has no locks either: until it ends, no event is applied without them.
            self.connection.run([("HSET", self.note, "floor", "inf")])
        was_empty = next(self.connection.keys(*patterns), None) is None
        token, (answer,) = self.draw([self._trust.look], using)
        self.connection.run([("SET", self.mark(token), 1, "EX", SECONDS_TO_RESUME)])
        return RebuildStart(token, is_lost, was_empty, Look(answer).identity)

    def mark(self, token: int) -> str:
        """The key of the mark of a rebuild."""
        return self.connection.key("global", "load", token)

    def can_resume(self, start: RebuildStart) -> bool:
        """Whether everything that a rebuild has done is still there. 1 round trip."""
        is_marked, answer = self.connection.run([("EXISTS", self.mark(start.token)), self._trust.look])
        look = Look(answer)
        return bool(is_marked and look.identity == start.identity and (look.is_built or start.is_lost))

    def end_rebuild(self, start: RebuildStart, using: str) -> None:
        """Say that the model is what the log says. 1 round trip, 5 statements.

        Raises ReadModelLost if the server was emptied, or restarted, since the rebuild began.
        """
        self._trust.end_rebuild(self.mark(start.token), start.identity, using)

    def make_checkpoint(self, using: str) -> None:
        """Have the server remember that it has all that is applied by now. 2 round trips at most, 6 statements."""
        self._trust.make_checkpoint(using, self._is_missing)

    def reset(self, *patterns: str) -> None:
        """Remove the keys with these endings, and the note about the log. The model counts as lost as soon as the first
        one is gone."""
        self._empty(*patterns)
        self.connection.run([("UNLINK", self._trust.note)])

    @property
    def last_token(self) -> str:
        """The key of the last fencing token."""
        return self._trust.last_token

    @property
    def built(self) -> str:
        """The key that says that the model is there."""
        return self._trust.built

    @property
    def note(self) -> str:
        """The key of the note about the log."""
        return self._trust.note

    def _empty(self, *patterns: str) -> None:
        self.connection.run([("UNLINK", self.built)])
        self.connection.remove(*patterns)

    def _draw(self, using: str, last: int = 0, fenced: Sequence[str] = ()) -> Sequence[Any]:
        return DRAW_TOKEN([self.last_token, self._trust.note, *fenced], log_id(using), last)

    def _claim(self, using: str, last: int = 0) -> None:
        """Note that what is stored from now on is made of this log. 3 statements, 1 round trip."""
        note = ("HSET", self._trust.note, "id", log_id(using, afresh=True), "event", last)
        *_, answer = self.connection.run([("UNLINK", self._trust.note), note, self._trust.look])
        self._trust.believe(Look(answer), using)
        self._has_looked = True

    def _is_of_this_log(self, log: str, event: int, using: str, last: int | None = None) -> bool:
        """Whether what is there was made of this log, and the log has the last event that was noted.

        A writer looks for an event that is later than the `last` one that it has in hand, a reader for the first one
        that it meets. 1 query if so.
        """
        if log != log_id(using) and log != log_id(using, afresh=True):
            return False
        looks = not self._has_looked if last is None else event > last
        if looks and event and not Event.objects.using(using).filter(pk=event).exists():
            return False
        self._has_looked = True
        return True

    def _is_ours(self, using: str) -> bool:
        """The same for a rebuild. 1 round trip and 1 query."""
        look = self._look()
        return self._is_of_this_log(look.log, look.event, using, 0)

    def _look(self) -> Look:
        """1 round trip."""
        (answer,) = self.connection.run([self._trust.look])
        return Look(answer)

    def _refusal(self, log: str, using: str) -> ReadModelLost:
        """The exception that says why what is there, made of a log, is not the model of this one."""
        return self.connection.foreign() if log not in {"", log_id(using)} else self.connection.lost()

    def _refuse_tenants(self) -> None:
        """Raises InvalidBackendOption if the prefix is that of another tenant as well."""
        if others := self.connection.tenants_with_prefix():
            reason = f"is {self.connection.prefix!r} for the tenants {', '.join(others)} as well"
            raise InvalidBackendOption(setting=self.connection.setting, option="prefix", reason=reason)

    def _log_loss(self, loss: ReadModelLost) -> None:
        """Log that the model is lost, once."""
        if not self._is_known_to_be_lost:
            self._is_known_to_be_lost = True
            _logger.error("%s", loss)

    def _is_built(self) -> bool:
        (number,) = self.connection.run([("EXISTS", self.built)])
        return bool(number)

    def _is_missing(self, using: str) -> bool:
        """Whether the model should be there and is not. Asked again after the log, since another process may just have
        applied the first event."""
        return self._should_be_there(using) and not self._is_built()

    def _should_be_there(self, using: str, in_hand: Collection[int] = ()) -> bool:
        """Whether the log has events that are neither pending in the outbox nor in hand.

        Once there were none, those that come wait in the outbox until a writer applies them, and it makes the server
        known before.
        """
        here = log_at(using)
        if here in self._without_events and not self._trust.is_known(using):
            return False
        waiting = QueuedEvent.objects.using(using).filter(
            queue=queue_of(self._projection), event_id=models.OuterRef("pk")
        )
        log = Event.objects.using(using).filter(type__in=self._types, version=1)
        if log.exclude(pk__in=in_hand).exclude(models.Exists(waiting)).exists():
            return True
        self._without_events.add(here)
        return False


class Places(Generic[KeysT]):
    """The read model and the names of its keys, with the prefix that the setting says here and now: if that depends on
    the tenant, each tenant has a model of its own."""

    def __init__(self, connection: Connection, types: Collection[str], keys_of: Callable[[Connection], KeysT]) -> None:
        self._connection, self._types, self._keys_of = connection, types, keys_of
        self._found: dict[str, tuple[RedisModel, KeysT]] = {}

    @property
    def model(self) -> RedisModel:
        return self._here[0]

    @property
    def keys(self) -> KeysT:
        return self._here[1]

    @property
    def _here(self) -> tuple[RedisModel, KeysT]:
        prefix = self._connection.prefix_now()
        if prefix not in self._found:
            connection = self._connection.here()
            self._found[prefix] = RedisModel(connection, self._types), self._keys_of(connection)
        return self._found[prefix]


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
        """Raises ReadModelLost if the server was emptied, or restarted, since the rebuild began."""
        self._model.end_rebuild(self._start, using)
