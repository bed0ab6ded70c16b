"""The event types that the core records. Others are added to `TYPES` beside the code that records them."""

FOLLOWED = "followed"
UNFOLLOWED = "unfollowed"
DELETED = "deleted"

#: The event types that forms offer.
TYPES = {FOLLOWED, UNFOLLOWED, DELETED}

#: The version of the form of `Event.data`.
SCHEMA_VERSION = 1
