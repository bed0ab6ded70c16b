"""The reconcilers of relations: those that the log knows, and stored ones that it does not know."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from django.db import models

from sequere.backends.database.models import LiveRelation
from sequere.backends.database.statements import RELATION_KEY, RelationStatements
from sequere.base import ResourceKey
from sequere.log.locks import Resource, keys_of
from sequere.log.models import Event
from sequere.log.numbers import KIND, GraphNumbers, Name, numbers_of_graphs
from sequere.projections.reconciler import Comparison, Difference, OrphanKeys, Reconciler, SpanKeys
from sequere.relations import recorded
from sequere.relations.key import Graph, GraphColumns, RelationKey, graph_of
from sequere.relations.types import RELATION_TYPES, type_named
from sequere.sql.conditions import among

#: The graphs of some rows, each with the condition that a row is about it. 1 query, or 2.
ByGraph = Callable[["models.QuerySet[Any]", str], Iterable[tuple[Graph, models.Q]]]


class RelationPage:
    """Some relations, between two resources with uids, and keys in columns that have these prefixes."""

    def __init__(self, rows: models.QuerySet[Any], by_graph: ByGraph, from_: str, to: str) -> None:
        self._from, self._to = from_, to
        self._by_graph = by_graph
        self._rows = rows.order_by()

    @cached_property
    def followers(self) -> list[ResourceKey]:
        """Those from which they lead. Read once."""
        names = self._rows.values_list(f"{self._from}identifier", f"{self._from}object_id").distinct()
        return [ResourceKey(*row) for row in names if None not in row]

    def now(self, using: str) -> list[RelationStatements]:
        """All of them, those of each graph."""
        return self._statements(self._rows, using)

    def of_followers(self, using: str) -> list[RelationStatements]:
        """Without those of followers that have come since, which are not locked."""
        nobody = models.Q(**{f"{self._from}identifier__isnull": True})  # a uid that no resource has
        return self._statements(self._rows.filter(among(self.followers, self._from) | nobody), using)

    def _statements(self, rows: models.QuerySet[Any], using: str) -> list[RelationStatements]:
        kinds = {"from_number": _kind_of(self._from), "to_number": _kind_of(self._to)}
        columns = ("stream", "opposite", "from_uid", "to_uid", *kinds)
        statements = []
        for graph, of_graph in self._by_graph(rows, using):
            opposite = RelationKey.stream_in_sql(graph, self._to, self._from)
            relations = rows.filter(of_graph).annotate(opposite=opposite, **kinds).values_list(*columns)
            select = relations.query.get_compiler(using).as_sql()
            statements.append(RelationStatements(graph, select, using, both=False))
        return statements


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


class RelationComparison(Comparison):
    """Compares relations. Counts are left to `CountComparison`.

    A process may write a relation once it has locked the resource that it leads from, since anyone else who writes it
    has locked both ends. So a repair does not wait for resources that many follow.
    """

    def resources(self, keys: RelationPage, using: str) -> Iterable[ResourceKey]:
        return keys.followers

    def differs(self, keys: RelationPage, using: str) -> bool:
        return any(statements.differs() for statements in keys.now(using))

    def compare(self, keys: RelationPage, using: str, *, repair: bool) -> list[Difference]:
        differences = []
        for statements in keys.of_followers(using):
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

    def repair(self, keys: RelationPage, using: str) -> int:
        return sum(statements.repair() for statements in keys.of_followers(using))


def _described(row: dict[str, Any]) -> str:
    if not row:
        return "none"
    mutual = f", mutual since {row['mutual_since']}" if row["mutual_since"] else ""
    return f"by event {row['event_id']} at {row['since']}{mutual}, of kinds {row['from_kind']} and {row['to_kind']}"


def _of_log(rows: models.QuerySet[Any], using: str) -> RelationPage:
    events = rows.annotate(from_uid=_uid_of("actor_"), to_uid=_uid_of("target_"))
    return RelationPage(events, _graphs_of_events, "actor_", "target_")


def _graphs_of_events(rows: models.QuerySet[Any], using: str) -> Iterator[tuple[Graph, models.Q]]:
    for type_, scope in sorted(rows.values_list("type", "scope").distinct()):
        yield graph_of(type_, scope), models.Q(type=type_, scope=scope)


def _graphs_of_model(rows: models.QuerySet[Any], using: str) -> Iterator[tuple[Graph, models.Q]]:
    graphs = {number: Graph(type_named(type_), scope) for (type_, scope), number in _numbers(using).items()}
    for number in sorted(rows.values_list("graph", flat=True).distinct()):
        yield graphs[number], models.Q(graph=number)


def _numbers(using: str) -> GraphNumbers:
    """The numbers of the graphs whose types there are."""
    names = {one.name for one in RELATION_TYPES}
    return {graph: number for graph, number in numbers_of_graphs(using).items() if graph[0] in names}


def _named(using: str) -> models.QuerySet[Any]:
    """The stored relations with the keys of their ends, and their streams."""
    numbers = _numbers(using)
    stored = LiveRelation.objects.using(using).filter(graph__in=numbers.values())
    names = stored.annotate(**_key_of("from"), **_key_of("to"))
    parts = GraphColumns(*(_part_of_graph(numbers, part) for part in range(2)))
    return names.annotate(stream=RelationKey.stream_in_sql(parts, "from_", "to_"))


def _part_of_graph(numbers: GraphNumbers, part: int) -> models.Case:
    """The type or the scope of the graph of a stored relation."""
    cases = (models.When(graph=number, then=models.Value(graph[part])) for graph, number in numbers.items())
    return models.Case(*cases, default=models.Value(""), output_field=models.TextField())


def _of_model(rows: Iterable[Sequence[Any]], using: str) -> RelationPage:
    stored = _named(using).filter(pk__in=[tuple(row) for row in rows])
    return RelationPage(stored, _graphs_of_model, "from_", "to_")


def _orphans(rows: models.QuerySet[Any], using: str) -> models.QuerySet[Any]:
    of_log = Event.objects.using(using).filter(stream=models.OuterRef("stream"), version=1)
    return rows.exclude(models.Exists(of_log))


#: All relations of the log. If something differs, all followers of a page are locked, for a tenth of a second.
RECORDED_RELATIONS = Reconciler(
    "follows",
    SpanKeys(recorded.relations, _of_log, columns=("actor_identifier", "actor_object_id", "id"), size=4000),
    RelationComparison(),
)
#: The stored relations that the log does not know.
ORPHANED_RELATIONS = Reconciler(
    "orphans",
    OrphanKeys(_named, _of_model, columns=RELATION_KEY, orphans=_orphans, size=10_000),
    RelationComparison(),
)
