"""The live follows of the log by the uids of both resources, in SQL: numbers are sorted and sent instead of names."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import connections, models, transaction

from sequere.backends.redis.keys import FOLLOWERS, FOLLOWINGS
from sequere.backends.redis.uids import Uids
from sequere.base import ResourceKey
from sequere.log.locks import KEY, Resource
from sequere.redis.scores import Score
from sequere.relations import recorded
from sequere.relations.types import FOLLOW
from sequere.sql.conditions import among
from sequere.sql.keyset import after, up_to
from sequere.sql.rows import Field, fields_of, given

#: Rows that are fetched together.
ROWS_PER_FETCH = 2000
#: Members in one row.
MEMBERS_PER_ROW = 1000

#: The uid of a resource, FOLLOWERS or FOLLOWINGS, a kind; the number of members of that kind, their scores and uids.
Members = tuple[int, str, str, int, str]

_CREATE = """
CREATE TEMPORARY TABLE sequere_uid (
    identifier text, object_id text, uid bigint, is_wanted boolean, PRIMARY KEY (identifier, object_id)
)
"""


def _column(name: str, field: Field) -> Field:
    field.set_attributes_from_name(name)
    return field


#: The columns of the table besides those of a resource.
_MORE = (_column("uid", models.BigIntegerField()), _column("is_wanted", models.BooleanField()))

_RESOURCES = """
WITH relation AS ({relations})
SELECT actor_identifier, actor_object_id FROM relation UNION SELECT target_identifier, target_object_id FROM relation
"""

_MEMBERS = """
WITH live (follower, follower_kind, of_follower, followed, followed_kind, of_followed, score) AS (
    SELECT a.uid, a.identifier, a.is_wanted, b.uid, b.identifier, b.is_wanted, score FROM ({relations}) follow
    JOIN sequere_uid a ON a.identifier = actor_identifier AND a.object_id = actor_object_id
    JOIN sequere_uid b ON b.identifier = target_identifier AND b.object_id = target_object_id
),
side (uid, what, kind, score, other) AS (
    SELECT followed, '{followers}', follower_kind, score, follower FROM live WHERE of_followed
    UNION ALL SELECT follower, '{followings}', followed_kind, score, followed FROM live WHERE of_follower
),
member AS (
    SELECT uid, what, kind, {member} AS member,
           (row_number() OVER (PARTITION BY uid, what, kind ORDER BY {order}) - 1) / {members_per_row} AS part
    FROM side
)
SELECT uid, what, kind, COUNT(*), {join_texts}(member, ' ') FROM member
GROUP BY uid, what, kind, part ORDER BY uid, what, kind, part
"""

_JOIN_TEXTS = {"postgresql": "string_agg", "sqlite": "group_concat"}


class Around(NamedTuple):
    """Some resources, and the condition that an event has one of them at one end."""

    resources: Collection[ResourceKey]
    condition: models.Q


def around(resources: Collection[ResourceKey]) -> Around:
    return Around(resources, among(resources, "actor_") | among(resources, "target_"))


def around_range(
    resources: Collection[ResourceKey], behind: Sequence[str] | None, until: Sequence[str] | None
) -> Around:
    """All resources behind one, and up to another one, of which the log has `resources`."""
    condition = models.Q()
    for role in ("actor", "target"):
        columns = (f"{role}_identifier", f"{role}_object_id")
        bounds = after(columns, behind) if behind else models.Q(**{f"{columns[0]}__gt": ""})
        condition |= bounds & up_to(columns, until) if until else bounds
    return Around(resources, condition)


class NumberedFollows:
    """Live follows around some resources, by uids. The uids are in a table of this connection: Python keeps none but
    those of the resources."""

    def __init__(self, using: str, wanted: Around) -> None:
        self._connection = connections[using]
        self._wanted = wanted.resources
        self._relations, self._live = (
            events.order_by().filter(wanted.condition)
            for events in (recorded.relations(FOLLOW, using), recorded.live_relations(FOLLOW, using))
        )

    def resources(self) -> Iterator[list[ResourceKey]]:
        """The resources at both ends, also those of ended relations, in pages. 1 query."""
        for page in self._pages(_RESOURCES, self._relations.values_list(*recorded.ENDS)):
            yield [ResourceKey(*row) for row in page]

    def learn(self, uids: Uids) -> None:
        """Store the uids of some of the resources. 1 statement."""
        fields = [*fields_of(Resource, KEY), *_MORE]
        rows = [(*name, int(uid), name in self._wanted) for name, uid in uids.items()]
        select, values = given(self._connection, fields, rows)
        with self._connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO sequere_uid {select}", values)

    def members(self) -> Iterator[Members]:
        """The sides of the resources, in the order of their uids. 2 statements.

        The latest members come first: a small sorted set is searched from its beginning for the place of a new member.
        """
        return self._members(member="score || ' ' || other", order="score DESC")

    def members_in_order(self) -> Iterator[Members]:
        """The same in the order of a sorted set: the earliest members first, each uid before its score."""
        return self._members(member="other || ' ' || score", order="score, CAST(other AS text)")

    def _members(self, **words: str) -> Iterator[Members]:
        with self._connection.cursor() as cursor:
            cursor.execute("ANALYZE sequere_uid")
        live = self._live.annotate(score=Score("occurred_at")).values_list(*recorded.ENDS, "score")
        for page in self._pages(_MEMBERS, live, **words):
            yield from page

    def _pages(self, sql: str, relations: models.QuerySet[Any, Any], **more: str) -> Iterator[list[Any]]:
        select, values = relations.query.get_compiler(connection=self._connection).as_sql()
        words = {
            "relations": select,
            "followers": FOLLOWERS,
            "followings": FOLLOWINGS,
            "members_per_row": MEMBERS_PER_ROW,
            "join_texts": _JOIN_TEXTS[self._connection.vendor],
            **more,
        }
        with self._connection.chunked_cursor() as cursor:
            cursor.execute(sql.format_map(words), values)
            while page := cursor.fetchmany(ROWS_PER_FETCH):
                yield page


@contextmanager
def numbered(using: str, wanted: Around) -> Iterator[NumberedFollows]:
    """The live follows around some resources, while the block runs. It runs in a transaction: a rollback also removes
    the table."""
    connection = connections[using]
    with transaction.atomic(using=using):
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS sequere_uid")
            cursor.execute(_CREATE)
        yield NumberedFollows(using, wanted)
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE sequere_uid")
