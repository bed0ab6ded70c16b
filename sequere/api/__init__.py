"""The verbs: follow, block and their opposites, and the questions about them.

Wherever an instance is expected, its `ResourceKey` does as well. An `identifier` narrows an answer to one kind of
resource: a registered model, or its identifier. Anything else raises UnknownIdentifier or NotRegistered.

With `as_of`, the log says what was true some time ago: with all events up to one, or with those that were recorded
until a moment. It takes as long as the resource has events; what committed after the moment may be in it, and instances
that were deleted since are hidden. InvalidTimestamp for anything else.

A `scope` names follows that are independent of all others: InvalidScope for what cannot be one, UnknownScope for one
that SEQUERE_SCOPES does not have.
"""

from sequere.api.algebra import (
    acommon_followers_count,
    acommon_followings_count,
    afollowed_by_followings_count,
    common_followers,
    common_followers_count,
    common_followings,
    common_followings_count,
    followed_by_followings,
    followed_by_followings_count,
    suggest,
)
from sequere.api.arguments import AsOf, Identifier, Options, Timestamp
from sequere.api.blocks import (
    ablock,
    aget_blocked_by_count,
    aget_blocked_count,
    ais_blocked,
    ais_blocked_by,
    aunblock,
    block,
    get_blocked,
    get_blocked_by,
    get_blocked_by_count,
    get_blocked_count,
    is_blocked,
    is_blocked_by,
    unblock,
)
from sequere.api.changes import PAIRS_PER_TRANSACTION
from sequere.api.follows import (
    afollow,
    afollow_many,
    aunfollow,
    aunfollow_many,
    follow,
    follow_many,
    unfollow,
    unfollow_many,
)
from sequere.api.lists import (
    acounts_many,
    aget_followers_count,
    aget_followings_count,
    aget_friends_count,
    counts_many,
    get_followers,
    get_followers_count,
    get_followings,
    get_followings_count,
    get_friends,
    get_friends_count,
)
from sequere.api.questions import (
    aare_friends_many,
    ais_followed_by,
    ais_following,
    ais_following_many,
    ais_friend,
    are_friends_many,
    is_followed_by,
    is_following,
    is_following_many,
    is_friend,
)

__all__ = [
    "PAIRS_PER_TRANSACTION",
    "AsOf",
    "Identifier",
    "Options",
    "Timestamp",
    "aare_friends_many",
    "ablock",
    "acommon_followers_count",
    "acommon_followings_count",
    "acounts_many",
    "afollow",
    "afollow_many",
    "afollowed_by_followings_count",
    "aget_blocked_by_count",
    "aget_blocked_count",
    "aget_followers_count",
    "aget_followings_count",
    "aget_friends_count",
    "ais_blocked",
    "ais_blocked_by",
    "ais_followed_by",
    "ais_following",
    "ais_following_many",
    "ais_friend",
    "are_friends_many",
    "aunblock",
    "aunfollow",
    "aunfollow_many",
    "block",
    "common_followers",
    "common_followers_count",
    "common_followings",
    "common_followings_count",
    "counts_many",
    "follow",
    "follow_many",
    "followed_by_followings",
    "followed_by_followings_count",
    "get_blocked",
    "get_blocked_by",
    "get_blocked_by_count",
    "get_blocked_count",
    "get_followers",
    "get_followers_count",
    "get_followings",
    "get_followings_count",
    "get_friends",
    "get_friends_count",
    "is_blocked",
    "is_blocked_by",
    "is_followed_by",
    "is_following",
    "is_following_many",
    "is_friend",
    "suggest",
    "unblock",
    "unfollow",
    "unfollow_many",
]
