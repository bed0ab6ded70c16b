"""The live follows of the log by the uids of both resources, in SQL: numbers are sorted and sent instead of names."""

from collections.abc import Generator, Sequence
from typing import Any

from django.db import connections, models, transaction

from sequere.backends.redis.graphs import graph_numbers
from sequere.backends.redis.uids import Uids
from sequere.log.locks import KEY, Resource
from sequere.redis.scores import Score
from sequere.relations import recorded
from sequere.relations.types import PAUSING
from sequere.sql.conditions import among
from sequere.sql.dialects import dialect
from sequere.sql.keyset import after, up_to
from sequere.sql.statements import statement

#: Rows that are fetched together.
ROWS_PER_FETCH = 2000
#: Members in one row.
MEMBERS_PER_ROW = 1000

#: The uid of a resource, FOLLOWERS or FOLLOWINGS, the number of a graph, a kind; the number of members of that kind,
#: their scores and uids.
Members = tuple[int, str, int, str, int, str]


class Around:
    """Some resources with their uids, and two conditions: that a resource is one of them, and that an event has one of
    them at one end."""

    def __init__(self, uids: Uids, resources: models.Q, events: models.Q) -> None:
        self.uids = uids
        self._resources = resources
        self.events = events

    def members(self, using: str) -> Generator[Members, None, None]:
        """The sides of the resources, in the order of their uids. 2 queries; a transaction holds the rows until the
        generator is closed.

        The latest members come first: a small sorted set is searched from its beginning for the place of a new member.
        """
        return self._members(using, member="score || ' ' || other", order="score DESC")

    def members_in_order(self, using: str) -> Generator[Members, None, None]:
        """The same in the order of a sorted set: the earliest members first, each uid before its score."""
        return self._members(using, member="other || ' ' || score", order="score, CAST(other AS text)")

    def named(self, using: str) -> Uids:
        """Those of the resources that have ever been at an end of a relation, live or not. 1 query."""
        known = recorded.known_ends(self.uids, using)
        return {key: uid for key, uid in self.uids.items() if key in known}

    def _members(self, using: str, **words: str) -> Generator[Members, None, None]:
        connection = connections[using]
        live = recorded.live_relations(using).order_by().filter(self.events)
        pauses = models.Case(models.When(type__in=PAUSING, then=True), default=False)
        with_graph = live.annotate(score=Score("occurred_at"), graph=_graph(using), pauses=pauses)
        follows, values = _compiled(with_graph.values_list(*recorded.ENDS, "score", "graph", "pauses"))
        resources = Resource.objects.using(using).filter(self._resources)
        wanted, more = _compiled(resources.values_list("uid", *KEY, "is_suspended"))
        sql = statement(__package__, "members").format(
            follows=follows,
            wanted=wanted,
            members_per_row=MEMBERS_PER_ROW,
            join_texts=dialect(connection).join_texts,
            **words,
        )
        with transaction.atomic(using=using), connection.chunked_cursor() as cursor:
            cursor.execute(sql, [*values, *more])
            while page := cursor.fetchmany(ROWS_PER_FETCH):
                yield from page


def around(uids: Uids) -> Around:
    """Some resources."""
    return Around(uids, among(uids), among(uids, "actor_") | among(uids, "target_"))


def around_range(uids: Uids, behind: Sequence[str] | None, until: Sequence[str] | None) -> Around:
    """All resources behind one, and up to another one."""

    def between(prefix: str = "") -> models.Q:
        columns = tuple(f"{prefix}{column}" for column in KEY)
        bounds = after(columns, behind) if behind else models.Q(**{f"{columns[0]}__isnull": False})
        return bounds & up_to(columns, until) if until else bounds

    return Around(uids, between(), between("actor_") | between("target_"))


def _graph(using: str) -> models.Case:
    """The number of the graph of an event. 1 query."""
    cases = [
        models.When(type=graph.type.begun.name, scope=graph.scope, then=models.Value(number))
        for graph, number in graph_numbers(using).items()
    ]
    return models.Case(*cases, output_field=models.IntegerField())


def _compiled(rows: models.QuerySet[Any, Any]) -> tuple[str, Sequence[Any]]:
    sql, values = rows.query.get_compiler(rows.db).as_sql()
    return sql, values
