"""Resources by number: the members of the sorted sets are short, and a name is stored once.

The database hands out the uids, with the locks of the resources. The server has a copy of those that relations name, so
that its scripts find them.
"""

from collections.abc import Mapping, Sequence

from sequere.backends.redis.keys import FollowKeys
from sequere.backends.redis.scripts import STORE_NAMES
from sequere.base import ResourceKey
from sequere.redis.connection import Connection, text
from sequere.sql.chunks import chunks

#: Resources that one call of the script names.
NAMES_PER_CALL = 1000

#: The uids of some resources.
Uids = Mapping[ResourceKey, int]


def store_names(uids: Uids, connection: Connection, keys: FollowKeys) -> None:
    """Have the server know resources by their uids, whatever it has said before. 1 round trip."""
    connection.run(
        STORE_NAMES([keys.last_uid], keys.uids, *(part for key, uid in some for part in (uid, *key)))
        for some in chunks(uids.items(), NAMES_PER_CALL)
    )


def named_by(uids: Sequence[str], connection: Connection, keys: FollowKeys) -> list[ResourceKey | None]:
    """The resources with these uids, as the server knows them; None for a uid that has no name. 1 round trip."""
    answers = connection.run(("HMGET", keys.resource(uid), "identifier", "object_id") for uid in uids)
    return [None if None in name else ResourceKey(*map(text, name)) for name in answers]
