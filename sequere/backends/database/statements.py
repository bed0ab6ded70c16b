"""The relations that the log wants compared with those that are stored, in SQL: rows come to Python only to be shown.

Two relations are opposite if one is from → to and the other is to → from. Each knows since when they are mutual.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple, TypeAlias

from django.db import connections
from django.utils import timezone

from sequere.backends.database.models import LiveRelation, RelationCount
from sequere.log.locks import KEY, Resource
from sequere.log.models import Event
from sequere.log.numbers import KIND, GraphNumber, Name, number_graph, number_of_graph
from sequere.relations.key import Graph
from sequere.relations.lasting import in_log, until_in_sql
from sequere.relations.types import PAUSING, RelationType
from sequere.sql.dialects import Dialect, dialect
from sequere.sql.statements import statement

#: A SELECT, and the parameters that it takes.
Subselect: TypeAlias = tuple[str, Sequence[Any]]

RELATION_KEY = ("graph", "from_uid", "to_uid")
#: What the log wants of a relation.
RELATION_VALUES = ("from_kind", "to_kind", "since", "event_id", "mutual_since")
COUNT_KEY = ("graph", "kind", "uid")
COUNT_NUMBERS = ("incoming", "outgoing", "mutual")


class RelationStatements:
    """Some relations of a graph in the log and in the read model."""

    def __init__(self, graph: Graph, relations: Subselect, using: str, *, both: bool) -> None:
        """`relations` SELECTs what wanted.sql is given. The opposite relations are compared too if `both` are: then
        `relations` has only one of two opposites."""
        self.graph = graph
        self._using = using
        self._relations, self._parameters = relations
        self._both = both

    def write(self) -> None:
        """Store what the log wants instead of what is stored, and add the change to the counts.

        1 statement, 4 on databases without functions, 5 the first time.
        """
        words = dialect(connections[self._using])
        if words.has_routines:
            text = _apply_text(self.graph.type.begun.name, self._using).replace("{given}", self._relations)
            self._run(text, [*self.graph.name, *self._parameters])
            return
        for text in self._texts(number_graph(*self.graph.name, self._using)).write:
            self._execute(text)

    def differs(self) -> bool:
        """Whether anything is not stored as the log wants it. 2 queries."""
        ((differs,),) = self._execute(self._texts(self._number).differs)
        return bool(differs)

    def repair(self) -> int:
        """The same as `write()` without the counts; returns how many relations were wrong. 2 statements, or 3."""
        texts = self._texts(number_graph(*self.graph.name, self._using))
        return sum(wrong for text in texts.repair for (wrong,) in self._execute(text))

    def differences(self) -> list[tuple[tuple[int, int], dict[str, Any], dict[str, Any]]]:
        """Where they differ: the two uids, what is stored, and what the log wants; {} for nothing. 1 query."""
        half = 2 + len(RELATION_VALUES)
        return [
            ((row[0], row[1]), _row(row[2:half]), _row(row[half:]))
            for row in self._execute(self._texts(self._number).differences)
        ]

    @property
    def _number(self) -> int:
        """That of the graph; one that no graph has as long as it has none."""
        return number_of_graph(*self.graph.name, self._using) or 0

    def _texts(self, number: int) -> "_Texts":
        return relation_texts(number, self.graph.type.begun.name, self._using, both=self._both)

    def _execute(self, text: str) -> list[tuple[Any, ...]]:
        return self._run(text.replace("{given}", self._relations), self._parameters)

    def _run(self, text: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        with connections[self._using].cursor() as cursor:
            cursor.execute(text, parameters)
            return cursor.fetchall() if cursor.description else []


def _row(values: tuple[Any, ...]) -> dict[str, Any]:
    row = dict(zip(RELATION_VALUES, values, strict=True))
    return row if row["event_id"] is not None else {}


class _Texts(NamedTuple):
    """The statements for one database and the number of a graph, with {given} for the relations."""

    write: Sequence[str]
    differs: str
    #: Each answers rows of a number, and they add up.
    repair: Sequence[str]
    differences: str


@cache
def relation_texts(number: int, begun: str, using: str, *, both: bool) -> _Texts:
    """Put together once for each database and graph, which has a number."""
    words = dialect(connections[using])
    return _texts(words, _fragments(words, str(number), words.text(begun), both=both))


@cache
def _apply_text(begun: str, using: str) -> str:
    """Calls the function. Parameters: the type and the scope of the graph, then those of {given}."""
    columns = ("stream", "opposite", "from_uid", "to_uid", "from_kind", "to_kind")
    arrays = _each("array_agg({0})", columns)
    relations = f"({{given}}) AS given ({', '.join(columns)})"
    text = dialect(connections[using]).text(begun)
    return f"SELECT sequere_apply_relations(%s, %s, {text}, NULL, {arrays}) FROM {relations}"


def applying_fragments(words: Dialect) -> dict[str, str]:
    """The statements of functions that apply relations of any graph: the same ones, planned once."""
    (write,) = _texts(words, _fragments(words, "graph_number", "begun", both=True)).write
    # Of two opposite relations, one says both.
    relations = (
        "SELECT given.* FROM unnest(streams, opposites, from_uids, to_uids, from_kinds, to_kinds)"
        " AS given (stream, opposite, one, other) WHERE one < other OR opposite NOT IN (SELECT unnest(streams))"
    )
    return {"{write}": write.replace("{given}", relations)}


def _texts(words: Dialect, fragments: dict[str, str]) -> _Texts:
    wanted, changed, count, put, put_wanted = (
        statement(__package__, name).format_map(fragments)
        for name in ("wanted", "changed", "move_counts", "put_changed", "put_wanted")
    )
    changed = wanted + changed
    found = f"wanted {words.join} {fragments['stored']}"
    unwanted = f"SELECT stored.{words.row_id} FROM {found} WHERE wanted.event_id IS NULL"
    delete, delete_wanted = (
        statement(__package__, "delete_unwanted").format(row_id=words.row_id, unwanted=words.is_among(select))
        for select in ("SELECT place FROM changed WHERE place IS NOT NULL AND event_id IS NULL", unwanted)
    )
    delete_counted, put_counted = (f"{step} {words.returning('1')}" for step in (delete_wanted, put_wanted))
    if words.writes_in_with:
        write = [f"{changed}, counted AS ({count}), gone AS ({delete}) {put}"]
        number = "SELECT COUNT(*) FROM (SELECT 1 FROM gone UNION ALL SELECT 1 FROM put) AS changed"
        repair = [f"{wanted}, gone AS ({delete_counted}), put AS ({put_counted}) {number}"]
    else:
        write = [f"{changed} {step}" for step in (count, delete, put)]
        repair = [f"{wanted} {step}" for step in (delete_counted, put_counted)]
    return _Texts(
        write=write,
        differs=f"{changed} SELECT EXISTS (SELECT 1 FROM changed)",
        repair=repair,
        differences="{changed} SELECT from_uid, to_uid, {old_columns}, {columns} FROM changed".format(
            changed=changed, **{name: fragments[name] for name in ("old_columns", "columns")}
        ),
    )


def number_of(relation_type: str, words: Dialect, scope: str = "%s") -> str:
    """SELECTs the number of a graph. By default, the scope is a parameter."""
    type_ = words.text(relation_type)
    return f"(SELECT number FROM {words.table(GraphNumber)} WHERE type = {type_} AND scope = {scope})"


def uid_of(words: Dialect, *, unless_suspended: bool = False) -> str:
    """SELECTs the uid of a resource; `unless_suspended`, NULL for one that is. Parameters: its identifier and object
    id."""
    further = " AND NOT is_suspended" if unless_suspended else ""
    return f"(SELECT uid FROM {words.table(Resource)} WHERE identifier = %s AND object_id = %s{further})"


def lasts(words: Dialect, relation: str) -> str:
    """The condition that a stored relation, under a name, has not ended by itself. Parameter: a moment, `in_log()`."""
    until = until_in_sql(words, "began.data")
    # A scalar is looked up in the index, whatever the database believes of the size of the log.
    return f"(SELECT {until} FROM {words.table(Event)} began WHERE began.id = {relation}.event_id) > %s"


def anybody_suspended(words: Dialect) -> str:
    """The condition that anybody is suspended, asked once by a statement. In an order, that is read from the index,
    whatever the database believes."""
    return f"(SELECT uid FROM {words.table(Resource)} WHERE is_suspended ORDER BY uid LIMIT 1) IS NOT NULL"


def not_paused(words: Dialect, *uids: str) -> str:
    """The condition that none of some resources, in columns, is suspended. As long as nobody is, no row costs a
    look."""
    suspended = f"SELECT 1 FROM {words.table(Resource)} s WHERE s.is_suspended AND s.uid IN ({', '.join(uids)})"
    return f"CASE WHEN {anybody_suspended(words)} THEN NOT EXISTS ({suspended}) ELSE true END"


def narrowed(type_: RelationType, relation: str, words: Dialect, *, mutual: bool = False) -> str:
    """What narrows relations to those that are live in both directions, and to those that have not ended by themselves.
    Parameters: `now()`."""
    mutually = f"AND {relation}.mutual_since IS NOT NULL" if mutual else ""
    return f"{mutually} AND {lasts(words, relation)}" if type_.has_end else mutually


def now(type_: RelationType) -> list[str]:
    """The parameter of a condition that relations have not ended by themselves; none if they cannot."""
    return [in_log(timezone.now())] if type_.has_end else []


def join_resource(words: Dialect, name: str, key: Sequence[str]) -> str:
    """What joins the resource that has the key in two columns, under a name."""
    same_key = " AND ".join(f"{name}.{column} = {value}" for column, value in zip(KEY, key, strict=True))
    return words.join_row(words.table(Resource), name, same_key)


def join_kind(words: Dialect, name: str) -> str:
    """What joins the kind of a resource that is joined under a name, as `<name>_kind`."""
    return words.join_row(
        words.table(Name), f"{name}_kind", f"{name}_kind.role = '{KIND}' AND {name}_kind.name = {name}.identifier"
    )


def kind_number(words: Dialect) -> str:
    """SELECTs the number of a kind. Parameter: the identifier."""
    return f"(SELECT number FROM {words.table(Name)} WHERE role = '{KIND}' AND name = %s)"


def _fragments(words: Dialect, graph: str, begun: str, *, both: bool) -> dict[str, str]:
    stored, log = map(words.table, (LiveRelation, Event))
    side = (
        "SELECT {0}_uid, {1}_uid, CASE WHEN {2}id IS NOT NULL THEN {0}_kind END,"
        " CASE WHEN {2}id IS NOT NULL THEN {1}_kind END, {2}since, {2}id, mutual_since FROM pair"
    )
    sides = [side.format("from", "to", ""), *([side.format("to", "from", "opposite_")] if both else [])]
    same_ends = f"stored.graph = {graph} AND stored.from_uid = wanted.from_uid AND stored.to_uid = wanted.to_uid"
    stored_row = words.join_row(stored, "stored", same_ends)
    pausing = ", ".join(map(words.text, PAUSING))
    return {
        "given": "{given}",
        "graph": graph,
        "is_active": f"({begun} NOT IN ({pausing}) OR {not_paused(words, 'related.from_uid', 'related.to_uid')})",
        "last_event": words.join_last_event(log, "e", "given.stream", f"e.type = {begun} AND given.is_active"),
        "last_of_opposite": words.join_last_event(log, "b", "given.opposite", f"b.type = {begun} AND given.is_active"),
        "sides": " UNION ALL ".join(sides),
        "stored": stored_row,
        "columns": _each("{0}", RELATION_VALUES),
        "old_columns": _each("old_{0}", RELATION_VALUES),
        "of_stored": _each("stored.{0}", RELATION_VALUES),
        "of_wanted": _each("wanted.{0}", RELATION_VALUES),
        "of_relation": _each(f"{stored}.{{0}}", RELATION_VALUES),
        "of_new": _each(words.new_value("{0}"), RELATION_VALUES),
        "differs_from": words.differs_from,
        "row_id": words.row_id,
        "insert_counts": words.insert_into(RelationCount, (*COUNT_KEY, *COUNT_NUMBERS)),
        "add_numbers": words.on_conflict_update(
            RelationCount, COUNT_KEY, **dict.fromkeys(COUNT_NUMBERS, "{old} + {new}")
        ),
        "insert_relations": words.insert_into(LiveRelation, (*RELATION_KEY, *RELATION_VALUES)),
        "replace": words.on_conflict_update(LiveRelation, RELATION_KEY, **dict.fromkeys(RELATION_VALUES, "{new}")),
    }


def _each(form: str, columns: Sequence[str]) -> str:
    return ", ".join(form.format(column) for column in columns)
