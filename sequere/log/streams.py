"""Streams: the histories that events belong to, by their keys."""

import hashlib
from collections.abc import Sequence
from itertools import chain
from typing import Any
from uuid import UUID

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from sequere.base import ResourceKey
from sequere.exceptions import InvalidEventData, ReservedStream
from sequere.log.validation import check_text
from sequere.sql.dialects import Dialect, dialect

#: The kinds of streams that belong to Sequere.
RESERVED = frozenset({"queued", "read", "relation", "resource", "suspension"})


def stream_of(kind: str, *keys: ResourceKey) -> UUID:
    """The stream of something of the host: `kind` is its word for it, `keys` say which one. Raises ReservedStream, and
    InvalidEventData for a kind or a key that no stream can have."""
    check_text(kind, "the kind of a stream")
    if kind in RESERVED:
        raise ReservedStream(kind=kind)
    for part in chain.from_iterable(keys):
        check_text(part, "a key of a stream")
    return internal_stream(kind, *keys)


def internal_stream(kind: str, *keys: tuple[str, str]) -> UUID:
    """The stream that `kind` and `keys` name: 128 bits of SHA-256, which databases can compute too."""
    return UUID(stream_digits("\0".join((kind, *chain.from_iterable(keys)))))


def stream_digits(name: str) -> str:
    """The same as hexadecimal digits, from the kind and the keys. A NUL separates them, since none contains one."""
    return hashlib.sha256(name.encode()).hexdigest()[:32]


class Stream(models.Func):
    """The same in SQL, from constants of our own, and columns or expressions."""

    output_field = models.UUIDField()

    def __init__(
        self, kind: str, constants: Sequence[str], *columns: str | models.expressions.Combinable, **extra: Any
    ) -> None:
        super().__init__(*columns, **extra)
        self._kind = kind
        self._constants = tuple(constants)

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper, *args: Any, **kwargs: Any) -> tuple[str, Any]:
        compiled = [compiler.compile(column) for column in self.get_source_expressions()]
        words = dialect(connection)
        columns = [*map(words.text, self._constants), *(sql for sql, _ in compiled)]
        return self._in_words(words, columns), [value for _, values in compiled for value in values]

    def _in_words(self, words: Dialect, columns: Sequence[str]) -> str:
        return words.stream(self._kind, columns)


class InStream(Stream):
    """Whether a row stands in that stream. Costs less than to name it, since the database makes no UUID."""

    def __init__(self, kind: str, constants: Sequence[str], *columns: str | models.expressions.Combinable) -> None:
        super().__init__(kind, constants, *columns, output_field=models.BooleanField())

    def _in_words(self, words: Dialect, columns: Sequence[str]) -> str:
        return words.is_in_stream(self._kind, columns)


def lifecycle(key: ResourceKey) -> UUID:
    """The stream of the resource itself: one `deleted` event for each time it was deleted. Raises InvalidEventData for
    what no text of a key can be."""
    try:
        return internal_stream("resource", key)
    except UnicodeEncodeError as error:
        raise InvalidEventData(where="a key of a stream", reason="it contains a lone surrogate") from error
