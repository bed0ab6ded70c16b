"""Writing actions into timelines, as a writer with a number who has locked their actors."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sequere.backends import base as follows
from sequere.backends.redis.connection import Connection, chunks
from sequere.backends.redis.moments import to_score
from sequere.base import ResourceKey
from sequere.events import FOLLOWED, Event, relation
from sequere.resources import is_
from sequere_timeline import conf
from sequere_timeline.backends.base import Reason
from sequere_timeline.backends.redis.actions import to_fields
from sequere_timeline.backends.redis.filling import MAX_LENGTH
from sequere_timeline.backends.redis.keys import Keys
from sequere_timeline.backends.redis.members import Member
from sequere_timeline.backends.redis.names import kind_of
from sequere_timeline.backends.redis.scripts import DELIVER, DROP, MARK, PLACE, PUT, REACHED, WITHDRAW
from sequere_timeline.history import Life
from sequere_timeline.justification import contains, intervals_of, only_live_follows_count

#: All that an entry can say of why it is there.
REASONS = (Reason.OWN, Reason.DIRECT, Reason.FOLLOWED, Reason.DIRECT | Reason.FOLLOWED)
#: Relations to an actor that are looked at together, where more than the live ones count.
RELATIONS_AT_ONCE = 1000


#: A command for the server.
Command = tuple[Any, ...]


class Writer:
    """One drain's hand. What it writes is refused when somebody else has locked the actor since."""

    def __init__(self, connection: Connection, token: int, numbers: Mapping[str, str], using: str) -> None:
        self._connection = connection
        self._keys = Keys(connection)
        self._token = token
        self._numbers = numbers
        self._using = using

    def save(self, life: Life) -> list[Command]:
        """The commands that store an action, and put it where no follow needs to bring it."""
        keys = self._keys
        fields = [part for field in to_fields(life).items() for part in field]
        where = [self._resource(life), keys.action(life.id), keys.public(life.actor)]
        is_public = int(life.published is not None)
        put = PUT(where, self._token, to_score(life.date), self._member(life, 0), is_public, *fields)
        return [put, *self._placed(life, {*life.named, life.actor})]

    def publish(self, life: Life) -> None:
        """Let an action reach the followers of its actor: 2 round trips for every 1,000, and 1."""
        values = (self._token, to_score(life.date), self._member(life, Reason.FOLLOWED), *_cap())
        for owners in self._audience(life):
            timelines = [self._keys.private(owner) for owner in owners]
            self._connection.run([DELIVER([self._resource(life), *timelines], *values)])
        # Where it is for other reasons too, the entry must say so.
        self._connection.run([*self._placed(life, life.named - {life.actor}), self.reached(life)])

    def reached(self, life: Life) -> Command:
        """The command that notes that the followers have it."""
        return REACHED([self._resource(life), self._keys.action(life.id)], self._token, life.published or "")

    def remove(self, life: Life) -> None:
        """Take an action out of all timelines. 2 round trips for every 1,000 followers, and 1."""
        if life.published is not None:
            for owners in self._audience(life, everybody=True):
                timelines = [self._keys.private(owner) for owner in owners]
                withdraw = WITHDRAW([self._resource(life), *timelines], self._token, *self._variants(life))
                self._connection.run([withdraw])
        where = [self._resource(life), self._keys.action(life.id), self._keys.public(life.actor)]
        drop = DROP(where, self._token, self._member(life, 0))
        self._connection.run([*self._placed(life, life.named, is_there=False), drop])

    def mark(self, owner: ResourceKey, score: int | None) -> Command:
        """The command that stores until when an owner has read."""
        return MARK([self._keys.resource(owner)], self._token, "" if score is None else score)

    def _member(self, life: Life, reasons: int) -> str:
        return str(Member(life.id, reasons, kind_of(life, self._numbers)))

    def _variants(self, life: Life) -> list[str]:
        return [self._member(life, reasons) for reasons in REASONS]

    def _placed(self, life: Life, owners: Iterable[ResourceKey], *, is_there: bool = True) -> Iterator[Command]:
        """The commands that give owners the entry that is right, or take it."""
        for owner in sorted(owners):
            is_direct = is_there and owner in life.owners and owner != life.actor
            reasons = self._reasons(life, owner) if is_there else 0
            yield PLACE(
                [self._resource(life), self._keys.private(owner), self._keys.direct(owner)],
                self._token,
                to_score(life.date),
                self._member(life, reasons) if reasons else "",
                self._member(life, 0),
                int(is_direct),
                *_cap(),
                *self._variants(life),
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

    def _audience(self, life: Life, *, everybody: bool = False) -> Iterator[Sequence[ResourceKey]]:
        """Those whose follow justifies an action, or everybody who may have it by a follow, about 1,000 at a time."""
        if only_live_follows_count():
            yield from follows.get_backend().follower_keys(life.actor)
            return
        known = Event.objects.using(self._using).filter(is_(life.actor, "target_"), type=FOLLOWED, version=1)
        rows = known.values_list("stream", "actor_identifier", "actor_object_id").iterator(chunk_size=2000)
        for chunk in chunks(rows, RELATIONS_AT_ONCE):
            relations = {stream: (ResourceKey(*owner), life.actor) for stream, *owner in chunk}
            if everybody:
                yield [owner for owner, _ in relations.values()]
                continue
            intervals = intervals_of(relations, self._using)
            published = life.published or 0
            yield [relations[stream][0] for stream in relations if contains(intervals[stream], published)]

    def _resource(self, life: Life) -> str:
        return self._keys.resource(life.actor)


def _cap() -> tuple[int, int]:
    """How long a private timeline may be, 0 for any length, and how much longer before it is cut."""
    cap = conf.max_length(default=MAX_LENGTH) or 0
    return cap, cap // conf.HYSTERESIS
