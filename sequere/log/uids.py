"""Care for the rows of resources: that new uids are larger than those of others, and that no row is missing."""

from collections.abc import Iterable, Sequence

from django.db import connections, transaction

from sequere.base import ResourceKey
from sequere.log.locks import KEY, Resource
from sequere.log.models import Event
from sequere.sql import keyset
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
    behind one key and not behind another. 1 query, which reads an index alone."""
    key = (f"{end}identifier", f"{end}object_id")
    named = Event.objects.using(using).filter(**{f"{end}identifier__isnull": False}).distinct()
    return [
        (identifier, object_id) for identifier, object_id in keyset.page(named, key, size, behind=after, until=until)
    ]


def wrong_resources(keys: Iterable[ResourceKey], using: str) -> dict[ResourceKey, int]:
    """Those of some resources that do not have one row, and how many they have. 1 query.

    There are none among those that events name, unless rows or the unique key of the table were removed by hand.
    """
    names, values = given(connections[using], fields_of(Resource, KEY), list(keys))
    with connections[using].cursor() as cursor:
        cursor.execute(statement(__package__, "wrong_resources").format(names=names), values)
        return {ResourceKey(*key): number for *key, number in cursor.fetchall()}
