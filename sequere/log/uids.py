"""Care for the rows of resources: that new uids are larger than those of others, and that no row is missing."""

from typing import Any

from django.db import connections, models, transaction

from sequere.base import ResourceKey
from sequere.log.locks import Resource
from sequere.sql.dialects import dialect
from sequere.sql.statements import statement

_ENDS = ("actor_identifier", "actor_object_id", "target_identifier", "target_object_id")


def move_uids_above(uid: int, using: str) -> None:
    """Have the next uid be a larger one: another server, or an older Sequere, has handed this one out. 1 statement, 2
    if the sequence was behind."""
    connection = connections[using]
    words = dialect(connection)
    with transaction.atomic(using=using), connection.cursor() as cursor:
        cursor.execute(words.last_number(Resource, "uid"))
        last = cursor.fetchone()
        if uid > ((last and last[0]) or 0):
            cursor.execute(words.move_sequence(Resource, "uid", uid))


def wrong_resources(events: "models.QuerySet[Any]", using: str) -> dict[ResourceKey, int]:
    """The resources at the ends of events that do not have one row, and how many they have. 1 query.

    There are none, unless rows or the unique key of the table were removed by hand.
    """
    select, values = events.values_list(*_ENDS).query.get_compiler(using).as_sql()
    with connections[using].cursor() as cursor:
        cursor.execute(statement(__package__, "wrong_resources").format(events=select), values)
        return {ResourceKey(*key): number for *key, number in cursor.fetchall()}
