"""Writing actions into timelines, as a writer with a number who has locked their actors."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sequere.backends import base as follows
from sequere.backends.base import FollowerPage
from sequere.base import ResourceKey
from sequere.exceptions import ReadModelLost
from sequere.log.models import Event
from sequere.log.streams import relation
from sequere.log.types import FOLLOWED
from sequere.outbox.enqueue import end_fan_outs
from sequere.projections.projector import Chunk, Cursor
from sequere.redis.connection import Connection, Script
from sequere.redis.scores import to_score
from sequere.sql.chunks import chunks
from sequere.sql.conditions import is_
from sequere_timeline import conf
from sequere_timeline.backends.base import Reason
from sequere_timeline.backends.redis.actions import FIELDS, to_fields
from sequere_timeline.backends.redis.filling import MAX_LENGTH
from sequere_timeline.backends.redis.keys import Keys
from sequere_timeline.backends.redis.members import Member
from sequere_timeline.backends.redis.names import Numbers, kind_of, of_generation
from sequere_timeline.backends.redis.scripts import (
    COUNT_GENERATION,
    DELIVER,
    DROP,
    MARK,
    PLACE,
    PUT,
    REACHED,
    RETRACT,
    WITHDRAW,
)
from sequere_timeline.history import Life
from sequere_timeline.visibility import contains, intervals_of, only_live_follows_count

#: All that an entry can say of why it is there.
REASONS = (Reason.OWN, Reason.DIRECT, Reason.FOLLOWED, Reason.DIRECT | Reason.FOLLOWED)
#: Followers whose timelines one call of a script writes to: what it does holds up everybody else.
FOLLOWERS_PER_CALL = 250
#: Relations to an actor that are looked at together, where more than the live ones count.
RELATIONS_AT_ONCE = 1000
#: What the cursor of a walk over them begins with.
BY_LOG = "by log"

#: A command for the server.
Command = tuple[Any, ...]


class Writer:
    """One drain's hand. What it writes is refused when somebody else has locked the actor since.

    Commands go to the server together, in their order; the last of them when it has finished.
    """

    def __init__(self, connection: Connection, token: int, numbers: Numbers, using: str) -> None:
        self._connection = connection
        self._keys = Keys(connection)
        self._token = token
        self._numbers = numbers
        self._using = using
        self._commands: list[Command] = []

    def save(self, lives: Iterable[Life]) -> None:
        """Store actions that are there, and put them where no follow needs to bring them."""
        for life in lives:
            fields = [part for field in to_fields(life).items() for part in field]
            where = [self._resource(life), self._keys.action(life.id), self._keys.public(life.actor)]
            is_public = int(life.published is not None)
            self._do(PUT(where, self._token, to_score(life.date), self._member(life, 0), is_public, *fields))
            self._place(life, {*life.named, life.actor})

    def publish(self, life: Life, cursor: Cursor | None) -> Chunk:
        """Let an action reach about 1,000 followers of its actor, from a cursor on. 2 round trips."""
        page = self._audience(life, cursor)
        # Where it was saved, it is already, for this reason too.
        named = {str(owner) for owner in life.named - {life.actor}}
        names = [name for name in page.names if name not in named] if named else page.names
        self._reach(names, life, DELIVER, to_score(life.date), self._member(life, Reason.FOLLOWED), *_cap())
        if page.next is None:
            self.note_reached(life)
        self.finish()
        return Chunk(len(page.names), page.next)

    def note_reached(self, life: Life) -> None:
        """The followers have it."""
        self._do(REACHED([self._resource(life), self._keys.action(life.id)], self._token, life.published or ""))

    def retract(self, lives: Collection[Life]) -> None:
        """Take actions out of all timelines but those of the followers, and end their fan-outs.

        Who fills a private timeline from now on is not going to find them, and nobody sees them any more.
        """
        end_fan_outs([life.published for life in lives if life.published], self._using)
        for life in lives:
            where = [self._resource(life), self._keys.action(life.id), self._keys.public(life.actor)]
            self._do(RETRACT(where, self._token, self._member(life, 0), *FIELDS))
            self._place(life, life.named, is_there=False)

    def withdraw(self, life: Life, cursor: Cursor | None) -> Chunk:
        """Take an action back from about 1,000 followers of its actor, from a cursor on. 2 round trips."""
        page = self._audience(life, cursor, all_ever=True) if life.published else FollowerPage([], None)
        self._reach(page.names, life, WITHDRAW, *self._variants(life))
        if page.next is None:
            self._do(DROP([self._resource(life), self._keys.action(life.id)], self._token))
        self.finish()
        return Chunk(len(page.names), page.next)

    def remove(self, lives: Collection[Life]) -> None:
        """Take actions out of all timelines at once."""
        self.retract(lives)
        for life in lives:
            chunk = self.withdraw(life, None)
            while chunk.cursor is not None:
                chunk = self.withdraw(life, chunk.cursor)

    def count_generations(self, numbers: Mapping[ResourceKey, int]) -> None:
        """Store how often resources were deleted."""
        for key, number in sorted(numbers.items()):
            where = [self._keys.resource(key), self._keys.names]
            self._do(COUNT_GENERATION(where, self._token, of_generation(key), number))

    def mark(self, marks: Mapping[ResourceKey, int | None]) -> None:
        """Store until when owners have read; None for never."""
        for owner, score in sorted(marks.items()):
            self._do(MARK([self._keys.resource(owner)], self._token, "" if score is None else score))

    def finish(self) -> None:
        """Send what was not sent yet. 1 round trip."""
        commands, self._commands = self._commands, []
        self._connection.run(commands)

    def _do(self, command: Command) -> None:
        self._commands.append(command)

    def _reach(self, names: Sequence[str], life: Life, script: Script, *arguments: Any) -> None:
        """Call a script for the private timelines of followers. Others come in between two calls."""
        timelines = self._keys.privates(names)
        for some in chunks(timelines, FOLLOWERS_PER_CALL):
            self._do(script([self._resource(life), *some], self._token, *arguments))

    def _member(self, life: Life, reasons: int) -> str:
        return str(Member(life.id, reasons, kind_of(life, self._numbers)))

    def _variants(self, life: Life) -> list[str]:
        return [self._member(life, reasons) for reasons in REASONS]

    def _place(self, life: Life, owners: Iterable[ResourceKey], *, is_there: bool = True) -> None:
        """Give owners the entry that is right, or take it."""
        for owner in sorted(owners):
            is_direct = is_there and owner in life.owners and owner != life.actor
            reasons = self._reasons(life, owner) if is_there else 0
            self._do(
                PLACE(
                    [self._resource(life), self._keys.private(owner), self._keys.direct(owner)],
                    self._token,
                    to_score(life.date),
                    self._member(life, reasons) if reasons else "",
                    self._member(life, 0),
                    int(is_direct),
                    *_cap(),
                    *self._variants(life),
                )
            )

    def _reasons(self, life: Life, owner: ResourceKey) -> int:
        if owner == life.actor:
            return Reason.OWN if life.published is not None else 0
        reasons = Reason.DIRECT if owner in life.owners else 0
        if life.published is not None:
            stream = relation(owner, life.actor)
            intervals = intervals_of({stream: (owner, life.actor)}, self._using)[stream]
            if contains(intervals, life.published):
                reasons |= Reason.FOLLOWED
        return reasons

    def _audience(self, life: Life, cursor: Cursor | None, *, all_ever: bool = False) -> FollowerPage:
        """About 1,000 of those whose follow justifies an action, or of all who may have it by a follow.

        Who goes by the log goes on by the log: the follows may have been lost meanwhile, and built again.
        """
        is_by_log = cursor is not None and cursor[0] == BY_LOG
        if only_live_follows_count() and not is_by_log:
            with suppress(ReadModelLost):  # which is to be rebuilt alone, if it was lost alone
                return follows.get_backend().follower_page(life.actor, cursor)
        known = Event.objects.using(self._using).filter(is_(life.actor, "target_"), type=FOLLOWED, version=1)
        if cursor and is_by_log:
            known = known.filter(pk__gt=cursor[1])
        columns = ("stream", "actor_identifier", "actor_object_id", "pk")
        rows = list(known.order_by("pk").values_list(*columns)[:RELATIONS_AT_ONCE])
        relations = {stream: (ResourceKey(*owner), life.actor) for stream, *owner, _ in rows}
        if not all_ever:
            intervals = intervals_of(relations, self._using)
            published = life.published or 0
            relations = {stream: ends for stream, ends in relations.items() if contains(intervals[stream], published)}
        end = [BY_LOG, rows[-1][-1]] if len(rows) == RELATIONS_AT_ONCE else None
        return FollowerPage([str(owner) for owner, _ in relations.values()], end)

    def _resource(self, life: Life) -> str:
        return self._keys.resource(life.actor)


def _cap() -> tuple[int, int]:
    """How long a private timeline may be, 0 for any length, and how much longer before it is cut."""
    cap = conf.max_length(default=MAX_LENGTH) or 0
    return cap, cap // conf.HYSTERESIS
