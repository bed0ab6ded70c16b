"""Counting how often the server is waited for."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from sequere.backends.redis.connection import Connection


@contextmanager
def round_trips(number: int) -> Iterator[None]:
    """Fail unless the block goes that often to the server and back."""
    sent: list[str] = []
    send = Connection._send

    def count(self: Connection, commands: Sequence[Sequence[Any]]) -> list[Any]:
        sent.append(" ".join(sorted({command[0] for command in commands})))
        return send(self, commands)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "_send", count)
        yield
    assert len(sent) == number, sent
