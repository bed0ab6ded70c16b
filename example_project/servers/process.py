"""The process of a server, which ends with the process that started it."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

STARTING, STOPPING = 60.0, 30.0  # seconds

# If the process at the other end of stdin ends, even by kill -9, the server ends too.
KEEPER = """
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
(read -r _ <&3; kill -INT "$server") 2>/dev/null &
exec 3<&-
wait "$server"
"""


class ServerUnavailable(Exception):
    """A server cannot run here; the message says why."""


class NotReady(Exception):
    """A starting server does not answer yet."""


@contextmanager
def directory() -> Iterator[Path]:
    """A new directory for a server and its socket, removed afterwards."""
    # A socket's path has at most 103 bytes; root's own temporary directory may be closed to others.
    parent = tempfile.gettempdir()
    if os.geteuid() == 0 or len(parent) > 70:
        parent = "/tmp"
    with tempfile.TemporaryDirectory(prefix="sequere-", dir=parent, ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextmanager
def running(
    name: str, command: Sequence[str | Path], log: Path, look: Callable[[], object], **options: Any
) -> Iterator[None]:
    """Run a server until the end of the block; `look` raises NotReady until it answers. Raises ServerUnavailable."""
    with (
        log.open("w") as output,
        subprocess.Popen(
            ["/bin/sh", "-c", KEEPER, "keeper", *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,  # Ctrl-C must not reach the server: the tests end first
            **options,
        ) as keeper,
    ):
        try:
            _wait_until_ready(name, keeper, log, look)
            yield
        finally:
            keeper.stdin.close()
            try:
                with suppress(subprocess.TimeoutExpired):
                    keeper.wait(STOPPING)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(keeper.pid, signal.SIGKILL)


def _wait_until_ready(name: str, keeper: subprocess.Popen[bytes], log: Path, look: Callable[[], object]) -> None:
    deadline = time.monotonic() + STARTING
    while True:
        try:
            look()
        except NotReady as error:
            if keeper.poll() is not None or time.monotonic() > deadline:
                reason = log.read_text() or error
                raise ServerUnavailable(f"{name} does not start: {reason}") from error
            time.sleep(0.02)
        else:
            return
