"""Serve the example site with Redis and a worker, as whoever tries it does: from an environment without our tools."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parent.parent
#: The installation, sample data and the first page.
SECONDS = 300


def main() -> int:
    address = f"127.0.0.1:{free_port()}"
    with TemporaryDirectory() as directory, TemporaryFile("w+") as output:
        command = ["make", "serve", "BACKEND=redis", f"VENV={directory}/venv", f"ARGS=--noreload {address}"]
        site = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, start_new_session=True)
        try:
            if answers(f"http://{address}/", site):
                print("The example site answers, with Redis and a worker.")
                return 0
        finally:
            os.killpg(site.pid, signal.SIGTERM)
            site.wait()
        output.seek(0)
        print(output.read()[-4000:], file=sys.stderr)
    print(f"The example site did not answer within {SECONDS} s.", file=sys.stderr)
    return 1


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def answers(url: str, site: "subprocess.Popen[bytes]") -> bool:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and site.poll() is None:
        try:
            with urlopen(url, timeout=30) as answer:  # noqa: S310  # our own site
                return answer.status == 200
        except (URLError, OSError):
            time.sleep(1)
    return False


if __name__ == "__main__":
    sys.exit(main())
