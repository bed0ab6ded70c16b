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


FOLLOWED, UNFOLLOWED = Followed.name, Unfollowed.name

FOLLOW = RelationType(
    "follow", begun=Followed, ended=Unfollowed, followings="followings", followers="followers", friends="friends"
)
