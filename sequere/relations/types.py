"""Relation types: the directed relations there are, as data."""

from dataclasses import dataclass
from typing import Any, ClassVar

from django.dispatch import Signal
from django.utils.translation import gettext_lazy as _

from sequere.event_types import TARGET, EventType, register_event


class RelationEvent(EventType):
    """An event that begins or ends a relation."""

    internal = True
    stream_kind = "relation"
    #: Tells of it after the commit: `sequere.signals` has it under the name of the type.
    signal: ClassVar[Signal]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.signal = Signal()
        cls.signal.__doc__ = cls.__doc__


@dataclass(frozen=True, slots=True)
class RelationType:
    """A directed relation that is live or not. Its events take turns: an odd version begins it, an even one ends it."""

    name: str
    begun: type[RelationEvent]
    ended: type[RelationEvent]
    #: The lists of the two ends: those that a resource has the relation to, and those that have it to the resource.
    followings: str
    followers: str
    #: The list of those with which it is mutual; "" if that means nothing.
    friends: str = ""
    #: The type of a relation that keeps it from beginning, as long as one of the two ends has it to the other; "" for
    #: none.
    refused_by: str = ""
    #: The types of relations that end when it begins: in all scopes, in both directions.
    ends: tuple[str, ...] = ()
    #: The type of the relation that it asks for: it does not begin while that one is live, and it ends when that one
    #: begins, with the same ends in the same scope. "" for none.
    asks_for: str = ""
    #: Whether it is a matter of both ends, so that each may clear it away; otherwise of the first one alone.
    is_of_both: bool = True
    #: Whether one that others have to a resource is recorded for the resource, too, to which that one moves.
    is_copied: bool = False
    #: Whether the event that begins it may say until when it lasts (`relations/lasting.py`).
    has_end: bool = False
    #: Whether no read model has it while one of its ends is suspended (`relations/pauses.py`).
    pauses: bool = False


@register_event
class Followed(RelationEvent):
    """Once for each follow(), and for each accept(). Not sent by follow_many(), by the deletion of an instance, or by a
    replay."""

    name = "followed"
    label = _("followed")
    subject = TARGET


@register_event
class Unfollowed(RelationEvent):
    """Once for each unfollow() and remove_follower(), and for each follow that a block() ends; otherwise like
    `followed`."""

    name = "unfollowed"
    label = _("unfollowed")
    subject = TARGET


@register_event
class FollowRequested(RelationEvent):
    """Once for each follow() that has to wait for an accept(), instead of `followed`. The data of the event may have a
    `message`."""

    name = "follow_requested"
    label = _("asked to follow")
    subject = TARGET


@register_event
class RequestClosed(RelationEvent):
    """Once for each request that was accepted, denied or cancelled, or that a follow() or a block() has closed, with
    its ends. The data of the event have the `cause`: accepted, denied, cancelled, followed or blocked. If one of the
    two is deleted, the metadata say so, as of any relation."""

    name = "request_closed"
    label = _("request closed")
    subject = TARGET


@register_event
class BlockBegun(RelationEvent):
    """Once for each block()."""

    name = "blocked"
    label = _("blocked")


@register_event
class BlockEnded(RelationEvent):
    """Once for each unblock()."""

    name = "unblocked"
    label = _("unblocked")


@register_event
class MuteBegun(RelationEvent):
    """Once for each mute()."""

    name = "muted"
    label = _("muted")


@register_event
class MuteEnded(RelationEvent):
    """Once for each unmute(), and for each mute that another one replaces."""

    name = "unmuted"
    label = _("unmuted")


FOLLOWED, UNFOLLOWED = Followed.name, Unfollowed.name
FOLLOW_REQUESTED = FollowRequested.name
BLOCKED, UNBLOCKED = BlockBegun.name, BlockEnded.name

FOLLOW = RelationType(
    "follow",
    begun=Followed,
    ended=Unfollowed,
    followings="followings",
    followers="followers",
    friends="friends",
    refused_by="block",
    pauses=True,
)
REQUEST = RelationType(
    "request",
    begun=FollowRequested,
    ended=RequestClosed,
    followings="pending_with",
    followers="pending",
    refused_by="block",
    asks_for="follow",
    pauses=True,
)
BLOCK = RelationType(
    "block",
    begun=BlockBegun,
    ended=BlockEnded,
    followings="blocked",
    followers="blocked_by",
    ends=("follow", "request"),
    is_of_both=False,
    is_copied=True,
)
MUTE = RelationType(
    "mute",
    begun=MuteBegun,
    ended=MuteEnded,
    followings="muted",
    followers="muted_by",
    is_of_both=False,
    has_end=True,
)

#: All of them.
RELATION_TYPES = (FOLLOW, REQUEST, BLOCK, MUTE)

#: By the name of a type, the type that asks for it.
ASKING = {one.asks_for: one for one in RELATION_TYPES if one.asks_for}

_BY_EVENT = {event_type.name: one for one in RELATION_TYPES for event_type in (one.begun, one.ended)}

#: What tells of the events of relations after the commit, by the names of their types.
SIGNALS = {event_type.name: event_type.signal for one in RELATION_TYPES for event_type in (one.begun, one.ended)}

#: The names of the events that begin relations, and of all events about relations.
BEGUN = tuple(one.begun.name for one in RELATION_TYPES)
CHANGES = tuple(_BY_EVENT)

#: The names of the events that begin relations which pause, and of all events about these.
PAUSING = tuple(one.begun.name for one in RELATION_TYPES if one.pauses)
PAUSING_CHANGES = tuple(name for name, one in _BY_EVENT.items() if one.pauses)


def is_change(event_type: str) -> bool:
    """Whether events of a type begin or end relations."""
    return event_type in _BY_EVENT


def type_of(event_type: str) -> RelationType:
    """The type of the relations that events of a type begin or end. Raises KeyError for any other event."""
    return _BY_EVENT[event_type]


def type_named(name: str) -> RelationType:
    """The type with a name."""
    return next(one for one in RELATION_TYPES if one.name == name)
