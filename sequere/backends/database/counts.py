"""The counts of live relations, by the kind of the other resource; and their reconciler."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from django.db import connections

from sequere.backends.database.models import RelationCount
from sequere.backends.database.statements import COUNT_KEY, COUNT_NUMBERS
from sequere.base import ResourceKey
from sequere.log.locks import Resource, keys_of
from sequere.log.numbers import KIND, GraphNumbers, names_of, numbers_of_graphs
from sequere.projections.reconciler import Comparison, Cursor, Difference, Page, Reconciler, RowKeys
from sequere.relations.key import FOLLOWS, Graph
from sequere.relations.types import type_named
from sequere.sql.conditions import among
from sequere.sql.dialects import dialect
from sequere.sql.statements import statement


class CountKey(NamedTuple):
    graph: int
    kind: int
    uid: int


class Numbers(NamedTuple):
    incoming: int = 0
    outgoing: int = 0
    mutual: int = 0


class CountRange:
    """The counts of the resources whose uids lie after one and up to another one, and what the relations say that they
    should be."""

    def __init__(self, graphs: GraphNumbers, after: int | None, until: int | None, using: str) -> None:
        self.graphs = {number: graph for graph, number in graphs.items()}
        self._using = using
        self._words = dialect(connections[using])
        self._bounds = [(sign, bound) for sign, bound in ((">", after), ("<=", until)) if bound is not None]
        self._fragments = self._all_fragments()

    def resources(self) -> set[ResourceKey]:
        """All resources that have counts, or should have some. 1 query."""
        condition = " AND ".join(f"uid {sign} %s" for sign, _ in self._bounds) or "true"
        sql = f"SELECT identifier, object_id FROM sequere_resource WHERE {condition}"
        return {ResourceKey(*row) for row in self._execute(sql, times=1)}

    def differs(self) -> bool:
        """1 query."""
        ((differs,),) = self._changed("SELECT EXISTS (SELECT 1 FROM changed)")
        return bool(differs)

    def differences(self) -> list[tuple[CountKey, Numbers, Numbers]]:
        """What should be, and what is, where they differ. 1 query."""
        rows = self._changed("SELECT * FROM changed ORDER BY uid, graph, kind")
        return [(CountKey(*row[:3]), Numbers(*map(int, row[3:6])), Numbers(*map(int, row[6:]))) for row in rows]

    def repair(self) -> int:
        """Make the counts what they should be; returns how many were not. 2 statements, 4 on SQLite."""
        delete = (
            "DELETE FROM sequere_database_count"
            " WHERE (graph, uid, kind) IN (SELECT graph, uid, kind FROM changed WHERE {is_nothing})"
        )
        put = "{insert} SELECT graph, kind, uid, {numbers} FROM changed WHERE NOT ({is_nothing}) {replace}"
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
        with connections[self._using].cursor() as cursor:
            cursor.execute(sql, [bound for _, bound in self._bounds] * times)
            return cursor.fetchall() if cursor.description else []

    def _between(self, column: str) -> str:
        return " AND ".join(f"{column} {sign} %s" for sign, _ in self._bounds) or "true"

    def _all_fragments(self) -> dict[str, str]:
        old_numbers = [f"old_{name}" for name in COUNT_NUMBERS]
        replaced = dict.fromkeys(COUNT_NUMBERS, "{new}")
        return {
            "graphs": ", ".join(map(str, self.graphs)) or "NULL",
            "numbers": ", ".join(COUNT_NUMBERS),
            "old_numbers": ", ".join(old_numbers),
            "sums": ", ".join(f"SUM({name})" for name in (*COUNT_NUMBERS, *old_numbers)),
            "differ": " OR ".join(f"SUM({name}) <> SUM(old_{name})" for name in COUNT_NUMBERS),
            "is_nothing": " AND ".join(f"{name} = 0" for name in COUNT_NUMBERS),
            "to_it": self._between("to_uid"),
            "from_it": self._between("from_uid"),
            "of_it": self._between("uid"),
            "insert": self._words.insert_into(RelationCount, (*COUNT_KEY, *COUNT_NUMBERS)),
            "replace": self._words.on_conflict_update(RelationCount, COUNT_KEY, **replaced),
        }


class CountComparison(Comparison):
    """Compares the counts of resources with the relations as the passes before have left them."""

    def resources(self, keys: CountRange, using: str) -> Iterable[ResourceKey]:
        return keys.resources()

    def differs(self, keys: CountRange, using: str) -> bool:
        return keys.differs()

    def compare(self, keys: CountRange, using: str, *, repair: bool) -> list[Difference]:
        found = keys.differences()
        if not found:
            return []
        names, kinds = keys_of({key.uid for key, *_ in found}, using), names_of(KIND, using)
        differences = [
            Difference(
                f"{_counts_in(*keys.graphs[key.graph])} of {names.get(key.uid, key.uid)}"
                f" with kind {kinds.get(key.kind, key.kind)}",
                wanted,
                stored,
            )
            for key, wanted, stored in found
        ]
        if repair:
            keys.repair()
        return differences

    def repair(self, keys: CountRange, using: str) -> int:
        return keys.repair()


def _counts_in(type_: str, scope: str) -> str:
    return "counts" if (type_, scope) == FOLLOWS.name else f"{Graph(type_named(type_), scope)} counts"


class CountKeys(RowKeys):
    """All resources, in pages that include everything between them: the counts of others are wrong."""

    def page(self, after: Cursor | None, until: Cursor | None, using: str) -> Page:
        _, number, end = super().page(after, until, using)
        first, last = (cursor[0] if cursor else None for cursor in (after, end or until))
        return Page(CountRange(numbers_of_graphs(using), first, last, using), number, end)


#: All counts. It comes after the relations, from which they are counted.
COUNTS = Reconciler("counts", CountKeys(Resource.objects.using, columns=("uid",), size=4000), CountComparison())


def forget_empty(keys: Sequence[ResourceKey], using: str) -> None:
    """Remove the counts of `keys` that are zero. 1 statement."""
    zero = dict.fromkeys(COUNT_NUMBERS, 0)
    uids = Resource.objects.using(using).filter(among(keys)).values("uid")
    RelationCount.objects.using(using).filter(uid__in=uids, **zero).delete()
