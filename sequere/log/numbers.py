"""Numbers: what read models store instead of names. The database hands them out, once and for ever.

These tables are no read models. A rebuild leaves them as they are, and without them the read models mean nothing.
"""

from collections.abc import Iterable, Mapping
from typing import cast

from django.db import connections, models

from sequere.exceptions import TooManyScopes
from sequere.log.validation import SCOPE_MAX_LENGTH
from sequere.registry import IDENTIFIER_MAX_LENGTH
from sequere.sql.dialects import dialect
from sequere.sql.rows import fields_of, given
from sequere.sql.statements import statement

#: The roles of names.
KIND, VERB = "kind", "verb"


class Name(models.Model):
    """The number of an identifier (a kind of resources), or of a verb."""

    number = models.SmallAutoField(primary_key=True)
    role = models.CharField(max_length=10)
    name = models.CharField(max_length=255)

    class Meta:
        app_label = "sequere"
        constraints = (models.UniqueConstraint(fields=["role", "name"], name="sequere_name_once"),)

    def __str__(self) -> str:
        return f"{self.role} {self.name}"


class GraphNumber(models.Model):
    """The number of a graph: of all relations of a type within a scope."""

    number = models.SmallAutoField(primary_key=True)
    type = models.CharField(max_length=50)
    scope = models.CharField(max_length=SCOPE_MAX_LENGTH, blank=True)

    class Meta:
        app_label = "sequere"
        db_table = "sequere_graph"
        constraints = (models.UniqueConstraint(fields=["type", "scope"], name="sequere_graph_once"),)

    def __str__(self) -> str:
        return f"{self.type} {self.scope}"


class Feed(models.Model):
    """The uid of a feed: entries stand in it. The private feed of a resource, '', has the uid of the resource instead.

    Its uids come from the sequence of the resources, so a uid means one or the other.
    """

    uid = models.BigIntegerField(primary_key=True)
    resource = models.BigIntegerField()
    name = models.CharField(max_length=IDENTIFIER_MAX_LENGTH)

    class Meta:
        app_label = "sequere"
        constraints = (models.UniqueConstraint(fields=["resource", "name"], name="sequere_feed_once"),)

    def __str__(self) -> str:
        return f"{self.name} of {self.resource}"


def names_of(role: str, using: str) -> dict[int, str]:
    """The names in a role, by their numbers. 1 query."""
    return dict(Name.objects.using(using).filter(role=role).values_list("number", "name"))


def number_names(role: str, names: Iterable[str], using: str) -> None:
    """Give numbers to names that have none. 1 statement."""
    connection = connections[using]
    words = dialect(connection)
    rows = [(role, name) for name in sorted({*names})]
    select, values = given(connection, fields_of(Name, ("role", "name")), rows)
    sql = statement(__package__, "number_names").format(
        given=select, insert=words.insert_into(Name, ("role", "name")), ignore=words.on_conflict_ignore("role", "name")
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


#: How many graphs there can be. Processes that begin one at the same time may exceed it by a few.
MAX_GRAPHS = 1000

#: By the type and the scope of a graph, its number.
GraphNumbers = Mapping[tuple[str, str], int]


def numbers_of_graphs(using: str) -> GraphNumbers:
    """The numbers of all graphs. 1 query."""
    rows = GraphNumber.objects.using(using).order_by("number").values_list("type", "scope", "number")
    return {(type_, scope): number for type_, scope, number in rows}


def number_of_graph(type_: str, scope: str, using: str) -> int | None:
    """The number of a graph; None if it has none. 1 query."""
    numbers = GraphNumber.objects.using(using).filter(type=type_, scope=scope)
    return numbers.values_list("number", flat=True).first()


def make_room(type_: str, scope: str, using: str) -> None:
    """Give a graph a number before its first relation is recorded. Another one without a scope needs no room. 1 query,
    4 the first time. Raises TooManyScopes."""
    if number_of_graph(type_, scope, using) is not None:
        return
    if GraphNumber.objects.using(using).count() >= MAX_GRAPHS:
        raise TooManyScopes(scope=scope, limit=MAX_GRAPHS)
    number_graph(type_, scope, using)


def number_graph(type_: str, scope: str, using: str) -> int:
    """The number of a graph, which gets one if it has none. 1 query, 2 the first time, 3 if somebody else was
    faster."""
    number = number_of_graph(type_, scope, using)
    if number is not None:
        return number
    words = dialect(connections[using])
    sql = statement(__package__, "number_graph").format(
        insert=words.insert_into(GraphNumber, ("type", "scope")),
        ignore=words.on_conflict_ignore("type", "scope"),
        returning=words.returning("number"),
    )
    with connections[using].cursor() as cursor:
        cursor.execute(sql, [type_, scope, type_, scope])
        inserted = cursor.fetchone()
    return int(inserted[0]) if inserted else cast(int, number_of_graph(type_, scope, using))
