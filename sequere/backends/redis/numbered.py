"""The live follows of the log by the uids of both resources, in SQL: numbers are sorted and sent, and no names."""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import connections, models, transaction

from sequere.backends import recorded
from sequere.backends.redis.keys import FOLLOWERS, FOLLOWINGS
from sequere.backends.redis.moments import Score
from sequere.backends.redis.uids import Uids
from sequere.base import ResourceKey
from sequere.resources import KEY, Resource, among
from sequere.rows import fields_of, given

#: Rows that are fetched at once.
ROWS_AT_ONCE = 2000
#: Members in one row.
MEMBERS_AT_ONCE = 1000

#: The uid of a resource, FOLLOWERS or FOLLOWINGS, a kind; how many members of that kind, and their scores and uids.
Members = tuple[int, str, str, int, str]

_ENDS = ("actor_identifier", "actor_object_id", "target_identifier", "target_object_id")

_CREATE = """
CREATE TEMPORARY TABLE sequere_uid (
    identifier text, object_id text, uid bigint, PRIMARY KEY (identifier, object_id)
)
"""

_RESOURCES = """
WITH relation AS ({relations})
SELECT actor_identifier, actor_object_id FROM relation UNION SELECT target_identifier, target_object_id FROM relation
"""

# The latest ones first: a small sorted set is searched from its beginning for the place of a new member.
_MEMBERS = """
WITH live (follower, follower_kind, followed, followed_kind, score) AS (
    SELECT a.uid, a.identifier, b.uid, b.identifier, score FROM ({relations}) follow
    JOIN sequere_uid a ON a.identifier = actor_identifier AND a.object_id = actor_object_id
    JOIN sequere_uid b ON b.identifier = target_identifier AND b.object_id = target_object_id
),
side (uid, what, kind, score, other) AS (
    SELECT followed, '{followers}', follower_kind, score, follower FROM live
    UNION ALL SELECT follower, '{followings}', followed_kind, score, followed FROM live
),
member AS (
    SELECT uid, what, kind, score || ' ' || other AS member,
           (row_number() OVER (PARTITION BY uid, what, kind ORDER BY score DESC) - 1) / {members_at_once} AS part
    FROM side
)
SELECT uid, what, kind, COUNT(*), {join_texts}(member, ' ') FROM member
GROUP BY uid, what, kind, part ORDER BY uid, what, kind, part
"""

_JOIN_TEXTS = {"postgresql": "string_agg", "sqlite": "group_concat"}


class NumberedFollows:
    """Live follows, and the uids of their resources in a table of this connection: nothing is kept in Python."""

    def __init__(self, using: str, around: Collection[ResourceKey] | None) -> None:
        self._connection = connections[using]
        self._relations, self._live = (
            events.order_by() if around is None else events.order_by().filter(_touch(around))
            for events in (recorded.relations(using), recorded.live_follows(using))
        )

    def resources(self) -> Iterator[list[ResourceKey]]:
        """The resources at both ends, also of relations that are over, in pages. 1 query."""
        for page in self._pages(_RESOURCES, self._relations.values_list(*_ENDS)):
            yield [ResourceKey(*row) for row in page]

    def learn(self, uids: Uids) -> None:
        """Take the uids of some of the resources. 1 statement."""
        fields = [*fields_of(Resource, KEY), _uid()]
        select, values = given(self._connection, fields, [(*name, int(uid)) for name, uid in uids.items()])
        with self._connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO sequere_uid {select}", values)

    def members(self) -> Iterator[Members]:
        """Both sides of the live follows between resources with a uid, in the order of these. 1 query."""
        with self._connection.cursor() as cursor:
            cursor.execute("ANALYZE sequere_uid")
        live = self._live.annotate(score=Score("occurred_at")).values_list(*_ENDS, "score")
        for page in self._pages(_MEMBERS, live):
            yield from page

    def _pages(self, sql: str, relations: models.QuerySet[Any, Any]) -> Iterator[list[Any]]:
        select, values = relations.query.get_compiler(connection=self._connection).as_sql()
        words = {
            "relations": select,
            "followers": FOLLOWERS,
            "followings": FOLLOWINGS,
            "members_at_once": MEMBERS_AT_ONCE,
            "join_texts": _JOIN_TEXTS[self._connection.vendor],
        }
        with self._connection.chunked_cursor() as cursor:
            cursor.execute(sql.format_map(words), values)
            while page := cursor.fetchmany(ROWS_AT_ONCE):
                yield page


@contextmanager
def numbered(using: str, around: Collection[ResourceKey] | None = None) -> Iterator[NumberedFollows]:
    """All live follows, or those of some resources; while the block runs."""
    connection = connections[using]
    with ExitStack() as stack:
        # Cursor and table are gone with the transaction, also where a pooler hands out one connection for each. On
        # SQLite it would keep writers out, and there both belong to the connection.
        if connection.vendor != "sqlite":
            stack.enter_context(transaction.atomic(using=using))
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS sequere_uid")
            cursor.execute(_CREATE)
        yield NumberedFollows(using, around)
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE sequere_uid")


def _touch(resources: Collection[ResourceKey]) -> models.Q:
    return among(resources, "actor_") | among(resources, "target_")


def _uid() -> "models.BigIntegerField[int, int]":
    field: models.BigIntegerField[int, int] = models.BigIntegerField()
    field.set_attributes_from_name("uid")
    return field
