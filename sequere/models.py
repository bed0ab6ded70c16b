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
from sequere.log.identity import Log
from sequere.log.locks import Resource
from sequere.log.models import Event
from sequere.log.numbers import Feed, GraphNumber, Name
from sequere.outbox.models import KeptEvents, QueuedEvent, Shard
from sequere.outbox.waiting import await_for_projections, wait_for_projections
from sequere.projections.models import Projection
from sequere.redis.servers import KnownServer
from sequere.replay.models import Rebuild, Slice

__all__ = [
    "Event",
    "Feed",
    "GraphNumber",
    "KeptEvents",
    "KnownServer",
    "Log",
    "Name",
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
