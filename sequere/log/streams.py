"""Streams: the histories that events belong to, by their keys."""

import hashlib
from itertools import chain
from typing import Any
from uuid import UUID

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from sequere.base import ResourceKey


def stream_of(kind: str, *keys: ResourceKey) -> UUID:
    """The stream of what `kind` and `keys` name: 128 bits of SHA-256, which databases know as well.

    No key contains the NUL that separates them.
    """
    return UUID(bytes=hashlib.sha256("\0".join((kind, *chain.from_iterable(keys))).encode()).digest()[:16])


def relation(from_key: ResourceKey, to_key: ResourceKey) -> UUID:
    """The stream of the relation from → to. While its last version is odd, from follows to."""
    return stream_of("relation", from_key, to_key)


class Relation(models.Func):
    """The same in SQL, from the columns of both keys."""

    output_field = models.UUIDField()

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        # Bytes, since no text contains NUL.
        keys = "".join(f" || '\\x00'::bytea || convert_to({column}, 'UTF8')" for column in self._columns(compiler))
        return f"ENCODE(SUBSTR(SHA256('relation'::bytea{keys}), 1, 16), 'hex')::uuid", []

    def as_sqlite(self, compiler: Any, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, Any]:
        # The function is Django's.
        keys = "".join(f" || CHAR(0) || {column}" for column in self._columns(compiler))
        return f"SUBSTR(SHA256('relation'{keys}), 1, 32)", []

    def _columns(self, compiler: Any) -> list[str]:
        return [compiler.compile(column)[0] for column in self.get_source_expressions()]


def lifecycle(key: ResourceKey) -> UUID:
    """The stream of the resource itself: one `deleted` event for each time it was deleted."""
    return stream_of("resource", key)
