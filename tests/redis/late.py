"""Writers that come late: they have lost their database connection, and with it their locks, or were only slow."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread, current_thread
from typing import Any

import pytest
from django.db import connection, connections

from sequere.redis.connection import Connection
from sequere.redis.scripts import Script

Reached = Callable[[Any], bool]

only_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has connections to cut")


@contextmanager
def late(
    monkeypatch: pytest.MonkeyPatch, write: Callable[[], Any], is_reached: Reached, *, is_cut: bool = True
) -> Iterator[list[Any]]:
    """A writer loses its connection before it sends the given commands, unless it `is_cut` off, and sends them after
    the block.

    Yields the answers it gets from Redis from then on.
    """
    has_come, may_go_on = Event(), Event()
    send = Connection._send
    answers: list[Any] = []
    pids: list[int] = []

    def run() -> None:
        try:
            with suppress(Exception):  # expected: the connection is gone
                write()
        finally:
            connections.close_all()

    thread = Thread(target=run, daemon=True)

    def send_when_told(self: Connection, commands: Any) -> Any:
        if current_thread() is not thread:
            return send(self, commands)
        if not pids and any(map(is_reached, commands)):
            pids.append(connections["default"].connection.info.backend_pid)
            has_come.set()
            assert may_go_on.wait(30)
        sent = send(self, commands)
        if pids:
            answers.extend(sent)
        return sent

    monkeypatch.setattr(Connection, "_send", send_when_told)
    thread.start()
    assert has_come.wait(30)
    if is_cut:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", pids)
    try:
        yield answers
    finally:
        may_go_on.set()
        thread.join(30)


def calls(script: Script) -> Reached:
    return lambda command: command[0] == "EVALSHA" and command[1] is script
