"""Run a command with a Redis server in SEQUERE_REDIS_URL.

For example: `python -m example_project.servers python manage.py demo`. The server is the one that the variable already
names, or a Valkey server that lives as long as the command. With `--worker` before the command, a Celery worker does
too.
"""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack

from example_project.servers.process import ServerUnavailable
from example_project.servers.valkey import valkey
from example_project.servers.worker import worker


def main(command: list[str]) -> int:
    try:
        with valkey() as url, ExitStack() as workers:
            environment = {"SEQUERE_REDIS_URL": url}
            if command[:1] == ["--worker"]:
                command = command[1:]
                environment["SEQUERE_EXAMPLE_WORKER"] = "1"
                workers.enter_context(worker(environment))
            return _run(command, environment)
    except ServerUnavailable as error:
        print(f"{error}.", file=sys.stderr)
        return 1


def _run(command: list[str], environment: dict[str, str]) -> int:
    with subprocess.Popen(command, env=os.environ | environment) as process:
        # Ctrl-C is for the command, which may have work to finish; the server ends after it.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        code = process.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
