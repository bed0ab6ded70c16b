"""Event types: what can happen, what an event of a type concerns, and how older data of it are read."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any, ClassVar

from sequere.base import ResourceKey
from sequere.exceptions import EventTypeTaken, InvalidEventType, UnknownEventType, shown

EVENT_TYPE_MAX_LENGTH = 50

#: The two resources that an event may concern.
ACTOR, TARGET = "actor", "target"

#: Makes the data of a version from those of the version before.
Upcaster = Callable[[Any], Any]


class EventType:
    """A kind of event. Subclass it, and register the class in the sequere_registry.py of an app.

    Data are recorded in the newest version, and read in it, too: an event that was recorded in an older version passes
    through the upcasters, in their order. What is stored never changes.
    """

    #: The name of the type in the log: a Python identifier of 1 to 50 characters. Projectors have `on_<name>` for it.
    name: ClassVar[str] = ""
    #: The version of the form of `data`.
    version: ClassVar[int] = 1
    #: Which resource an event of this type concerns: "actor" or "target". A rebuild applies events by this subject.
    subject: ClassVar[str] = ACTOR
    #: For each older version, what makes the data of the next one from its data: {1: add_colour}.
    upcasters: ClassVar[Mapping[int, Upcaster]] = {}
    #: What people read instead of the name; may be a lazy translation.
    label: ClassVar[Any] = ""
    #: Whether only Sequere itself records it.
    internal: ClassVar[bool] = False
    #: If so, the kind of streams that its events stand in. Events of different kinds never share a stream.
    stream_kind: ClassVar[str] = ""
    #: Whether an event of this type changes a timeline: `timeline_of()` and `in_timeline()` say whose.
    has_timeline: ClassVar[bool] = False

    @classmethod
    def get_label(cls) -> str:
        return str(cls.label or cls.name)

    @classmethod
    def timeline_of(cls, event: Any) -> ResourceKey | None:
        """The owner of the timeline that an event of this type changes."""
        raise NotImplementedError

    @classmethod
    def in_timeline(cls, owner: ResourceKey) -> Any:
        """The condition, a Q, that an event of this type changes the timeline of an owner."""
        raise NotImplementedError

    @classmethod
    def upcast(cls, data: Any, version: int) -> Any:
        """Data of a version, in the newest version. Raises whatever an upcaster raises, and KeyError for a gap."""
        data = deepcopy(data)  # an upcaster may work in place
        for number in range(version, cls.version):
            data = cls.upcasters[number](data)
        return data


class EventTypes:
    """The registered event types, by their names."""

    def __init__(self) -> None:
        self._by_name: dict[str, type[EventType]] = {}

    def __iter__(self) -> Iterator[type[EventType]]:
        return iter(tuple(self._by_name.values()))

    def register(self, event_type: type[EventType]) -> type[EventType]:
        """Let events of this type be recorded; returns it, so that it works as a decorator.

        Raises InvalidEventType, EventTypeTaken.
        """
        if reason := _why_invalid(event_type):
            raise InvalidEventType(type=_path(event_type), reason=reason)
        owner = self._by_name.setdefault(event_type.name, event_type)
        if owner is not event_type:
            raise EventTypeTaken(name=event_type.name, type=_path(event_type), owner=_path(owner))
        return event_type

    def unregister(self, event_type: type[EventType]) -> None:
        """Forget a type of the host. Its events stay in the log. Raises UnknownEventType."""
        if event_type not in self._by_name.values() or event_type.internal:
            raise self._unknown(_path(event_type))
        del self._by_name[event_type.name]

    def get(self, name: str) -> type[EventType] | None:
        """The type with this name; None if there is none, or no longer."""
        return self._by_name.get(name)

    def of(self, name: str) -> type[EventType]:
        """The type with this name. Raises UnknownEventType."""
        event_type = self._by_name.get(name)
        if event_type is None:
            raise self._unknown(name)
        return event_type

    def stream_kind(self, name: str) -> str:
        """The kind of streams that events of a type stand in; "" for all types of hosts, known or not."""
        event_type = self._by_name.get(name)
        return event_type.stream_kind if event_type and event_type.internal else ""

    def concerning_targets(self) -> list[str]:
        """The names of the types whose subject is the target."""
        return [name for name, event_type in self._by_name.items() if event_type.subject == TARGET]

    def with_timelines(self) -> list[type[EventType]]:
        """The types whose events change a timeline."""
        return [event_type for event_type in self if event_type.has_timeline]

    def _unknown(self, name: object) -> UnknownEventType:
        known = sorted(one.name for one in self if not one.internal)
        return UnknownEventType(type=name, known=", ".join(known) or "none yet")


event_types = EventTypes()
register_event = event_types.register
unregister_event = event_types.unregister


def _why_invalid(event_type: Any) -> str | None:
    if not (isinstance(event_type, type) and issubclass(event_type, EventType)):
        return "it is not a subclass of sequere.EventType"
    name: Any = event_type.name
    version: Any = event_type.version
    if not isinstance(name, str) or not name.isidentifier() or len(name) > EVENT_TYPE_MAX_LENGTH:
        return f"its name {shown(name, repr)} is not a Python identifier of 1 to {EVENT_TYPE_MAX_LENGTH} characters"
    if not isinstance(version, int) or isinstance(version, bool) or not 1 <= version <= 32_767:
        return f"its version {shown(version, repr)} is not a number from 1 to 32767"
    if event_type.subject not in {ACTOR, TARGET}:
        return f"its subject {shown(event_type.subject, repr)} is neither 'actor' nor 'target'"
    return None


def _path(event_type: Any) -> str:
    if isinstance(event_type, type):
        return f"{event_type.__module__}.{event_type.__qualname__}"
    return shown(event_type, repr)
