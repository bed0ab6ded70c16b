"""Projectors keep read models equal to the log; projections are projectors at work under a name."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.projections.reconciler import Pass


class Projector:
    """Turns events into a read model. Subclass it and name it in SEQUERE_PROJECTORS.

    `apply()` runs with the resources locked that the events name, so no other event about them comes in between. In
    mode inline that is the transaction that recorded them: what it writes stays or goes with the events, each of which
    it sees once. In the other modes it is a later one, and an event may come again if that one broke off. A rebuild
    calls `reset()` and then `apply()` with all events of some subjects, in the order of the log.
    """

    #: Whether the read model is in the database of the log, so that mode inline can write both or neither.
    is_transactional: ClassVar[bool] = True

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        """Give each event to the method `on_<type>(event, using=…)`, where there is one."""
        for event in events:
            if handler := getattr(self, f"on_{event.type}", None):
                handler(event, using=using)

    def resources(self, event: Event) -> Iterable[ResourceKey]:
        """What to lock before an event is applied later than in its own transaction."""
        return filter(None, (event.actor, event.target))

    def reset(self, subjects: Sequence[ResourceKey], *, using: str) -> None:
        """Forget all that came from events with these subjects (`Event.subject`)."""
        raise TypeError(f"{type(self).__name__} needs a method reset(subjects, *, using) to be rebuilt")


#: Where a walk over followers has come to, as who walks understands it: what JSON can say.
Cursor = list[Any]


class Chunk(NamedTuple):
    """How many followers a step of a fan-out has reached, and where the next one begins; None after the last."""

    reached: int
    cursor: Cursor | None


class LevelTriggeredProjector(Projector):
    """A projector that takes an event as a hint, and makes the read model what the log says by now.

    Twice, late or out of order: all the same. So a rebuild needs no reset; it walks the `passes` and repairs.
    """

    passes: Sequence[Pass] = ()

    def is_lost(self, using: str) -> bool:
        """Whether the read model is not there at all, so that there is nothing to compare with the log."""
        return False

    def prepare(self, using: str) -> Mapping[str, Any]:
        """Called when a rebuild begins: what all its processes are to know, as JSON can say it."""
        return {}

    def fan_out(self, event: Event, cursor: Cursor | None, *, using: str) -> Chunk:
        """Bring what an event says to some thousand followers, from a cursor on, as things are now.

        For what `apply()` has left with `outbox.queue_fan_out()`; the resources that the event names are locked.
        """
        return Chunk(0, None)

    def can_go_on(self, known: Mapping[str, Any], using: str) -> bool:
        """Whether a rebuild that was broken off is worth to be gone on with."""
        return True

    def passes_of(self, known: Mapping[str, Any]) -> Sequence[Pass]:
        """The walks of a rebuild that has begun with this knowledge, in their order."""
        return self.passes

    def rebuilt(self, known: Mapping[str, Any], using: str) -> None:
        """Called when a rebuild has walked through all of them."""
