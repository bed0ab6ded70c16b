"""The counts of followers, followings and friends, by the kind of the other resource; and their reconciler."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.db import connections

from sequere.backends.database.models import FollowCount
from sequere.backends.database.statements import COUNT_KEY, COUNT_NUMBERS
from sequere.base import ResourceKey
from sequere.log.locks import KEY, Resource
from sequere.projections.reconciler import Comparison, Cursor, Difference, Page, Reconciler, RowKeys
from sequere.sql.conditions import among
from sequere.sql.dialects import dialect
from sequere.sql.statements import statement


class CountKey(NamedTuple):
    identifier: str
    object_id: str
    other_identifier: str


class Numbers(NamedTuple):
    followers: int = 0
    followings: int = 0
    friends: int = 0


class CountRange:
    """The counts of the resources after one and up to another one, and what the follows say that they should be."""

    def __init__(
        self, after: Sequence[str] | None, until: Sequence[str] | None, resources: Sequence[ResourceKey], using: str
    ) -> None:
        """`resources` are those that the log knows; others should have no counts."""
        self._resources = resources
        self._connection = connections[using]
        self._words = dialect(self._connection)
        self._bounds = [(sign, bound) for sign, bound in ((">", after), ("<=", until)) if bound]
        self._fragments = self._all_fragments()

    def __len__(self) -> int:
        return len(self._resources)

    def resources(self) -> set[ResourceKey]:
        """All resources that have counts, or should have some. 1 query."""
        sql = f"SELECT DISTINCT identifier, object_id FROM sequere_database_followcount WHERE {self._between()}"
        return {*self._resources, *(ResourceKey(*row) for row in self._execute(sql, times=1))}

    def differs(self) -> bool:
        """1 query."""
        ((differs,),) = self._changed("SELECT EXISTS (SELECT 1 FROM changed)")
        return bool(differs)

    def differences(self) -> list[tuple[CountKey, Numbers, Numbers]]:
        """What should be, and what is, where they differ. 1 query."""
        rows = self._changed("SELECT * FROM changed ORDER BY {key}")
        return [(CountKey(*row[:3]), Numbers(*map(int, row[3:6])), Numbers(*map(int, row[6:]))) for row in rows]

    def repair(self) -> int:
        """Make the counts what they should be; returns how many were not. 1 statement, 3 on databases that cannot write
        in a WITH clause."""
        delete = (
            "DELETE FROM sequere_database_followcount WHERE ({key}) IN (SELECT {key} FROM changed WHERE {is_nothing})"
        )
        put = "{insert} SELECT {key}, {numbers} FROM changed WHERE NOT ({is_nothing}) {replace}"
        if self._words.writes_in_with:
            ((wrong,),) = self._changed(f", gone AS ({delete}), put AS ({put}) SELECT COUNT(*) FROM changed")
        else:
            ((wrong,),) = self._changed("SELECT COUNT(*) FROM changed")
            for step in (delete, put):
                self._changed(step)
        return int(wrong)

    def _changed(self, sql: str) -> list[tuple[Any, ...]]:
        return self._execute(f"{statement(__package__, 'wrong_counts')} {sql}".format_map(self._fragments), times=3)

    def _execute(self, sql: str, times: int) -> list[tuple[Any, ...]]:
        """Run a statement that contains the bounds so many times."""
        bounds = [part for _, (identifier, object_id) in self._bounds for part in (identifier, identifier, object_id)]
        with self._connection.cursor() as cursor:
            cursor.execute(sql, bounds * times)
            return cursor.fetchall() if cursor.description else []

    def _between(self, prefix: str = "") -> str:
        # An index can start from the first half.
        return (
            " AND ".join(
                f"{prefix}identifier {sign[0]}= %s AND ({prefix}identifier, {prefix}object_id) {sign} (%s, %s)"
                for sign, _ in self._bounds
            )
            or "true"
        )

    def _all_fragments(self) -> dict[str, str]:
        old_numbers = [f"old_{name}" for name in COUNT_NUMBERS]
        replaced = dict.fromkeys(COUNT_NUMBERS, "{new}")
        return {
            "key": ", ".join(COUNT_KEY),
            "numbers": ", ".join(COUNT_NUMBERS),
            "old_numbers": ", ".join(old_numbers),
            "sums": ", ".join(f"SUM({name})" for name in (*COUNT_NUMBERS, *old_numbers)),
            "differ": " OR ".join(f"SUM({name}) <> SUM(old_{name})" for name in COUNT_NUMBERS),
            "is_nothing": " AND ".join(f"{name} = 0" for name in COUNT_NUMBERS),
            "followed": self._between("to_"),
            "following": self._between("from_"),
            "counted": self._between(),
            "insert": self._words.insert_into(FollowCount, (*COUNT_KEY, *COUNT_NUMBERS)),
            "replace": self._words.on_conflict_update(FollowCount, COUNT_KEY, **replaced),
        }


class CountComparison(Comparison):
    """Compares the counts of resources with the follows as the passes before have left them."""

    def resources(self, keys: CountRange, using: str) -> Iterable[ResourceKey]:
        return keys.resources()

    def differs(self, keys: CountRange, using: str) -> bool:
        return keys.differs()

    def compare(self, keys: CountRange, using: str, *, repair: bool) -> list[Difference]:
        differences = [
            Difference(f"counts of {key.identifier}:{key.object_id} with kind {key.other_identifier}", expected, found)
            for key, expected, found in keys.differences()
        ]
        if differences and repair:
            keys.repair()
        return differences

    def repair(self, keys: CountRange, using: str) -> int:
        return keys.repair()


class CountKeys(RowKeys):
    """All resources, in pages that include everything between them: the counts of others are wrong."""

    def page(self, after: Cursor | None, until: Cursor | None, using: str) -> Page:
        rows, number, end = super().page(after, until, using)
        return Page(CountRange(after, end or until, [ResourceKey(*row) for row in rows or ()], using), number, end)


#: All counts. It comes after the follows, from which they are counted.
COUNTS = Reconciler("counts", CountKeys(Resource.objects.using, columns=KEY, size=4000), CountComparison())


def forget_empty(keys: Sequence[ResourceKey], using: str) -> None:
    """Remove the counts of `keys` that are zero. 1 statement."""
    zero = dict.fromkeys(COUNT_NUMBERS, 0)
    FollowCount.objects.using(using).filter(among(keys), **zero).delete()
