"""Writing actions into timelines, with a fencing token, after their actors were locked."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sequere.backends import base as follows
from sequere.backends.base import FollowerPage
from sequere.base import ResourceKey
from sequere.exceptions import ReadModelLost
from sequere.log.models import Event
from sequere.outbox.enqueue import end_fan_outs
from sequere.projections.projector import Chunk
from sequere.projections.reconciler import Cursor
from sequere.redis.connection import Connection
from sequere.redis.scores import to_score
from sequere.redis.scripts import Script
from sequere.relations.key import RelationKey
from sequere.relations.types import FOLLOWED
from sequere.sql.chunks import chunks
from sequere.sql.conditions import is_
from sequere_timeline import conf
from sequere_timeline.backends.base import Reason
from sequere_timeline.backends.redis.filling import DEFAULT_MAX_LENGTH
from sequere_timeline.backends.redis.hashes import FIELDS, to_fields
from sequere_timeline.backends.redis.keys import TimelineKeys
from sequere_timeline.backends.redis.members import Member
from sequere_timeline.backends.redis.names import NameNumbers, fields_for, of_generation
from sequere_timeline.backends.redis.scripts import (
    DELIVER_ENTRY,
    DROP_ACTION,
    NOTE_REACHED,
    PLACE_ENTRY,
    RETRACT_ACTION,
    SAVE_ACTION,
    STORE_FIELD,
    STORE_GENERATION,
    WITHDRAW_ENTRY,
)
from sequere_timeline.conf import TIMELINES
from sequere_timeline.history import Life
from sequere_timeline.visibility import contains, intervals_of

#: All reasons that an entry may have.
REASONS = (Reason.OWN, Reason.DIRECT, Reason.FOLLOWED, Reason.DIRECT | Reason.FOLLOWED)
#: Followers whose feeds one call of a script writes to, since it blocks the server.
FOLLOWERS_PER_CALL = 250
#: Relations in a page of followers, if they are taken from the log.
RELATIONS_PER_STEP = 1000
#: How a cursor begins then.
BY_LOG = "by log"

#: A command for the server.
Command = tuple[Any, ...]


class Writer:
    """Writes what a drain or a rebuild wants. It is refused if another process has locked the actor since.

    Commands are sent together, in their order, at the latest by `finish()`.
    """

    def __init__(self, connection: Connection, token: int, numbers: NameNumbers, using: str) -> None:
        self._connection = connection
        self._keys = TimelineKeys(connection)
        self._token = token
        self._numbers = numbers
        self._using = using
        self._commands: list[Command] = []

    def save(self, lives: Iterable[Life]) -> None:
        """Store present actions, with their entries in all feeds that they reach without a follow."""
        lives = list(lives)
        if names := fields_for(lives, self._numbers):
            self._do(("HSET", self._keys.names, *(part for name in names.items() for part in name)))
        for life in lives:
            fields = [part for field in to_fields(life).items() for part in field]
            where = [self._resource(life), self._keys.action(life.id), self._keys.public(life.actor)]
            is_public = int(life.published is not None)
            self._do(SAVE_ACTION(where, self._token, to_score(life.date), self._member(life, 0), is_public, *fields))
            self._place(life, {*life.named, life.actor})

    def publish(self, life: Life, cursor: Cursor | None) -> Chunk:
        """Bring an action to about 1,000 followers of its actor, from a cursor on. 2 round trips."""
        self._send_before_audience()
        page = self._audience(life, cursor)
        # Owners of timelines that it was saved in have it already, for this reason too.
        named = {str(owner) for owner in life.named - {life.actor}}
        names = [name for name in page.names if name not in named] if named else page.names
        self._reach(names, life, DELIVER_ENTRY, to_score(life.date), self._member(life, Reason.FOLLOWED), *_cap())
        if page.next is None:
            self.note_reached(life)
        self.finish()
        return Chunk(len(page.names), page.next)

    def note_reached(self, life: Life) -> None:
        """Note that all followers have an action, if it was published."""
        self._do(NOTE_REACHED([self._resource(life), self._keys.action(life.id)], self._token, life.published or ""))

    def retract(self, lives: Collection[Life]) -> None:
        """Take actions out of all feeds but the private ones of the followers, and end their fan-outs.

        A reader that fills a private feed does not find them any more, and nobody sees them.
        """
        end_fan_outs(TIMELINES, [life.published for life in lives if life.published], self._using)
        for life in lives:
            where = [self._resource(life), self._keys.action(life.id), self._keys.public(life.actor)]
            self._do(RETRACT_ACTION(where, self._token, self._member(life, 0), *FIELDS))
            self._place(life, life.named, is_there=False)

    def withdraw(self, life: Life, cursor: Cursor | None) -> Chunk:
        """Take an action back from about 1,000 followers of its actor, from a cursor on. 2 round trips."""
        self._send_before_audience()
        page = self._audience(life, cursor, all_ever=True) if life.published else FollowerPage([], None)
        self._reach(page.names, life, WITHDRAW_ENTRY, *self._variants(life))
        if page.next is None:
            self._do(DROP_ACTION([self._resource(life), self._keys.action(life.id)], self._token))
        self.finish()
        return Chunk(len(page.names), page.next)

    def remove(self, lives: Collection[Life]) -> None:
        """Take actions out of all feeds now."""
        self.retract(lives)
        for life in lives:
            chunk = self.withdraw(life, None)
            while chunk.cursor is not None:
                chunk = self.withdraw(life, chunk.cursor)

    def store_generations(self, generations: Mapping[ResourceKey, int]) -> None:
        """Store how often resources were deleted."""
        for key, generation in sorted(generations.items()):
            where = [self._keys.resource(key), self._keys.names]
            self._do(STORE_GENERATION(where, self._token, of_generation(key), generation))

    def mark(self, marks: Mapping[ResourceKey, int | str | None]) -> None:
        """Store until when owners have read; None for never."""
        for owner, score in sorted(marks.items()):
            self._store(owner, "read", "" if score is None else score)

    def hide(self, hidden: Mapping[ResourceKey, str]) -> None:
        """Store whom owners do not see, as `hidden.py` writes it; "" for nobody."""
        for owner, actors in sorted(hidden.items()):
            self._store(owner, "hidden", actors)

    def unmark_publishers(self, resources: Iterable[ResourceKey]) -> None:
        """Store that resources have never published anything."""
        for key in sorted(resources):
            self._store(key, "published", "")

    def _store(self, owner: ResourceKey, field: str, value: int | str) -> None:
        self._do(STORE_FIELD([self._keys.resource(owner)], self._token, field, value))

    def finish(self) -> None:
        """Send the remaining commands. 1 round trip."""
        commands, self._commands = self._commands, []
        self._connection.run(commands)

    def _do(self, command: Command) -> None:
        self._commands.append(command)

    def _reach(self, names: Sequence[str], life: Life, script: Script, *arguments: Any) -> None:
        """Call a script for the private feeds of followers. The server serves others between two calls."""
        feeds = self._keys.privates(names)
        for some in chunks(feeds, FOLLOWERS_PER_CALL):
            self._do(script([self._resource(life), *some], self._token, *arguments))

    def _member(self, life: Life, reasons: int) -> str:
        return str(Member(life.id, reasons, self._numbers.entry_kind(life)))

    def _variants(self, life: Life) -> list[str]:
        return [self._member(life, reasons) for reasons in REASONS]

    def _place(self, life: Life, owners: Iterable[ResourceKey], *, is_there: bool = True) -> None:
        """Give owners the right entry, or take it from them."""
        for owner in sorted(owners):
            is_direct = is_there and owner in self._numbers.saved_directly(life)
            reasons = self._reasons(life, owner) if is_there else 0
            self._do(
                PLACE_ENTRY(
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
        reasons = Reason.DIRECT if owner in self._numbers.saved_directly(life) else 0
        if life.published is not None:
            stream = RelationKey(owner, life.actor).stream
            intervals = intervals_of({stream: (owner, life.actor)}, self._using)[stream]
            if contains(intervals, life.published):
                reasons |= Reason.FOLLOWED
        return reasons

    def _send_before_audience(self) -> None:
        """Whose follow is applied without locks after the followers were read must find a published action in the
        public feed, and one that is taken back no more. On one server, the commands share the round trip."""
        commands, self._commands = self._commands, []
        self._connection.first(commands)

    def _audience(self, life: Life, cursor: Cursor | None, *, all_ever: bool = False) -> FollowerPage:
        """About 1,000 of the followers whose follow justifies an action, or of all that may have it by a follow.

        A cursor by the log stays one: the follows may have been lost and rebuilt since.
        """
        is_by_log = cursor is not None and cursor[0] == BY_LOG
        if conf.only_live_follows_count() and not is_by_log:
            with suppress(ReadModelLost):  # timelines go on if only the follows are lost
                return follows.get_backend().follower_page(life.actor, cursor)
        known = Event.objects.using(self._using).filter(is_(life.actor, "target_"), type=FOLLOWED, scope="", version=1)
        if cursor and is_by_log:
            known = known.filter(pk__gt=cursor[1])
        columns = ("stream", "actor_identifier", "actor_object_id", "pk")
        rows = list(known.order_by("pk").values_list(*columns)[:RELATIONS_PER_STEP])
        relations = {stream: (ResourceKey(*owner), life.actor) for stream, *owner, _ in rows}
        if not all_ever:
            intervals = intervals_of(relations, self._using)
            published = life.published or 0
            relations = {stream: ends for stream, ends in relations.items() if contains(intervals[stream], published)}
        end = [BY_LOG, rows[-1][-1]] if len(rows) == RELATIONS_PER_STEP else None
        return FollowerPage([str(owner) for owner, _ in relations.values()], end)

    def _resource(self, life: Life) -> str:
        return self._keys.resource(life.actor)


def _cap() -> tuple[int, int]:
    """How long a private feed may be, 0 for any length, and how much longer before it is cut."""
    cap = conf.max_length(default=DEFAULT_MAX_LENGTH) or 0
    return cap, cap // conf.HYSTERESIS
