"""What the core records: the names of its event types."""

FOLLOWED = "followed"

UNFOLLOWED = "unfollowed"

DELETED = "deleted"

#: The types of event that a form offers; who records others may add them.
TYPES = {FOLLOWED, UNFOLLOWED, DELETED}

#: What an event looks like; a later form of `data` would be 2.
SCHEMA_VERSION = 1
