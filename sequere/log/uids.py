"""Care for the rows of resources: that new uids are larger than those of others, and that no row is missing."""

from collections.abc import Iterable, Sequence
from functools import cache

from django.db import connections, transaction

from sequere.base import ResourceKey
from sequere.log.locks import KEY, Resource
from sequere.log.models import Event
from sequere.sql.dialects import dialect
from sequere.sql.rows import fields_of, given
from sequere.sql.statements import statement

#: A place in the order of keys: an identifier and an object id.
Bound = Sequence[str]


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


def named_resources(end: str, after: Bound | None, until: Bound | None, size: int, using: str) -> list[tuple[str, str]]:
    """The first resources that events name at one end ("actor_" or "target_"), each once, in the order of their keys,
    behind one key and not behind another. 1 query."""
    parameters: list[str | int] = [*(after or ()), *(until or ()), size, *(until or ())]
    with connections[using].cursor() as cursor:
        cursor.execute(_named_resources(end, after is not None, until is not None, using), parameters)
        return [(identifier, object_id) for identifier, object_id in cursor.fetchall()]


@cache
def _named_resources(end: str, is_after: bool, is_until: bool, using: str) -> str:
    words = dialect(connections[using])
    identifier, _ = key = [f"{end}{column}" for column in KEY]
    condition = f"({', '.join(f'e.{column}' for column in key)}) > (named.identifier, named.object_id)"
    columns = ", ".join(key)
    return statement(__package__, "named_resources").format(
        end=end,
        after=f"({columns}) > (%s, %s)" if is_after else f"{identifier} IS NOT NULL",
        until=f"({columns}) <= (%s, %s)" if is_until else "true",
        join=words.join,
        next=words.join_first_rows(words.table(Event), "e", condition, columns, 1),
    )


def wrong_resources(keys: Iterable[ResourceKey], using: str) -> dict[ResourceKey, int]:
    """Those of some resources that do not have one row, and how many they have. 1 query.

    There are none among those that events name, unless rows or the unique key of the table were removed by hand.
    """
    names, values = given(connections[using], fields_of(Resource, KEY), list(keys))
    with connections[using].cursor() as cursor:
        cursor.execute(statement(__package__, "wrong_resources").format(names=names), values)
        return {ResourceKey(*key): number for *key, number in cursor.fetchall()}
