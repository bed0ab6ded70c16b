"""A RabbitMQ server for the tests: that of Debian's package, as a node of our own."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from example_project.servers.process import NotReady, ServerUnavailable, directory, running

#: The program itself; the one in the PATH is a wrapper that works for one user only.
PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
#: Servers here are stopped by an interrupt, which Erlang does not accept.
UNTIL_INTERRUPTED = """
import signal, subprocess, sys
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
signal.signal(signal.SIGINT, lambda *_: server.terminate())
sys.exit(server.wait())
"""


@contextmanager
def rabbitmq() -> Iterator[str]:
    """The URL of a server that runs during the block. Raises ServerUnavailable."""
    epmd = shutil.which("epmd")
    if not PROGRAM.exists() or epmd is None:
        raise ServerUnavailable("rabbitmq-server is not installed")
    with directory() as home:
        port, distribution, names = (_free_port() for _ in range(3))
        environment = {
            "PATH": f"{os.environ['PATH']}:/usr/sbin",
            "HOME": str(home),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(names),
            "ERL_EPMD_RELAXED_COMMAND_CHECK": "1",
            "RABBITMQ_ALLOW_INPUT": "1",  # no shell is started around Erlang
            "RABBITMQ_SERVER_START_ARGS": "-noinput",
            "RABBITMQ_NODENAME": f"sequere-{port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(home / "mnesia"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(home / "environment"),
            "RABBITMQ_CONFIG_FILE": str(home / "config"),
        }

        def look() -> None:
            try:
                with socket.create_connection(("127.0.0.1", port), 1) as client:
                    client.sendall(b"AMQP\x00\x00\x09\x01")
                    if not client.recv(1):
                        raise NotReady("it has hung up")
            except OSError as error:
                raise NotReady(str(error)) from error

        try:
            with running(
                "rabbitmq", [sys.executable, "-c", UNTIL_INTERRUPTED, PROGRAM], home / "output", look, env=environment
            ):
                yield f"amqp://guest:guest@127.0.0.1:{port}//"
        finally:
            # Erlang has started it for our node, and leaves it running.
            subprocess.run([epmd, "-port", str(names), "-kill"], capture_output=True, check=False)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
