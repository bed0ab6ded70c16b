"""The names of the keys: the layout of docs/redis-keys.md."""

from collections.abc import Iterable

from sequere.base import ResourceKey
from sequere.redis.connection import Connection
from sequere.redis.layout import GLOBAL, Layout
from sequere_timeline.backends.redis.hashes import FIELDS

#: All our keys but the last fencing token: tokens must not begin again.
PATTERNS = ("private:*", "public:*", "direct:*", "action:*", "resource:*", "names")


TIMELINE_LAYOUT = Layout(
    {
        **GLOBAL,
        r"(?:private|public|direct):[^:]+:.*": "zset",
        r"action:\d+": f"hash {' '.join(FIELDS)} published reached",
        r"resource:[^:]+:.*": "hash read hidden published token",
        "names": "hash",
    }
)


class TimelineKeys:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        #: The beginning of the keys of all private feeds, and of all hashes of resources.
        self.all_private = connection.key("private", "")
        self.resources = connection.key("resource", "")

    def private(self, owner: ResourceKey) -> str:
        """Sorted set: what the owner sees. Expires."""
        return f"{self.all_private}{owner[0]}:{owner[1]}"

    def privates(self, names: Iterable[str]) -> list[str]:
        """The same for many owners, given by their names."""
        return [*map(self.all_private.__add__, names)]

    def public(self, owner: ResourceKey) -> str:
        """Sorted set: what the owner did."""
        return self._connection.key("public", *owner)

    def direct(self, owner: ResourceKey) -> str:
        """Sorted set: what others did, and was saved in this timeline."""
        return self._connection.key("direct", *owner)

    def resource(self, key: ResourceKey) -> str:
        """Hash: until when it has `read`, whether it has ever `published`, and the `token` of its last writer."""
        return self._connection.key("resource", *key)

    def action(self, id_: int) -> str:
        """Hash: an action."""
        return self._connection.key("action", id_)

    @property
    def names(self) -> str:
        """Hash: the numbers of names."""
        return self._connection.key("names")

    def owner_of(self, key: str) -> ResourceKey:
        """The owner of a feed, or the resource of a hash."""
        _, identifier, object_id = key.removeprefix(self._connection.prefix).split(":", 2)
        return ResourceKey(identifier, object_id)

    def is_action(self, key: str) -> bool:
        return key.startswith(self._connection.key("action", ""))

    def id_of(self, key: str) -> int:
        """The id of the action that is stored under a key."""
        return int(key.removeprefix(self._connection.key("action", "")))
