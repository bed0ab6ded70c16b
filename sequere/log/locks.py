"""The rows that are locked before anything around a resource changes."""

from collections.abc import Iterable
from typing import Any

from django.db import connections, models

from sequere.base import ResourceKey
from sequere.registry import IDENTIFIER_MAX_LENGTH, OBJECT_ID_MAX_LENGTH
from sequere.sql.rows import insert
from sequere.sql.upsert import insert_into, on_conflict_lock


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

_ORDER_OF_PYTHON = {"postgresql": '"C"', "sqlite": "BINARY"}


def lock(keys: Iterable[ResourceKey], using: str) -> None:
    """Lock the resources until the end of the transaction; 1 statement, which creates those that have no row.

    All that a transaction needs is locked in one call, one after the other in the order of the keys (that of Python,
    whatever the collation of the database), so nobody waits in a circle: a row that another transaction creates is
    waited for like one that it has locked.
    """
    insert(Resource, KEY, sorted(set(keys)), using, suffix=on_conflict_lock(connections[using], KEY))


def lock_all(names: models.QuerySet[Any, Any], using: str) -> None:
    """The same for the resources that a query names, each once, as KEY: however many, none passes through Python."""
    connection = connections[using]
    named, values = names.query.get_compiler(using).as_sql()
    order = ", ".join(f"{column} COLLATE {_ORDER_OF_PYTHON[connection.vendor]}" for column in KEY)
    rows = f"SELECT * FROM ({named}) AS named WHERE true ORDER BY {order}"
    with connection.cursor() as cursor:
        cursor.execute(f"{insert_into(connection, Resource, KEY)} {rows} {on_conflict_lock(connection, KEY)}", values)
