"""Walking over the followers of a resource, page by page, from where a cursor says.

A cursor is the uid of the resource, and since when who was the last one follows it.
"""

from sequere.backends.base import FollowerPage
from sequere.backends.redis.keys import FOLLOWERS, Keys, suffix_of
from sequere.backends.redis.scripts import WALK
from sequere.base import ResourceKey
from sequere.projections.projector import Cursor
from sequere.redis.connection import text
from sequere.redis.model import RedisModel

#: About how many followers there are on a page.
FOLLOWERS_AT_ONCE = 1000


def follower_page(key: ResourceKey, cursor: Cursor | None, model: RedisModel, keys: Keys) -> FollowerPage:
    """1 round trip. Raises ReadModelLost."""
    where = (keys.uids, suffix_of(FOLLOWERS, None))
    (answer,) = model.read(WALK([keys.name(key)], *where, FOLLOWERS_AT_ONCE, *(cursor or ())))
    names, *next_ = map(text, answer)
    return FollowerPage(names.split("\0") if names else [], next_ or None)
