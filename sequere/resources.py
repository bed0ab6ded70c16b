"""The rows that are locked before anything around a resource changes."""

from collections import defaultdict
from collections.abc import Iterable

from django.db import connections, models

from sequere.base import ResourceKey
from sequere.registry import IDENTIFIER_MAX_LENGTH, OBJECT_ID_MAX_LENGTH
from sequere.rows import fields_of, insert, parameter, table


class Resource(models.Model):
    """A resource that some event names. The row says nothing: it is there to be locked."""

    pk = models.CompositePrimaryKey("identifier", "object_id")
    identifier = models.CharField(max_length=IDENTIFIER_MAX_LENGTH)
    object_id = models.CharField(max_length=OBJECT_ID_MAX_LENGTH)

    class Meta:
        app_label = "sequere"

    def __str__(self) -> str:
        return str(ResourceKey(self.identifier, self.object_id))


KEY = ("identifier", "object_id")

# Rows are locked in the order in which they are sorted: that of Python, whatever the collation of the database.
_LOCK = """
    SELECT count(*) FROM (
        SELECT 1 FROM sequere_resource JOIN ({keys}) AS key USING (identifier, object_id)
        ORDER BY identifier COLLATE "C", object_id COLLATE "C" FOR UPDATE OF sequere_resource
    ) AS locked
"""


def lock(keys: Iterable[ResourceKey], using: str) -> None:
    """Lock the resources until the end of the transaction: 2 statements, 1 where the database has one writer.

    All that a transaction needs is locked in one call, in the order of the keys. Rows are created before any
    is locked: who waits for a row that another one creates holds no lock yet, so nobody waits in a circle.
    """
    ordered = sorted(set(keys))
    insert(Resource, KEY, ordered, using, suffix="ON CONFLICT DO NOTHING")
    connection = connections[using]
    if connection.features.has_select_for_update:
        with connection.cursor() as cursor:
            waiting = table(connection, fields_of(Resource, KEY), len(ordered))
            cursor.execute(_LOCK.format(keys=waiting), [parameter(connection, ordered)])


def among(keys: Iterable[ResourceKey], prefix: str = "") -> models.Q:
    """The condition that the resource in columns `prefix` + identifier, object_id is one of `keys`."""
    object_ids: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        object_ids[key.identifier].append(key.object_id)
    condition = models.Q(pk__in=[])
    for identifier, ids in object_ids.items():
        condition |= models.Q(**{f"{prefix}identifier": identifier, f"{prefix}object_id__in": ids})
    return condition


def is_(key: ResourceKey, prefix: str = "") -> models.Q:
    """The condition that the resource in columns `prefix` + identifier, object_id is `key`."""
    return models.Q(**{f"{prefix}identifier": key.identifier, f"{prefix}object_id": key.object_id})
