"""The relations that the log knows, read in bulk for a comparison with a read model."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from django.db import connections, models

from sequere.base import ResourceKey
from sequere.log.locks import KEY, Resource
from sequere.log.models import Event, EventQuerySet
from sequere.log.reading import last_event
from sequere.relations.key import Graph, graph_of
from sequere.relations.types import BEGUN, CHANGES, PAUSING, PAUSING_CHANGES, RELATION_TYPES
from sequere.sql.conditions import among, is_
from sequere.sql.dialects import dialect
from sequere.sql.rows import fields_of, given
from sequere.sql.statements import statement
from sequere.texts import is_storable

ENDS = ("actor_identifier", "actor_object_id", "target_identifier", "target_object_id")


def relations(using: str) -> EventQuerySet:
    """The first event of each relation, live or not."""
    return Event.objects.using(using).filter(type__in=BEGUN, version=1)


def live_relations(using: str) -> EventQuerySet:
    """The last event of each live relation: a later version would end it."""
    later = Event.objects.filter(stream=models.OuterRef("stream"), version=models.OuterRef("version") + 1)
    return Event.objects.using(using).filter(~models.Exists(later), type__in=BEGUN)


def live_relations_of(key: ResourceKey, using: str) -> Mapping[str, EventQuerySet]:
    """The last events of the live relations of a resource that it may clear away, by the end that it is: "actor_" or
    "target_"."""
    live = live_relations(using)
    of_both = [one.begun.name for one in RELATION_TYPES if one.is_of_both]
    return {"actor_": live.filter(is_(key, "actor_")), "target_": live.filter(is_(key, "target_"), type__in=of_both)}


def relations_to_move(key: ResourceKey, using: str) -> list[EventQuerySet]:
    """The last events of the live relations of a resource that move with it: first of types that end others, or keep
    them from beginning."""
    live = live_relations(using)
    by_rank: list[EventQuerySet] = []
    for has_ends in (True, False):
        types = [one for one in RELATION_TYPES if bool(one.ends) is has_ends]
        own = is_(key, "actor_") & models.Q(type__in=[one.begun.name for one in types])
        of_others = [one.begun.name for one in types if one.is_of_both or one.is_copied]
        by_rank.append(live.filter(own | (is_(key, "target_") & models.Q(type__in=of_others))))
    return by_rank


def live_in(graph: Graph, using: str) -> EventQuerySet:
    """The last event of each live relation of a graph."""
    scoped = models.Q(scope=graph.scope) if graph.scope else models.Q(scope__isnull=True)
    return live_relations(using).filter(scoped, type=graph.type.begun.name)


def wanted_relations(using: str) -> str:
    """What FROM takes: what the log wants of some relations, as wanted.sql has it, with {given} for a SELECT of their
    streams."""
    if dialect(connections[using]).has_routines:
        return "sequere_wanted_relations(ARRAY({given}))"
    return f"({wanted_statement(using)})"


def wanted_statement(using: str) -> str:
    """wanted.sql for a database, with {given} still to be filled in."""
    words = dialect(connections[using])
    named = "{0}.identifier = last.{1}_identifier AND {0}.object_id = last.{1}_object_id"
    from_end, to_end = (
        words.join_row(words.table(Resource), name, named.format(name, end))
        for name, end in (("f", "actor"), ("t", "target"))
    )
    begun, pausing = (", ".join(map(words.text, names)) for names in (BEGUN, PAUSING))
    last = last_event(using, "last", "given.stream")
    return statement(__package__, "wanted").format(
        given="{given}", last=last, from_end=from_end, to_end=to_end, begun=begun, pausing=pausing
    )


def known_ends(keys: Iterable[ResourceKey], using: str) -> set[ResourceKey]:
    """Those of `keys` that have ever been at an end of a relation. 1 query."""
    names, values = given(connections[using], fields_of(Resource, KEY), list(keys))
    begun = ", ".join(map(dialect(connections[using]).text, BEGUN))
    sql = statement(__package__, "known_ends").format(names=names, begun=begun)
    with connections[using].cursor() as cursor:
        cursor.execute(sql, values)
        return {ResourceKey(*row) for row in cursor.fetchall()}


def related_kinds(keys: Iterable[ResourceKey], kinds: Iterable[str], using: str) -> set[tuple[Graph, ResourceKey, str]]:
    """With which of some kinds resources have live relations: the graph, the resource, and the kind. 2 queries."""
    wanted, storable = list(keys), [*filter(is_storable, kinds)]
    found = set()
    for end, other in (("actor_", "target_"), ("target_", "actor_")):
        live = without_paused(live_relations(using)).filter(among(wanted, end), **{f"{other}identifier__in": storable})
        rows = live.values_list("type", "scope", f"{end}identifier", f"{end}object_id", f"{other}identifier")
        found |= {
            (graph_of(type_, scope), ResourceKey(identifier, object_id), kind)
            for type_, scope, identifier, object_id, kind in rows.distinct()
        }
    return found


def numbers(
    keys: Sequence[ResourceKey], end: str, using: str
) -> Mapping[Graph, Mapping[ResourceKey, Mapping[str, int]]]:
    """By graph, how many live relations each resource has at one end ("actor_" or "target_"), by the kind of the other
    end.

    `keys` are a page of all resources, in the order of the database. 1 query.
    """
    # The events of a relation alternate, so their difference is 1 if it is live, and else 0; or it pauses.
    pauses = models.When(models.Q(type__in=PAUSING_CHANGES) & _is_paused(), then=0)
    left = models.Sum(models.Case(pauses, models.When(type__in=BEGUN, then=1), default=-1))
    other = "target_identifier" if end == "actor_" else "actor_identifier"
    rows = (
        Event.objects.using(using)
        .filter(_between(keys, end), type__in=CHANGES)
        .order_by()
        .values_list("type", "scope", f"{end}identifier", f"{end}object_id", other)
        .annotate(left=left)
    )
    found: dict[Graph, dict[ResourceKey, dict[str, int]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    for type_, scope, identifier, object_id, kind, number in rows:
        found[graph_of(type_, scope)][ResourceKey(identifier, object_id)][kind] += number
    return found


def without_paused(events: EventQuerySet) -> EventQuerySet:
    """Without events of which a resource is suspended now."""
    return events.exclude(_is_paused())


def _is_paused() -> models.Q:
    ends = ({column: models.OuterRef(f"{end}{column}") for column in KEY} for end in ("actor_", "target_"))
    one, other = (models.Exists(Resource.objects.filter(**key, is_suspended=True)) for key in ends)
    return one | other


def _between(keys: Sequence[ResourceKey], end: str) -> models.Q:
    """The condition that the resource at one end lies between the first and the last one of a page."""
    condition = models.Q(pk__in=[])
    for identifier, page in groupby(keys, key=lambda key: key.identifier):
        ids = [key.object_id for key in page]
        between = {f"{end}object_id__gte": ids[0], f"{end}object_id__lte": ids[-1]}
        condition |= models.Q(**{f"{end}identifier": identifier}, **between)
    return condition
