"""The reconciler of relations: those that the log knows, and stored ones that it does not know."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from typing import Any

from django.db import connections, models, transaction

from sequere.backends.database.models import LiveRelation
from sequere.backends.database.statements import RelationStatements
from sequere.base import ResourceKey
from sequere.log.locks import Resource, keys_of
from sequere.log.models import Event
from sequere.log.numbers import KIND, GraphNumber, GraphNumbers, Name, numbers_of_graphs
from sequere.projections.reconciler import Comparison, Cursor, Difference, Page, Reconciler, RowKeys
from sequere.relations import recorded
from sequere.relations.key import Graph, GraphColumns, RelationKey, graph_of
from sequere.relations.types import BEGUN, CHANGES, PAUSING, RELATION_TYPES, type_named
from sequere.sql import keyset
from sequere.sql.conditions import among
from sequere.sql.dialects import dialect
from sequere.sql.statements import statement

#: The graphs of some rows, each with the condition that a row is about it. 1 query.
ByGraph = Callable[["models.QuerySet[Any]", str], Iterable[tuple[Graph, models.Q]]]

#: About how many relations are compared at once, in a tenth of a second: those of a resource are never apart.
RELATIONS_AT_ONCE = 4000
#: Resources that are asked for at once.
RESOURCES_PER_FETCH = 50


class Followers:
    """All relations that lead from some resources, in the log and in the read model."""

    def __init__(self, uids: Sequence[int], using: str) -> None:
        self._uids = uids
        self._using = using

    @cached_property
    def resources(self) -> list[ResourceKey]:
        """Those of them that there are. 1 query, or more for many."""
        return [*keys_of(self._uids, self._using).values()]

    @property
    def statements(self) -> Iterator[RelationStatements]:
        """Those about each graph: the relations that the log knows, and the stored ones that it does not know."""
        known = recorded.relations(self._using).filter(among(self.resources, "actor_"))
        ends = {"from_uid": _uid_of("actor_"), "to_uid": _uid_of("target_")}
        yield from _statements(known.order_by().annotate(**ends), _graphs_of_events, ("actor_", "target_"), self._using)
        numbers = _numbers(self._using)
        stored = _named(numbers, self._using).filter(from_uid__in=self._uids)
        of_log = Event.objects.using(self._using).filter(stream=models.OuterRef("stream"), version=1)
        orphans = stored.exclude(models.Exists(of_log))
        yield from _statements(orphans, partial(_graphs_of_model, numbers), ("from_", "to_"), self._using)


def _statements(
    rows: models.QuerySet[Any], by_graph: ByGraph, prefixes: tuple[str, str], using: str
) -> Iterator[RelationStatements]:
    """About relations between two resources with uids, and keys in columns that have these prefixes."""
    from_, to = prefixes
    kinds = {"from_number": _kind_of(from_), "to_number": _kind_of(to)}
    for graph, of_graph in by_graph(rows, using):
        relations = rows.filter(of_graph).annotate(opposite=RelationKey.stream_in_sql(graph, to, from_), **kinds)
        columns = relations.values_list("stream", "opposite", "from_uid", "to_uid", *kinds)
        yield RelationStatements(graph, columns.query.get_compiler(using).as_sql(), using, both=False)


def _uid_of(prefix: str) -> models.Subquery:
    key = {column: models.OuterRef(f"{prefix}{column}") for column in ResourceKey._fields}
    return models.Subquery(Resource.objects.filter(**key).values("uid")[:1])


def _kind_of(prefix: str) -> models.Subquery:
    numbers = Name.objects.filter(role=KIND, name=models.OuterRef(f"{prefix}identifier"))
    return models.Subquery(numbers.values("number")[:1])


def _key_of(end: str) -> dict[str, models.Subquery]:
    """The key of the resource at an end of a stored relation, in columns as the log has them."""
    resource = Resource.objects.filter(uid=models.OuterRef(f"{end}_uid"))
    return {f"{end}_{column}": models.Subquery(resource.values(column)[:1]) for column in ResourceKey._fields}


@dataclass(kw_only=True)
class FollowerKeys(RowKeys):
    """The resources from which relations lead, and everything between their uids. On a page are those that a statement
    finds wrong: it ends early if these have many relations."""

    #: Its name, and the columns of the uids that it asks to be in a range, by what it calls that.
    find: str
    uids: Mapping[str, str]

    def page(self, after: Cursor | None, until: Cursor | None, using: str) -> Page:
        """3 queries, and 1 more if the page ends early."""
        _, number, end = super().page(after, until, using)
        last = end or until
        wrong, is_cut = self._wrong(after, last, using)
        if is_cut:
            last = [wrong[-1]]
            number = keyset.between(self.rows(using), self.columns, after, last).count()
            end = None if last == until else last
        return Page(Followers(wrong, using) if wrong else None, number, end)

    def _wrong(self, after: Cursor | None, until: Cursor | None, using: str) -> tuple[list[int], bool]:
        """The uids in a range that the statement names, and whether there may be more of them."""
        bounds = [(sign, bound[0]) for sign, bound in ((">", after), ("<=", until)) if bound]
        in_range = {
            name: " AND ".join(f"{column} {sign} %s" for sign, _ in bounds) or "true"
            for name, column in self.uids.items()
        }
        text = _finding(self.find, tuple(_numbers(using).values()), using).format(**in_range)
        uids: list[int] = []
        left = RELATIONS_AT_ONCE
        # Each row takes as long as the resource has relations, so no more are asked for than there is work for.
        with transaction.atomic(using=using), connections[using].chunked_cursor() as cursor:
            cursor.execute(text, [bound for _, bound in bounds] * len(self.uids))
            while rows := cursor.fetchmany(RESOURCES_PER_FETCH):
                for uid, number in rows:
                    uids.append(uid)
                    left -= number
                    if left <= 0:
                        return uids, True
        return uids, False


@cache
def _finding(name: str, graphs: tuple[int, ...], using: str) -> str:
    """Put together once for each database, and each time that there is a new graph."""
    words = dialect(connections[using])
    graph, resource, kinds = map(words.table, (GraphNumber, Resource, Name))
    types = " ".join(f"WHEN {words.text(one.name)} THEN {words.text(one.begun.name)}" for one in RELATION_TYPES)
    of_kind = "{0}_kind.role = '{1}' AND {0}_kind.name = {0}.identifier"
    return statement(__package__, name).format(
        **{place: f"{{{place}}}" for place in ("in_range", "from_it", "to_it")},
        graphs=", ".join(map(str, graphs)) or "NULL",
        begun=", ".join(map(words.text, BEGUN)),
        changes=", ".join(map(words.text, CHANGES)),
        pausing=", ".join(map(words.text, PAUSING)),
        of_actor="e.actor_identifier = f.identifier AND e.actor_object_id = f.object_id",
        graph=words.join_row(graph, "g", "g.number = stored.graph"),
        resource=words.join_row(resource, "f", "f.uid = from_uid"),
        other=words.join_row(resource, "t", "t.uid = stored.to_uid"),
        kind=words.join_row(kinds, "f_kind", of_kind.format("f", KIND)),
        other_kind=words.join_row(kinds, "t_kind", of_kind.format("t", KIND)),
        begun_of_type=f"CASE g.type {types} END",
        differs_from=words.differs_from,
    )


class RelationComparison(Comparison):
    """Compares the relations of the resources that a page has found to be wrong. Counts are left to `CountComparison`.

    A process may write a relation once it has locked the resource that it leads from, since anyone else who writes it
    has locked both ends. So a repair does not wait for resources that many follow.
    """

    def resources(self, keys: Followers, using: str) -> Iterable[ResourceKey]:
        return keys.resources

    def differs(self, keys: Followers, using: str) -> bool:
        return True

    def compare(self, keys: Followers, using: str, *, repair: bool) -> list[Difference]:
        differences = []
        for statements in keys.statements:
            found = statements.differences()
            if found and repair:
                statements.repair()
            names = keys_of({uid for uids, *_ in found for uid in uids}, using)
            differences += [
                Difference(
                    f"{statements.graph} {' → '.join(str(names.get(uid, uid)) for uid in uids)}",
                    _described(wanted),
                    _described(stored),
                )
                for uids, stored, wanted in found
            ]
        return differences

    def repair(self, keys: Followers, using: str) -> int:
        return sum(statements.repair() for statements in keys.statements)


def _described(row: dict[str, Any]) -> str:
    if not row:
        return "none"
    mutual = f", mutual since {row['mutual_since']}" if row["mutual_since"] else ""
    return f"by event {row['event_id']} at {row['since']}{mutual}, of kinds {row['from_kind']} and {row['to_kind']}"


def _graphs_of_events(rows: models.QuerySet[Any], using: str) -> Iterator[tuple[Graph, models.Q]]:
    for type_, scope in sorted(rows.values_list("type", "scope").distinct()):
        yield graph_of(type_, scope), models.Q(type=type_, scope=scope)


def _graphs_of_model(numbers: GraphNumbers, rows: models.QuerySet[Any], using: str) -> Iterator[tuple[Graph, models.Q]]:
    graphs = {number: Graph(type_named(type_), scope) for (type_, scope), number in numbers.items()}
    for number in sorted(rows.values_list("graph", flat=True).distinct()):
        yield graphs[number], models.Q(graph=number)


def _numbers(using: str) -> GraphNumbers:
    """The numbers of the graphs whose types there are."""
    names = {one.name for one in RELATION_TYPES}
    return {graph: number for graph, number in numbers_of_graphs(using).items() if graph[0] in names}


def _named(numbers: GraphNumbers, using: str) -> models.QuerySet[Any]:
    """The stored relations with the keys of their ends, and their streams."""
    stored = LiveRelation.objects.using(using).filter(graph__in=numbers.values())
    names = stored.annotate(**_key_of("from"), **_key_of("to"))
    parts = GraphColumns(*(_part_of_graph(numbers, part) for part in range(2)))
    return names.annotate(stream=RelationKey.stream_in_sql(parts, "from_", "to_"))


def _part_of_graph(numbers: GraphNumbers, part: int) -> models.Case:
    """The type or the scope of the graph of a stored relation."""
    cases = (models.When(graph=number, then=models.Value(graph[part])) for graph, number in numbers.items())
    return models.Case(*cases, default=models.Value(""), output_field=models.TextField())


def _reconciler(name: str, find: str, **uids: str) -> Reconciler:
    keys = FollowerKeys(Resource.objects.using, columns=("uid",), size=2000, find=find, uids=uids)
    return Reconciler(name, keys, RelationComparison())


#: All relations, those of a resource together; then since when they are mutual.
RELATIONS = (
    _reconciler("follows", "wrong_followers", in_range="f.uid"),
    _reconciler("opposites", "wrong_opposites", from_it="from_uid", to_it="to_uid"),
)
