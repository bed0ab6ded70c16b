"""Whether what a server holds may be believed. A server that was restarted from an older snapshot, or a replica that
has taken over from one that knew more, answers as if nothing had happened.

What a server holds has an identity, which changes with each restart and each failover (`master_replid`). The database
knows the one that was found last, for each projection. Readers ask for it in the round trip that they make anyway. The
first one that finds another identity has the events applied again that the server lacks, of those that are kept (see
`outbox.kept`): in most cases a few, and none that are needed. If some of them are not kept any more, the model is lost.

A writer need not ask. What it writes is right, whatever the server holds; and it holds a shard of its queue until what
it has applied is noted, so whoever looks for what to apply again has locked all shards before.
"""

import logging
from collections.abc import Callable

from django.db import connections, models, transaction

from sequere.log.identity import LogAt, log_at
from sequere.log.reading import last_id
from sequere.outbox.drain import drain
from sequere.outbox.enqueue import queue_again
from sequere.outbox.kept import drop, is_too_much, put_under, since_last_checkpoint, start_anew, take_since
from sequere.outbox.models import QueuedEvent
from sequere.outbox.queues import is_for_celery, queue_of, queues_of, shards_of
from sequere.outbox.shards import lock_shards
from sequere.redis.connection import Connection, text
from sequere.redis.fencing import DRAW_TOKEN
from sequere.redis.scripts import load

_logger = logging.getLogger("sequere")

LOOK = load("sequere.redis", "look")
MAKE_CHECKPOINT = load("sequere.redis", "checkpoint")
END_REBUILD = load("sequere.redis", "end_rebuild")

#: Events that a reader applies again itself, even if there are Celery workers.
EVENTS_FOR_READERS = 200


class KnownServer(models.Model):
    """What was found last on the server of a projection."""

    projection = models.CharField(max_length=100, primary_key=True)
    identity = models.CharField(max_length=40)
    #: Whether it lacks events that are not kept any more, so that only a rebuild helps.
    is_lost = models.BooleanField(default=False)
    #: Readers do not believe it as long as an event up to this one is due, since it is to be applied again.
    redo_until = models.BigIntegerField(null=True)

    class Meta:
        app_label = "sequere"

    def __str__(self) -> str:
        return f"{self.identity} of {self.projection}"


class Look:
    """What a server holds of a model, as LOOK answers."""

    def __init__(self, answer: "list[object]") -> None:
        self.is_built = bool(answer[0])
        #: The identity of the log that it was made of, and the last event that its writers have seen.
        self.log, event, checkpoint, self.identity = map(text, answer[1:])
        self.event, self.checkpoint = whole(event), whole(checkpoint)


def whole(value: object) -> int:
    """A number as the server has it; 0 for anything else that somebody has put there."""
    digits = text(value or "")
    return int(digits) if digits.isascii() and digits.isdigit() else 0


class Trust:
    """What the processes of a site know together about the server of a model."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        #: The identity that this process believes, by the log.
        self._believed: dict[LogAt, str] = {}

    @property
    def look(self) -> tuple[object, ...]:
        """The command whose answer a `Look` is made of."""
        return LOOK([self.built, self.note])

    @property
    def built(self) -> str:
        """The key that says that the model is there."""
        return self._connection.key("global", "built", self._connection.projection)

    @property
    def note(self) -> str:
        """The key of the note about the log."""
        return self._connection.key("global", "log", self._connection.projection)

    @property
    def last_token(self) -> str:
        """The key of the last fencing token."""
        return self._connection.key("global", "token")

    def is_known(self, using: str) -> bool:
        """Whether anything was ever written to a server. 1 query."""
        return self._server(using).exists()

    def is_believed(self, look: Look, using: str) -> bool:
        """Whether a server is the one that this process knows. No query."""
        return self._believed.get(log_at(using)) == look.identity

    def restore(self, look: Look, using: str, *, by_itself: bool = True) -> None:
        """Make sure that a server has all that it ever had, before it is asked again. 1 query, if others have done it.

        Raises ReadModelLost if that takes a rebuild, or longer than a reader waits: in a transaction, it waits for
        nobody. Unless it may do so `by_itself`, it leaves all to others.
        """
        known = self._known(using)
        if known is None or known.identity != look.identity:
            if not by_itself:
                raise self._connection.lost()
            known = self._recover(using)
        if known.is_lost:
            raise self._connection.lost()
        if known.redo_until is not None:
            if not (by_itself and self._has_redone(known.redo_until, using)):
                raise self._connection.lost()
            self._server(using).filter(identity=known.identity, is_lost=False).update(redo_until=None)
        self._believed[log_at(using)] = known.identity

    def is_lost(self, look: Look, using: str) -> bool:
        """Whether only a rebuild helps. No query, if this process believes the server; otherwise 1, or more."""
        if self.is_believed(look, using):
            return False
        known = self._known(using)
        if known is None or known.identity != look.identity:
            known = self._recover(using)
        return known.is_lost

    def believe(self, look: Look, using: str) -> None:
        """The server is filled from the beginning, so it lacks nothing. 2 statements."""
        self._note(look.identity, using)
        self._believed[log_at(using)] = look.identity

    def make_checkpoint(self, using: str, is_missing: Callable[[str], bool]) -> None:
        """Have the server remember that it has all that is applied by now. 2 round trips at most, 6 statements.

        A model that is not there remembers nothing. What was applied is dropped, unless the model `is_missing`: then it
        is kept, as long as it is not too much, for a server that comes back with an older state.
        """
        known = self._known(using)
        with transaction.atomic(using=using):
            applied = since_last_checkpoint(self._connection.projection, using)
            script = MAKE_CHECKPOINT([self.last_token, self.note], known.identity if known else "")
            token, answer = self._connection.run([script, self.look])
            if token is None and not Look(answer).is_built:
                if not is_missing(using):
                    drop(applied, using)
                    return
                if is_too_much(applied):
                    ((token, *_),) = self._connection.run([DRAW_TOKEN([self.last_token, self.note], "", 0)])
            if token is not None:
                put_under(int(token), applied, using)
                return
        self._recover(using)

    def end_rebuild(self, mark: str, identity: str, using: str) -> None:
        """Say that the model is what the log says, unless the server is not the one that a rebuild has begun with.

        1 round trip, 6 statements. Raises ReadModelLost.
        """
        with transaction.atomic(using=using):
            self._server(using).select_for_update().first()
            keys = [self.last_token, self.note, mark, self.built]
            (token,) = self._connection.run([END_REBUILD(keys, identity, last_id(using))])
            if token is None:
                raise self._connection.lost()
            start_anew(self._connection.projection, int(token), using)
            self._note(identity, using)

    def _recover(self, using: str) -> KnownServer:
        """Take note of a server with another identity, and have applied again what it lacks. Raises ReadModelLost if it
        was emptied, or in a transaction that would wait for others.

        3 statements and 1 round trip, and those of `queue_again()`.
        """
        waits = not connections[using].in_atomic_block
        with transaction.atomic(using=using):
            if not all(self._hold(queue, using, wait=waits) for queue in queues_of(self._connection.projection)):
                raise self._connection.lost()
            (answer,) = self._connection.run([self.look])
            look = Look(answer)
            known = self._server(using).select_for_update().first() or KnownServer(
                projection=self._connection.projection
            )
            if not look.is_built:
                raise self._connection.lost()
            if known.identity != look.identity:
                known.identity = look.identity
                if not known.is_lost:
                    self._have_redone(known, look.checkpoint, using)
                known.save(using=using)
        return known

    def _have_redone(self, known: KnownServer, checkpoint: int, using: str) -> None:
        ranges = take_since(known.projection, checkpoint, using)
        if ranges is None:
            known.is_lost = True
            _logger.error("%s", self._connection.lost())
        elif ranges:
            known.redo_until = max(ranges[-1][1], known.redo_until or 0)
            _logger.warning(
                "%s has been restarted, or replaced: %s events of %s are applied again.",
                self._connection.server,
                queue_again(known.projection, ranges, using),
                known.projection,
            )

    def _hold(self, queue: str, using: str, *, wait: bool) -> bool:
        """Keep others from draining a queue until the transaction ends; returns whether nobody does."""
        return len(lock_shards(queue, range(shards_of(queue)), using, wait=wait)) == shards_of(queue)

    def _has_redone(self, until: int, using: str) -> bool:
        """Apply what is to be applied again, unless that is left to others; returns whether nothing of it is left.

        What applies it may find out that the server of another projection of the queue has come back as well, and have
        more applied again.
        """
        queue = queue_of(self._connection.projection)
        left = QueuedEvent.objects.using(using).filter(queue=queue, event_id__lte=until).due()
        while number := left[: EVENTS_FOR_READERS + 1].count():
            if number > EVENTS_FOR_READERS and is_for_celery(queue):
                return False
            if not drain(queue, using=using, wait=not connections[using].in_atomic_block):
                return not left.exists()
        return True

    def _note(self, identity: str, using: str) -> None:
        changes = {"identity": identity, "is_lost": False, "redo_until": None}
        self._server(using).update_or_create(projection=self._connection.projection, defaults=changes)

    def _known(self, using: str) -> KnownServer | None:
        return self._server(using).first()

    def _server(self, using: str) -> "models.QuerySet[KnownServer]":
        return KnownServer.objects.using(using).filter(projection=self._connection.projection)
