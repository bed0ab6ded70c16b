"""Streams: the histories that events belong to, by their keys."""

import hashlib
from itertools import chain
from typing import Any
from uuid import UUID

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from sequere.base import ResourceKey
from sequere.sql.dialects import dialect


def stream_of(kind: str, *keys: ResourceKey) -> UUID:
    """The stream that `kind` and `keys` name: 128 bits of SHA-256, which databases can compute too.

    A NUL separates the keys, since no key contains one.
    """
    return UUID(bytes=hashlib.sha256("\0".join((kind, *chain.from_iterable(keys))).encode()).digest()[:16])


def relation(from_key: ResourceKey, to_key: ResourceKey) -> UUID:
    """The stream of the relation from → to. While its last version is odd, from follows to."""
    return stream_of("relation", from_key, to_key)


class RelationStream(models.Func):
    """`relation()` in SQL, from the columns of both keys."""

    output_field = models.UUIDField()

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper, *args: Any, **kwargs: Any) -> tuple[str, Any]:
        columns = [compiler.compile(column)[0] for column in self.get_source_expressions()]
        return dialect(connection).stream("relation", columns), []


def lifecycle(key: ResourceKey) -> UUID:
    """The stream of the resource itself: one `deleted` event for each time it was deleted."""
    return stream_of("resource", key)
