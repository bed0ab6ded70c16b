"""python -m example_project.servers: a command with a server of its own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from example_project.servers.process import ServerUnavailable
from example_project.servers.valkey import valkey_program
from tests.host.processes import ROOT

#: Prints the URL of its server and its answer, and waits.
COMMAND = """
import os, sys, redis
url = os.environ["SEQUERE_REDIS_URL"]
print(url, redis.Redis.from_url(url).ping(), flush=True)
input()
sys.exit(3)
"""


@pytest.fixture
def command() -> Iterator["subprocess.Popen[str]"]:
    try:
        valkey_program()
    except ServerUnavailable as error:
        pytest.skip(str(error))
    environment = {name: value for name, value in os.environ.items() if name != "SEQUERE_REDIS_URL"}
    with subprocess.Popen(
        [sys.executable, "-m", "example_project.servers", sys.executable, "-c", COMMAND],
        cwd=ROOT,
        env=environment,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        yield process
        process.kill()


def test_a_command_has_a_server_and_keeps_its_exit_code(command: "subprocess.Popen[str]") -> None:
    rest, _ = command.communicate("\n", timeout=60)

    assert rest.startswith("unix://")
    assert rest.endswith(" True\n")
    assert command.returncode == 3


def test_a_command_and_its_server_end_on_sigterm(command: "subprocess.Popen[str]") -> None:
    assert command.stdout is not None
    socket = command.stdout.readline().removeprefix("unix://").split()[0]

    command.send_signal(signal.SIGTERM)

    assert command.wait(timeout=60) == 128 + signal.SIGTERM
    assert not os.path.exists(socket)  # noqa: PTH110  # the name was read from a process
