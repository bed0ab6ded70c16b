"""The uids of resources, with the numbers of names; that new uids are larger than those of others, and that no row is
missing."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from sequere.base import ResourceKey
from sequere.log.locks import KEY, Resource
from sequere.log.models import Event
from sequere.log.numbers import Name
from sequere.sql.dialects import dialect
from sequere.sql.rows import fields_of, given
from sequere.sql.statements import statement, statements_with

_NUMBERS_OF = "SELECT * FROM sequere_numbers_of(%s::text[], %s::text[], %s::text[], %s::text[])"


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


def numbers_of(
    names: Collection[tuple[str, str]], keys: Collection[ResourceKey], using: str
) -> tuple[dict[tuple[str, str], int], dict[ResourceKey, int], set[ResourceKey]]:
    """The numbers of names and the uids of resources, without those that have none; and which of these are suspended. 1
    query."""
    connection = connections[using]
    in_order: Sequence[Sequence[Sequence[str]]] = (sorted(names), sorted(keys))
    if dialect(connection).has_routines:
        sql, values = _NUMBERS_OF, [[row[place] for row in rows] for rows in in_order for place in (0, 1)]
    else:
        columns = (fields_of(Name, ("role", "name")), fields_of(Resource, KEY))
        selects = [given(connection, fields, rows) for fields, rows in zip(columns, in_order, strict=True)]
        sql = _numbers(using).format(names=selects[0][0], resources=selects[1][0])
        values = [value for _, these in selects for value in these]
    numbers: dict[tuple[str, str], int] = {}
    uids: dict[ResourceKey, int] = {}
    suspended: set[ResourceKey] = set()
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        for role, name, object_id, number in cursor.fetchall():
            if role in {"uid", "suspended"}:
                uids[ResourceKey(name, object_id)] = number
                if role == "suspended":
                    suspended.add(ResourceKey(name, object_id))
            else:
                numbers[role, name] = number
    return numbers, uids, suspended


@cache
def _numbers(using: str) -> str:
    words = dialect(connections[using])

    def row_of(model: type[models.Model], *columns: str) -> str:
        condition = " AND ".join(f"known.{column} = given.{column}" for column in columns)
        return words.join_row(words.table(model), "known", condition)

    return statement(__package__, "numbers").format(
        names="{names}",
        resources="{resources}",
        join=words.join,
        name=row_of(Name, "role", "name"),
        resource=row_of(Resource, *KEY),
    )


def log_functions(connection: BaseDatabaseWrapper) -> Mapping[str, str]:
    """The functions that lock resources, and read the log and its numbers, also within others."""
    if not dialect(connection).has_routines:
        return {}
    numbers = _numbers(connection.alias).format(
        names="SELECT unnest(roles) AS role, unnest(names) AS name",
        resources="SELECT unnest(identifiers) AS identifier, unnest(object_ids) AS object_id",
    )
    return statements_with(__package__, connection.vendor, {"{numbers}": numbers})


def wrong_resources(names: str, values: Sequence[Any], using: str) -> dict[ResourceKey, int]:
    """Those of the resources that a SELECT names by (identifier, object_id) that do not have one row, and how many they
    have. 1 query.

    There are none among those that events name, unless rows or the unique key of the table were removed by hand.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(statement(__package__, "wrong_resources").format(names=names), values)
        return {ResourceKey(*key): number for *key, number in cursor.fetchall()}
