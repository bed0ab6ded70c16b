"""The doorway: the tables for Django, the verbs for everybody else. Nobody inside imports this module."""

from sequere.api import (
    afollow,
    afollow_many,
    aget_followers_count,
    aget_followings_count,
    aget_friends_count,
    ais_following,
    ais_following_many,
    aunfollow,
    aunfollow_many,
    follow,
    follow_many,
    get_followers,
    get_followers_count,
    get_followings,
    get_followings_count,
    get_friends,
    get_friends_count,
    is_following,
    is_following_many,
    unfollow,
    unfollow_many,
)
from sequere.events import Event
from sequere.queued import Projection, QueuedEvent, Shard
from sequere.rebuilds import Rebuild, Slice
from sequere.resources import Resource
from sequere.waiting import await_for_projections, wait_for_projections

__all__ = [
    "Event",
    "Projection",
    "QueuedEvent",
    "Rebuild",
    "Resource",
    "Shard",
    "Slice",
    "afollow",
    "afollow_many",
    "aget_followers_count",
    "aget_followings_count",
    "aget_friends_count",
    "ais_following",
    "ais_following_many",
    "aunfollow",
    "aunfollow_many",
    "await_for_projections",
    "follow",
    "follow_many",
    "get_followers",
    "get_followers_count",
    "get_followings",
    "get_followings_count",
    "get_friends",
    "get_friends_count",
    "is_following",
    "is_following_many",
    "unfollow",
    "unfollow_many",
    "wait_for_projections",
]
