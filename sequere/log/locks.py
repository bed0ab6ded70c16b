"""The rows that are locked before anything around a resource changes."""

from collections.abc import Iterable
from typing import Any

from django.db import connections, models

from sequere.base import ResourceKey
from sequere.registry import IDENTIFIER_MAX_LENGTH, OBJECT_ID_MAX_LENGTH
from sequere.sql.dialects import dialect
from sequere.sql.rows import Insert


class Resource(models.Model):
    """A resource that some event names. The row carries nothing else: it is there to be locked."""

    pk = models.CompositePrimaryKey("identifier", "object_id")
    identifier = models.CharField(max_length=IDENTIFIER_MAX_LENGTH)
    object_id = models.CharField(max_length=OBJECT_ID_MAX_LENGTH)

    class Meta:
        app_label = "sequere"

    def __str__(self) -> str:
        return str(ResourceKey(self.identifier, self.object_id))


KEY = ("identifier", "object_id")

#: Creates the rows that are missing, and locks the others.
_LOCKED = Insert(Resource, KEY, lambda words: words.on_conflict_lock(KEY))


def lock(keys: Iterable[ResourceKey], using: str) -> None:
    """Lock resources until the end of the transaction, and create the rows that are missing; 1 statement.

    A transaction locks everything it needs in one call, one row after the other in the order of the keys (that of
    Python, whatever the collation of the database), so there are no deadlocks: it waits for a row that another
    transaction creates as for one that is locked.
    """
    _LOCKED.rows(sorted(set(keys)), using)


def lock_all(names: models.QuerySet[Any, Any], using: str) -> None:
    """The same for the distinct KEYs that a query names. However many they are, none passes through Python."""
    named, values = names.query.get_compiler(using).as_sql()
    collation = dialect(connections[using]).order_of_python
    order = ", ".join(f"{column} COLLATE {collation}" for column in KEY)
    _LOCKED.selected(f"SELECT * FROM ({named}) AS named WHERE true ORDER BY {order}", values, using)
