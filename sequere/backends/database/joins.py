"""Relations and counts in statements about the instances of a host's model."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connections

from sequere.backends.base import Fragment, KeyColumn
from sequere.backends.database.sides import MUTUAL, side_of
from sequere.backends.database.statements import number_of, uid_of
from sequere.base import ResourceKey
from sequere.relations.key import Graph
from sequere.sql.dialects import Dialect, dialect
from sequere.sql.statements import statement


@dataclass(frozen=True, slots=True)
class RelationJoins:
    """The SQL of one database."""

    using: str

    @property
    def words(self) -> Dialect:
        return dialect(connections[self.using])

    def is_in(self, what: str, graph: Graph, key: ResourceKey, one: KeyColumn, *, begins: bool) -> Fragment:
        side, words = side_of(what, graph), self.words
        numbers = [number_of(graph.type.name, words, words.text(graph.scope)), uid_of(words)]
        if begins:
            numbers = self._looked_up(numbers, key)
        fragments = {
            "owner": side.owner,
            "other": side.other,
            "mutual": "AND l.mutual_since IS NOT NULL" if side is MUTUAL else "",
            **dict(zip(("graph", "resource"), numbers, strict=True)),
            "identifier": words.text(one.identifier),
            "text": one.text(words),
        }
        each = statement(__package__, "is_in_list").format(**fragments, for_each_row=words.for_each_row)
        if not begins:
            return each, key
        key_of_one = words.key_of_text(one.pk.held, "r.object_id", one.pk.collation)
        keys = statement(__package__, "keys_in_list").format(**fragments, join=words.join, key=key_of_one)
        if words.begins_with_exists:
            return f"EXISTS ({keys} AND r.object_id = {fragments['text']} AND {one.column} = {key_of_one})", ()
        return f"({one.column} IN ({keys}) AND {each})", ()

    def count(self, what: str, graph: Graph, one: KeyColumn) -> Fragment:
        text = statement(__package__, "count_of_instance").format(
            counted=side_of(what, graph).counted,
            graph=number_of(graph.type.name, self.words, self.words.text(graph.scope)),
            identifier=self.words.text(one.identifier),
            text=one.text(self.words),
        )
        return text, ()

    def _looked_up(self, selects: Sequence[str], key: ResourceKey) -> list[str]:
        """The numbers that SELECTs find. With numbers in a statement, PostgreSQL knows who has millions of followers:
        it may begin with the instances instead. 1 query."""
        with connections[self.using].cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(selects)}", key)
            return ["NULL" if number is None else str(number) for number in cursor.fetchone()]
