"""Projectors keep read models equal to the log; projections are projectors at work under a name."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar, NamedTuple

from sequere.base import ResourceKey
from sequere.log.metadata import caused_by
from sequere.log.models import Event
from sequere.projections.reconciler import Cursor, Plan, Reconciler


class Chunk(NamedTuple):
    """How many followers a step of a fan-out has reached, and where the next one begins; None after the last."""

    reached: int
    cursor: Cursor | None


class NewRelation(NamedTuple):
    """A relation that this process has just recorded and committed, between two resources that were not suspended."""

    event: Event
    from_uid: int
    to_uid: int


class Projector:
    """Turns events into a read model. Subclass it and name it in SEQUERE_PROJECTORS.

    `apply()` runs with the resources locked that the events name, so no other event about them comes in between. In
    mode inline, that is in the transaction that recorded them: what it writes is committed or rolled back with the
    events, and it sees each event once. In the other modes it is in a later transaction, and an event comes again if
    that one was rolled back. A rebuild calls `reset()` and then `apply()` with all events of some subjects, in the
    order of the log.
    """

    #: Whether the read model is in the database of the log, so that mode inline can write both or neither.
    is_transactional: ClassVar[bool] = True
    #: Whether the server of the read model may come back with an older state. What was applied lately is kept, to be
    #: applied again then.
    may_come_back_older: ClassVar[bool] = False
    #: Whether the projector can say where its read model is not what the log says.
    verifiable: ClassVar[bool] = False
    #: The queue in which its events wait, if it is not inline; None for one of its own. The projectors of a queue apply
    #: each event together.
    queue: str | None = None
    #: How many processes can drain its queue at the same time. Events of one subject are in one shard.
    shards: int = 1
    #: The projections that are applied to an event before it, in the same transaction or the same queue.
    after: ClassVar[Sequence[str]] = ()
    #: By the type of events, where their data name more resources to lock: the key of a list of lists, which begin with
    #: identifier and object id.
    resources_in_data: ClassVar[Mapping[str, str]] = {}
    #: Whether it continues in steps with `fan_out()`, after `outbox.start_fan_out()`.
    fans_out: ClassVar[bool] = False
    #: Whether `apply_relations()` is called when relations pause or go on, since one of their ends is suspended or
    #: resumed: in steps, together with the other such projections of its queue; inline, in the first one with all that
    #: are inline.
    has_pauses: ClassVar[bool] = False

    #: The name of its projection, once it is at work.
    name: str = ""

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        """Give each event to the method `on_<type>(event, using=…)`, if there is one."""
        for event in events:
            if handler := getattr(self, f"on_{event.type}", None):
                with caused_by(event):
                    handler(event, using=using)

    def relations_function(self, relation_type: str, scope: str, using: str) -> str | None:
        """The function of the database of the log that applies relations of a graph, so that the statement that records
        them can call it.

        Its parameters are the type and the scope of a graph, the type of the events that begin its relations, whether
        these begin now, and of each relation, in arrays: its stream and that of its opposite, the uids and the kinds
        of its two ends. These are locked. `apply()` is not called for what it has applied.
        """
        return None

    def prepare(self, events: Sequence[Event], *, using: str) -> None:
        """What must be in the database before events are applied later: called in the transaction that records them, if
        they wait for this projector in a queue. Not called for what the database queues itself: relations and new
        actions."""

    def applying(self) -> AbstractContextManager[None]:
        """Around `apply()` of all projectors of a queue: what they write may be sent together, at the latest when the
        block ends."""
        return nullcontext()

    def apply_directly(self, new: NewRelation, servers: dict[str, str], *, using: str) -> bool:
        """Apply what a relation that this process has just recorded brings, without locks, by the end of `applying()`;
        put the identity of the server into `servers`, by the name of the projection, "" if nothing was ever written
        there.

        Returns False, or raises StaleWriter by the end of that block, if the event must be drained as any other: since
        something may have been written that was recorded later.
        """
        return False

    def resources(self, event: Event) -> Iterable[ResourceKey]:
        """The resources to lock before an event is applied later than in its own transaction: those at its two ends,
        and those in its data. If you override it, the database cannot lock them while it takes the event."""
        place = self.resources_in_data.get(event.type)
        others = (ResourceKey(*one[:2]) for one in event.data[place]) if place else ()
        return filter(None, (event.actor, event.target, *others))

    def apply_relations(self, events: Sequence[Event], *, using: str) -> None:
        """Make the relations that some events have begun what the log says now. Both ends of each are locked. The event
        that suspends or resumes one of them may be applied later."""

    def fan_out_resources(self, event: Event, cursor: Cursor | None, *, using: str) -> Iterable[ResourceKey]:
        """The resources to lock before a step of a fan-out: those that the event names."""
        return self.resources(event)

    def fan_out(self, event: Event, cursor: Cursor | None, *, using: str) -> Chunk:
        """Bring an event to some thousand followers, from a cursor on, as things are now.

        Called for each step of what `outbox.start_fan_out()` has begun. The resources that the event
        names are locked, or those that `fan_out_resources()` says.
        """
        return Chunk(0, None)

    def reset(self, subjects: Sequence[ResourceKey], *, using: str) -> None:
        """Forget everything that came from events with these subjects (`Event.subject`)."""
        raise TypeError(f"{type(self).__name__} needs a method reset(subjects, *, using) to be rebuilt")

    def is_lost(self, using: str) -> bool:
        """Whether the whole read model is missing, so that there is nothing to compare with the log."""
        return False

    def where(self) -> str:
        """What its server keeps the read model under: for each tenant something else. Empty in the database."""
        return ""

    def is_foreign(self, using: str) -> bool:
        """Whether there is the read model of another log. Raises BackendUnavailable."""
        return False

    def checkpoint(self, using: str) -> None:
        """Have the server remember that it has all events that are applied by now. Called now and then, after a commit,
        if it may come back with an older state."""

    def examine_server(self) -> str:
        """Make sure that the server of the read model takes writes. Returns the policy by which it drops parts of the
        read model when its memory is full; empty if it drops nothing."""
        return ""


class LevelTriggeredProjector(Projector):
    """A projector that takes an event as a hint, and makes the read model what the log says now.

    An event that comes twice, late or out of order changes nothing. So a rebuild needs no reset: it runs the
    `reconcilers`, which compare and repair, and a verification runs the same ones.
    """

    verifiable = True
    reconcilers: Sequence[Reconciler] = ()
    #: The kinds of streams whose events a verification checks as well (`EventType.stream_kind`), "" for those of hosts.
    stream_kinds: ClassVar[Sequence[str]] = ()

    def begin(self, using: str) -> Plan:
        """The plan of a new rebuild."""
        return Plan(self.reconcilers)

    def resume(self, state: Mapping[str, Any]) -> Plan:
        """The plan of a rebuild that another process has begun, from `Plan.state`."""
        return Plan(self.reconcilers)
