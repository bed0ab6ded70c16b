"""The followers of a resource, page by page.

A cursor is the uid of the resource, and the score and the uid of the last follower.
"""

from sequere.backends.base import FollowerPage
from sequere.backends.redis.keys import FOLLOWERS, FollowKeys, suffix_of
from sequere.backends.redis.scripts import READ_FOLLOWER_NAMES
from sequere.base import ResourceKey
from sequere.projections.reconciler import Cursor
from sequere.redis.connection import text
from sequere.redis.read_model import RedisModel

#: About how many followers a page has.
FOLLOWER_NAMES_PER_PAGE = 1000


def follower_page(key: ResourceKey, cursor: Cursor | None, model: RedisModel, keys: FollowKeys) -> FollowerPage:
    """1 round trip. Raises ReadModelLost."""
    where = (keys.uids, *key, keys.sets, suffix_of(FOLLOWERS, None))
    call = READ_FOLLOWER_NAMES([keys.name(key)], *where, FOLLOWER_NAMES_PER_PAGE, *(cursor or ()))
    (answer,) = model.read(call, restores=False)  # a drain asks, which holds locks
    names, *next_ = map(text, answer)
    return FollowerPage(names.split("\0") if names else [], next_ or None)
