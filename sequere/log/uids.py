"""Care for the rows of resources: that new uids are larger than those of others, and that no row is missing."""

from collections.abc import Sequence
from typing import Any

from django.db import connections, models, transaction

from sequere.base import ResourceKey
from sequere.log.locks import Resource
from sequere.log.models import Event
from sequere.sql.dialects import dialect
from sequere.sql.statements import statement


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


def named_resources(end: str, using: str) -> "models.QuerySet[Any]":
    """The (identifier, object_id) of the resources that events name at one end ("actor_" or "target_"), each once."""
    key = (f"{end}identifier", f"{end}object_id")
    return Event.objects.using(using).filter(**{f"{end}identifier__isnull": False}).values_list(*key).distinct()


def wrong_resources(names: str, values: Sequence[Any], using: str) -> dict[ResourceKey, int]:
    """Those of the resources that a SELECT names by (identifier, object_id) that do not have one row, and how many they
    have. 1 query.

    There are none among those that events name, unless rows or the unique key of the table were removed by hand.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(statement(__package__, "wrong_resources").format(names=names), values)
        return {ResourceKey(*key): number for *key, number in cursor.fetchall()}
