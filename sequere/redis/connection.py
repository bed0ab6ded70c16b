"""The connection to a Redis server, shared by the backends of follows and of timelines.

What goes wrong with the server is raised as BackendUnavailable, and told to the log once per outage, also of a server
that refuses some things and answers all else, as when its disk is full.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha1
from time import monotonic
from typing import Any

from django.utils.module_loading import import_string

from sequere.exceptions import BackendUnavailable, InvalidBackendOption, StaleWriter

logger = logging.getLogger("sequere")

OPTIONS = ("cache", "client_class", "options", "prefix", "url")
#: What a client has that no option says otherwise of: no request waits long for a server that does not answer.
TIMEOUTS = {"socket_connect_timeout": 1, "socket_timeout": 5}
#: Keys that are looked for, and removed, at once.
KEYS_PER_COMMAND = 500
#: What a script answers to a writer that another one has overtaken.
STALE = "SEQUERE-STALE"
#: How an answer begins for which redis-py has no class, and that is no fault of the command: the disk is full, the
#: replicas are away, or a script keeps the server busy.
TROUBLES = ("MISCONF ", "NOREPLICAS ", "BUSY ")


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script, which is one atomic step on the server; sent once, and called by its SHA-1 from then on.

    It must do no harm when it is run twice: a call of several scripts is repeated if the server knew only some.
    """

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sha", sha1(self.text.encode(), usedforsecurity=False).hexdigest())

    def __call__(self, keys: Sequence[str], *args: Any) -> tuple[Any, ...]:
        """The command that runs it."""
        return ("EVALSHA", self, len(keys), *keys, *args)


@dataclass(slots=True, eq=False)
class Outage:
    """What the log was told that a server refuses, None of one that does not answer; and until when, by the clock of
    `monotonic()`, nobody asks it."""

    refused: Any
    reason: str = ""
    pauses_until: float = 0

    def is_over(self, commands: Iterable[Sequence[Any]]) -> bool:
        """Whether it is, when the server has done these. Who has no memory left, or is a replica, is still read."""
        return self.refused is None or self.refused in map(_kind, commands)


#: By the options that say how a server is reached: several connections may have one.
_outages: dict[str, Outage] = {}


class Connection:
    """A Redis client, and the prefix of the keys that are ours. Creating it does no I/O.

    Options: `url`, or `options`, the arguments of the client (host, port, db, …); `client_class`, a class or its
    dotted path; or `cache`, the alias of a django-redis cache whose connection is used; and `prefix`.
    """

    def __init__(self, setting: str, options: Mapping[str, Any], prefix: str) -> None:
        self.setting = setting
        self._options = options
        self.prefix = str(options.get("prefix", prefix))
        #: What is equal for connections to one server.
        self.way = repr({name: value for name, value in options.items() if name != "prefix"})

    @cached_property
    def client(self) -> Any:
        """The client. Raises InvalidBackendOption, and ImproperlyConfigured for a class that cannot be imported."""
        options = self._options
        if unknown := sorted(set(options) - {*OPTIONS}):
            raise self._invalid(", ".join(unknown), f"is no option: use {', '.join(OPTIONS)}")
        if "*" in self.prefix:
            raise self._invalid("prefix", "has a * in it, for which SORT would put the name of something else")
        if "cache" in options:
            if others := sorted({"client_class", "options", "url"} & set(options)):
                raise self._invalid(others[0], "does not go with cache, which has a client of its own")
            return self._client_of_cache(str(options["cache"]))
        class_ = self._client_class()
        arguments = {**TIMEOUTS, **self._retry(), **options.get("options", {})}
        try:
            return class_.from_url(options["url"], **arguments) if "url" in options else class_(**arguments)
        except (TypeError, ValueError) as error:
            raise self._invalid("url" if "url" in options else "options", f"is refused: {error}") from error

    def key(self, *parts: object) -> str:
        return self.prefix + ":".join(map(str, parts))

    def run(self, commands: Iterable[Sequence[Any]]) -> list[Any]:
        """What the commands answer; 1 round trip, 3 where a script was not known yet.

        Raises BackendUnavailable, StaleWriter. When one has waited for a server in vain, nobody else in the process
        asks it for as long: they would wait as well, and others for what they have locked.
        """
        commands = list(commands)
        if not commands:
            return []
        outage = _outages.get(self.way)
        if outage and monotonic() < outage.pauses_until:
            raise BackendUnavailable(server=self.server, reason=outage.reason, setting=self.setting)
        answers = self._send(commands)
        if any(type(answer).__name__ == "NoScriptError" for answer in answers):
            scripts = {command[1] for command in commands if command[0] == "EVALSHA"}
            self._send([("SCRIPT LOAD", script.text) for script in scripts])
            answers = self._send(commands)
        for command, answer in zip(commands, answers, strict=True):
            if isinstance(answer, Exception):
                raise self._meant_by(answer, command) from answer
        outage = _outages.get(self.way)
        if outage and outage.is_over(commands) and _outages.pop(self.way, None):
            logger.warning("%s can be used again.", self.server)
        return answers

    def keys(self, *patterns: str) -> Iterator[list[str]]:
        """The keys with our prefix and one of these endings, `*` for anything, in pages that may repeat one.

        Found with SCAN, which holds up nobody.
        """
        for pattern in patterns:
            cursor = "0"
            while True:
                cursor, found = self.scan(pattern, cursor)
                if found:
                    yield found
                if cursor == "0":
                    break

    def scan(self, pattern: str, cursor: str) -> tuple[str, list[str]]:
        """Keys with our prefix and an ending, and the cursor behind them: "0" at the beginning and at the end."""
        match = f"{_escaped(self.prefix)}{pattern}"
        ((next_, found),) = self.run([("SCAN", cursor, "MATCH", match, "COUNT", KEYS_PER_COMMAND)])
        return text(next_), [text(key) for key in found]

    def run_id(self) -> str:
        """What is another one when the server was started again."""
        (info,) = self.run([("INFO", "server")])
        if isinstance(info, Mapping):
            return str(info["run_id"])
        return next(line for line in text(info).splitlines() if line.startswith("run_id:"))

    def remove(self, *patterns: str) -> None:
        """Remove the keys with our prefix and one of these endings, a few at a time."""
        for page in self.keys(*patterns):
            self.run([("UNLINK", *page)])

    @property
    def server(self) -> str:
        """How errors name the server."""
        try:
            arguments = self.client.connection_pool.connection_kwargs
        except AttributeError:  # another class of clients
            return f"the Redis server of {self.setting}"
        if "path" in arguments:
            return f"Redis at {arguments['path']}"
        return f"Redis at {arguments.get('host', 'localhost')}:{arguments.get('port', 6379)}"

    def _send(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        pipeline = self.client.pipeline(transaction=False)  # says what to install, if there is no redis
        from redis.exceptions import RedisError
        from redis.exceptions import TimeoutError as NoAnswer

        for name, *arguments in commands:
            if name == "EVALSHA":
                arguments[0] = arguments[0].sha
            pipeline.execute_command(name, *arguments)
        started = monotonic()
        try:
            answers: list[Any] = pipeline.execute(raise_on_error=False)
        except NoAnswer as error:
            now = monotonic()
            raise self._unavailable(error, pauses_until=now + (now - started)) from error
        except (RedisError, OSError) as error:
            raise self._unavailable(error) from error
        return answers

    def _meant_by(self, error: Exception, command: Sequence[Any]) -> Exception:
        """What to raise for an error of the server: it cannot work at the moment, or else there is something wrong."""
        from redis import exceptions

        troubles = (
            exceptions.ConnectionError,  # it is loading, has too many clients, or does not know us
            exceptions.ReadOnlyError,
            exceptions.OutOfMemoryError,
            exceptions.MasterDownError,
            exceptions.NoPermissionError,
        )
        if STALE in str(error):
            return StaleWriter(server=self.server)
        if isinstance(error, troubles) or str(error).startswith(TROUBLES):
            return self._unavailable(error, _kind(command))
        return error

    def _unavailable(self, error: Exception, refused: Any = None, pauses_until: float = 0) -> BackendUnavailable:
        reason = str(error).rstrip(".")
        outage = Outage(refused)
        known = _outages.setdefault(self.way, outage)
        if known is outage:  # nobody else was first
            logger.warning("%s cannot be used: %s. What is recorded meanwhile waits.", self.server, reason)
        known.reason, known.pauses_until = reason, pauses_until
        return BackendUnavailable(server=self.server, reason=reason, setting=self.setting)

    def _client_class(self) -> Any:
        class_ = self._options.get("client_class", "redis.Redis")
        try:
            return import_string(class_) if isinstance(class_, str) else class_
        except ImportError as error:
            hint = ": pip install 'django-sequere[redis]'" if class_ == "redis.Redis" else ""
            raise self._invalid("client_class", f"cannot be imported, {error}{hint}") from error

    def _retry(self) -> dict[str, Any]:
        """One more attempt, at once: a connection in the pool may be older than the server. A server that has not
        answered in time is not waited for twice."""
        if "client_class" in self._options:
            return {}
        from redis.backoff import NoBackoff
        from redis.exceptions import ConnectionError as Disconnected
        from redis.retry import Retry

        return {"retry": Retry(NoBackoff(), 1, supported_errors=(Disconnected,))}

    def _client_of_cache(self, alias: str) -> Any:
        from django.core.cache.backends.base import InvalidCacheBackendError

        try:
            from django_redis import get_redis_connection

            return get_redis_connection(alias)
        except ImportError as error:
            raise self._invalid("cache", "needs django-redis: pip install 'django-sequere[redis]'") from error
        except (InvalidCacheBackendError, NotImplementedError) as error:
            raise self._invalid("cache", f"is {alias!r}, which is no cache of django-redis: {error}") from error

    def _invalid(self, option: str, reason: str) -> InvalidBackendOption:
        return InvalidBackendOption(setting=self.setting, option=option, reason=reason.rstrip("."))


def why_unusable(setting: str, options: Any) -> str | None:
    """Why no client can be made of the options in a setting; None if one can."""
    if not isinstance(options, Mapping):
        return f"{setting} is {options!r}, which is no mapping of options to values."
    try:
        _ = Connection(setting, options, "").client
    except InvalidBackendOption as error:
        return str(error)
    return None


def _kind(command: Sequence[Any]) -> Any:
    """What a command does: its name, or its script."""
    return command[1] if command[0] == "EVALSHA" else command[0]


def text(value: Any) -> str:
    """What a client answers, with decode_responses and without."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _escaped(prefix: str) -> str:
    """A prefix as SCAN's MATCH takes it, where *, ?, [ and \\ mean something."""
    return "".join(f"\\{character}" if character in "*?[]\\^" else character for character in prefix)
