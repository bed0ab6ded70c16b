"""Relation types: the directed relations there are, as data."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from sequere.event_types import TARGET, EventType, register_event


@dataclass(frozen=True, slots=True)
class RelationType:
    """A directed relation that is live or not. Its events take turns: an odd version begins it, an even one ends it."""

    name: str
    begun: type[EventType]
    ended: type[EventType]
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


@register_event
class Followed(EventType):
    name = "followed"
    label = _("followed")
    subject = TARGET
    internal = True
    stream_kind = "relation"


@register_event
class Unfollowed(EventType):
    name = "unfollowed"
    label = _("unfollowed")
    subject = TARGET
    internal = True
    stream_kind = "relation"


@register_event
class FollowRequested(EventType):
    """Its data may have a `message`."""

    name = "follow_requested"
    label = _("asked to follow")
    subject = TARGET
    internal = True
    stream_kind = "relation"


@register_event
class RequestClosed(EventType):
    """Its data have the `cause`: accepted, denied, cancelled, blocked or followed. If one of the two is deleted, the
    metadata say so, as of any relation."""

    name = "request_closed"
    label = _("request closed")
    subject = TARGET
    internal = True
    stream_kind = "relation"


@register_event
class BlockBegun(EventType):
    name = "blocked"
    label = _("blocked")
    internal = True
    stream_kind = "relation"


@register_event
class BlockEnded(EventType):
    name = "unblocked"
    label = _("unblocked")
    internal = True
    stream_kind = "relation"


@register_event
class MuteBegun(EventType):
    name = "muted"
    label = _("muted")
    internal = True
    stream_kind = "relation"


@register_event
class MuteEnded(EventType):
    name = "unmuted"
    label = _("unmuted")
    internal = True
    stream_kind = "relation"


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
)
REQUEST = RelationType(
    "request",
    begun=FollowRequested,
    ended=RequestClosed,
    followings="pending_with",
    followers="pending",
    refused_by="block",
    asks_for="follow",
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

#: The names of the events that begin relations, and of all events about relations.
BEGUN = tuple(one.begun.name for one in RELATION_TYPES)
CHANGES = tuple(_BY_EVENT)


def is_change(event_type: str) -> bool:
    """Whether events of a type begin or end relations."""
    return event_type in _BY_EVENT


def type_of(event_type: str) -> RelationType:
    """The type of the relations that events of a type begin or end. Raises KeyError for any other event."""
    return _BY_EVENT[event_type]


def type_named(name: str) -> RelationType:
    """The type with a name."""
    return next(one for one in RELATION_TYPES if one.name == name)
