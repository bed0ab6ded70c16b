"""Names that only the server knows: of verbs, kinds and targets, and generations."""

from collections.abc import Iterable, Sequence

from sequere.base import ResourceKey
from sequere.log.numbers import KIND, VERB
from sequere.log.reading import latest_of
from sequere.log.streams import lifecycle
from sequere.log.uids import numbers_of
from sequere.projections.reconciler import Cursor, Difference, KeySource, Page
from sequere.redis.connection import Connection, text
from sequere_timeline.backends.redis.comparing import TimelineComparison
from sequere_timeline.backends.redis.keys import TimelineKeys
from sequere_timeline.backends.redis.members import to_digits
from sequere_timeline.backends.redis.names import of_generation, of_kind, of_target, of_verb


class NameFields(KeySource):
    """The fields of the hash of names, as HSCAN finds them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._names = TimelineKeys(connection).names

    def total(self, using: str) -> int:
        return 0

    def page(self, after: Cursor | None, until: Cursor | None, using: str) -> Page:
        """2 round trips. After a restart of the server the cursor may mean another place, where the pass goes on."""
        (type_,) = self._connection.run([("TYPE", self._names)])
        if text(type_) != "hash":  # another pass says so
            return Page(None, 0, None)
        scan = ("HSCAN", self._names, after[0] if after else "0", "COUNT", self.size)
        ((next_, found),) = self._connection.run([scan])
        fields = {text(name): text(number) for name, number in found.items()}
        return Page(fields or None, len(fields), None if text(next_) == "0" else [text(next_)])


class NameFieldComparison(TimelineComparison):
    """Removes what the log does not know, and corrects numbers. What is missing is found with the actions and with the
    deletions that name it."""

    def resources(self, keys: dict[str, str], using: str) -> Iterable[ResourceKey]:
        return [key for name in keys if (key := _resource(name)) is not None]

    def compare(self, keys: dict[str, str], using: str, *, repair: bool) -> Sequence[Difference]:
        """3 queries, and 1 round trip if something is repaired."""
        right = self._right(keys, using)
        wrong = [name for name, number in keys.items() if right.get(name) != number]
        if repair and wrong:
            names = self._keys.names
            self._connection.run(
                ("HSET", names, name, right[name]) if name in right else ("HDEL", names, name) for name in wrong
            )
        return [Difference(f"the number of {name}", right.get(name, "none"), keys[name]) for name in wrong]

    def _right(self, fields: Iterable[str], using: str) -> dict[str, str]:
        """What the database says of these fields; nothing of those that should not be there."""
        named = [name.partition(":") for name in fields]
        asked = [(role, name) for role, _, name in named if role in {VERB, KIND}]
        resources = [key for role, _, name in named if (key := _resource(f"{role}:{name}")) is not None]
        numbers, uids, _ = numbers_of(asked, resources, using)
        lives = latest_of(map(lifecycle, resources), using)
        return {
            **{
                (of_verb if role == VERB else of_kind)(name): to_digits(number)
                for (role, name), number in numbers.items()
            },
            **{of_target(key): to_digits(uid) for key, uid in uids.items()},
            **{of_generation(event.actor): str(event.version) for event in lives.values()},
        }


def _resource(field: str) -> ResourceKey | None:
    """The resource that a field names as a target, or whose generation it is."""
    role, _, name = field.partition(":")
    identifier, colon, object_id = name.partition(":")
    return ResourceKey(identifier, object_id) if role in {"target", "generation"} and colon else None
