"""Functions that run at once, each in a thread with its own database connection."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Barrier, BrokenBarrierError, Event, Thread
from typing import Any

from django.db import connections

#: Seconds after which a thread is assumed to wait forever.
PATIENCE = 120


def concurrently(*functions: Callable[[], Any]) -> list[Any]:
    """Call all functions at once. Returns their results in order; raises their errors as a group."""
    return in_rounds(1, *(_without_number(function) for function in functions))[0]


def in_rounds(number: int, *functions: Callable[[int], Any]) -> list[list[Any]]:
    """Call all functions at once with the number of the round, and again when all have returned.

    Returns their results round by round. Their errors are raised as a group and end the rounds.
    """
    start = Barrier(len(functions), timeout=PATIENCE)
    results: list[list[Any]] = [[None] * len(functions) for _ in range(number)]
    errors: list[Exception] = []
    returns = 0

    def run(position: int, function: Callable[[int], Any]) -> None:
        nonlocal returns
        with suppress(BrokenBarrierError):  # another thread has failed and reports it
            for round_ in range(number):
                start.wait()
                try:
                    results[round_][position] = function(round_)
                except Exception as error:  # noqa: BLE001  # all are raised below
                    errors.append(error)
                    start.abort()
                returns += 1

    _join([_start(run, position, function) for position, function in enumerate(functions)], lambda: returns)
    if errors:
        raise ExceptionGroup("in concurrent threads", errors)
    if start.broken:
        raise TimeoutError(f"a thread has not come back for {PATIENCE} seconds")
    return results


@contextmanager
def meanwhile(*functions: Callable[[], Any]) -> Iterator[None]:
    """While the block runs, call each function repeatedly in a thread of its own, at least once."""
    ended = Event()
    errors: list[Exception] = []

    def run(function: Callable[[], Any]) -> None:
        try:
            function()
            while not ended.is_set():
                function()
        except Exception as error:  # noqa: BLE001  # all are raised below
            errors.append(error)

    threads = [_start(run, function) for function in functions]
    try:
        yield
    finally:
        ended.set()
        _join(threads)
    if errors:
        raise ExceptionGroup("in concurrent threads", errors)


def _start(run: Callable[..., None], *arguments: Any) -> Thread:
    def with_own_connection() -> None:
        try:
            run(*arguments)
        finally:
            connections.close_all()

    thread = Thread(target=with_own_connection, daemon=True)
    thread.start()
    return thread


def _join(threads: list[Thread], returns: Callable[[], int] = lambda: 0) -> None:
    """Wait for the threads, for any time, as long as some of their calls return."""
    for thread in threads:
        before = -1
        while thread.is_alive():
            if before == (before := returns()):
                raise TimeoutError(f"a thread has not come back for {PATIENCE} seconds")
            thread.join(PATIENCE)


def _without_number(function: Callable[[], Any]) -> Callable[[int], Any]:
    return lambda _: function()
