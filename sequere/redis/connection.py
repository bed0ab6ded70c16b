"""The connection to a Redis server, shared by the backends of follows and of timelines.

Errors of the server are raised as BackendUnavailable. Each outage is logged once, with its end, even if the server
refuses some commands and answers all others, as when its disk is full.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from functools import cached_property
from itertools import chain, repeat
from time import monotonic
from types import MappingProxyType
from typing import Any, NamedTuple

from django.conf import settings
from django.utils.module_loading import import_string

from sequere.exceptions import (
    BackendUnavailable,
    ForeignReadModel,
    InvalidBackendOption,
    OtherPrefix,
    ReadModelLost,
    StaleWriter,
)
from sequere.redis.addresses import QUOTE, UNQUOTED, is_quoted
from sequere.redis.fencing import is_of_another_log, is_refusal
from sequere.redis.outages import CircuitBreaker, Outage
from sequere.redis.scripts import load
from sequere.tenants import all_tenants, at_tenant, current_tenant

_logger = logging.getLogger("sequere")

OPTIONS = ("cache", "client_class", "options", "prefix", "url")
#: Defaults of a client: no request waits long for a server that does not answer.
TIMEOUTS = {"socket_connect_timeout": 1, "socket_timeout": 5}
#: Keys that one command looks for, or removes.
KEYS_PER_COMMAND = 500
#: The maxmemory-policy with which a server refuses writes when its memory is full.
NO_EVICTION = "noeviction"
#: By the words of errors that are not the fault of a command, how a server says that it takes no command, or no writes,
#: or nothing from our user: the names of redis-py's classes for them, and parts of messages that it has no class for.
_SIGNS = {
    "BUSY": ("BUSY ",),
    "LOADING": ("BusyLoadingError",),
    "MASTERDOWN": ("MasterDownError",),
    "MISCONF": ("MISCONF ",),
    "NOPERM": (
        "NoPermissionError",
        "ACL failure in script",
        "The user executing the script can't",
        "insufficient ACL permissions",
    ),
    "NOREPLICAS": ("NOREPLICAS ",),
    "OOM": ("OutOfMemoryError",),
    "READONLY": ("ReadOnlyError",),
}
TRY_COMMANDS = load("sequere.redis", "try_commands")

#: By the options that say how a server is reached: several connections may have one.
_breakers: dict[str, CircuitBreaker] = {}

#: The commands that wait to be sent together, by the same options.
_gathered: ContextVar[Mapping[str, list["_Gathered"]]] = ContextVar("sequere_gathered", default=MappingProxyType({}))


class Connection:
    """A Redis client, and the prefix of our keys. Creating it does no I/O.

    Options: `url`, or `options`, the arguments of the client (host, port, db, …); `client_class`, a class or its
    dotted path; or `cache`, the alias of a django-redis cache whose connection is used; and `prefix`, a text or what
    returns one, for each tenant another. A connection keeps the prefix that it was made with, and refuses to be used
    where there is another one.
    """

    def __init__(self, setting: str, options: Mapping[str, Any], prefix: str, projection: str = "") -> None:
        self.setting = setting
        #: Whose read model is there.
        self.projection = projection
        self._options = options
        self._prefix = options.get("prefix", prefix)
        self._depends = callable(self._prefix)
        #: Equal for connections to the same server.
        self.way = repr({name: value for name, value in options.items() if name != "prefix"})
        self._breaker = _breakers.setdefault(self.way, CircuitBreaker())

    @cached_property
    def client(self) -> Any:
        """The client. Raises InvalidBackendOption, and ImproperlyConfigured for a class that cannot be imported."""
        options = self._options
        if unknown := sorted(set(options) - {*OPTIONS}):
            raise self._invalid(", ".join(unknown), f"is not an option: use {', '.join(OPTIONS)}")
        self._refuse_prefix()
        if "cache" in options:
            if others := sorted({"client_class", "options", "url"} & set(options)):
                raise self._invalid(others[0], "cannot be combined with cache, which has its own client")
            return self._client_of_cache(str(options["cache"]))
        class_ = self._client_class()
        arguments = {**TIMEOUTS, **self._retry(), **options.get("options", {})}
        try:
            if "url" in options:
                return self._client_at(str(options["url"]), class_, arguments)
            return class_(**arguments)
        except (TypeError, ValueError) as error:
            raise self._invalid("options", f"is refused: {error}") from error

    @cached_property
    def prefix(self) -> str:
        """The beginning of all keys. Raises InvalidBackendOption."""
        return self.prefix_now()

    def prefix_now(self) -> str:
        """The prefix that the setting says here and now. Raises InvalidBackendOption."""
        if not self._depends:
            return str(self._prefix)
        try:
            prefix = self._prefix()
        except Exception as error:
            raise self._invalid("prefix", f"cannot be asked for: {type(error).__name__}: {error}") from error
        if not isinstance(prefix, str):
            raise self._invalid("prefix", f"returns {prefix!r}, which is not a text")
        return prefix

    def here(self) -> "Connection":
        """The connection with the prefix of here and now, by the same client. Raises InvalidBackendOption."""
        if not self._depends:
            return self
        other = copy(self)
        vars(other).update(prefix=self.prefix_now(), client=self.client)
        other._refuse_prefix()
        return other

    def tenants_with_prefix(self) -> list[str]:
        """The other tenants of the site that have the same prefix: it does not depend on the tenant as it should."""
        found: list[str] = []
        for name in all_tenants():
            if name is not None and name != current_tenant():
                with at_tenant(name):
                    if self.prefix_now() == self.prefix:
                        found.append(name)
        return found

    def _client_at(self, url: str, class_: Any, arguments: Mapping[str, Any]) -> Any:
        """The client of a URL. Errors about a URL show parts of it, and so of a password: they are not shown."""
        if not is_quoted(url):
            raise self._invalid("url", UNQUOTED)
        try:
            class_.from_url(url)
        except (TypeError, ValueError):
            raise self._invalid(
                "url", f"is refused: begin it with redis://, rediss:// or unix://, and {QUOTE}"
            ) from None
        return class_.from_url(url, **arguments)

    def key(self, *parts: object) -> str:
        return self.prefix + ":".join(map(str, parts))

    def run(self, commands: Iterable[Sequence[Any]]) -> list[Any]:
        """The answers to the commands. 1 round trip, 3 if the server does not know a script yet.

        Raises BackendUnavailable, StaleWriter, ReadModelLost. After a call has waited for a server in vain, nothing in
        the process contacts it for as long: other calls would wait as well, and others again for their locks.
        """
        if self._depends and (here := self.prefix_now()) != self.prefix:
            raise OtherPrefix(setting=self.setting, begun=self.prefix, here=here)
        earlier = self._take_gathered()
        commands = [*chain.from_iterable(one.commands for one in earlier), *commands]
        if not commands:
            return []
        if outage := self._breaker.pause:
            raise BackendUnavailable(server=self.server, reason=outage.reason, setting=self.setting)
        answers = self._send(commands)
        if any(type(answer).__name__ == "NoScriptError" for answer in answers):
            scripts = {command[1] for command in commands if command[0] == "EVALSHA"}
            self._send([("SCRIPT LOAD", script.text) for script in scripts])
            answers = self._send(commands)
        for sender, command, answer in zip(
            chain((one.sender for one in earlier for _ in one.commands), repeat(self)), commands, answers, strict=False
        ):
            if isinstance(answer, Exception):
                raise sender._meant_by(answer, command) from answer
        if self._breaker.recover(map(_kind, commands)):
            _logger.warning("%s can be used again.", self.server)
        start = 0
        for one in earlier:
            end = start + len(one.commands)
            if one.answered:
                one.answered(answers[start:end])
            start = end
        return answers[start:]

    def later(self, commands: Iterable[Sequence[Any]], answered: Callable[[list[Any]], object] | None = None) -> None:
        """Send commands before the next ones that are sent to this server, at the latest when the block of
        `gathering()` ends; without such a block, now. `answered` is called with their answers. 1 round trip, or none.
        """
        gathered, these = _gathered.get().get(self.way), list(commands)
        if gathered is None:
            answers = self.run(these)
            if answered:
                answered(answers)
        else:
            gathered.append(_Gathered(self, these, answered))

    def first(self, commands: Iterable[Sequence[Any]]) -> None:
        """The same, but before anything that is sent from now on, also to other servers. 1 round trip, or none if there
        are no others."""
        self.later(commands)
        if _gathered.get().keys() - {self.way}:
            self.run([])

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """In this block, `later()` waits. What has not been sent is left out if the block raises."""
        outer = _gathered.get()
        if self.way in outer:
            yield
            return
        token = _gathered.set({**outer, self.way: []})
        try:
            yield
            self.run([])
        finally:
            _gathered.reset(token)

    def _take_gathered(self) -> "list[_Gathered]":
        gathered = _gathered.get().get(self.way) or []
        taken = list(gathered)
        gathered.clear()
        return taken

    def keys(self, *patterns: str) -> Iterator[list[str]]:
        """The keys with our prefix and one of these endings, `*` for anything, in pages that may repeat keys.

        Found with SCAN, which does not block the server.
        """
        for pattern in patterns:
            cursor = "0"
            while True:
                cursor, found = self.scan(pattern, cursor)
                if found:
                    yield found
                if cursor == "0":
                    break

    def scan(self, pattern: str, cursor: str, type_: str = "") -> tuple[str, list[str]]:
        """The next cursor of SCAN, and some keys with our prefix and an ending, of one type, if it is given. "0" is the
        beginning and the end."""
        match = f"{_escaped(self.prefix)}{pattern}"
        of_type = ("TYPE", type_) if type_ else ()
        ((next_, found),) = self.run([("SCAN", cursor, "MATCH", match, "COUNT", KEYS_PER_COMMAND, *of_type)])
        return text(next_), [text(key) for key in found]

    def run_id(self) -> str:
        """Identifies the server until it is restarted."""
        return str(self._info("server")[0]["run_id"])

    def examine_server(self) -> str:
        """The maxmemory-policy, if the server has a limit and drops keys when it reaches it; else empty. 1 round trip.

        A policy that drops only keys that expire is one, too: Sequere fills these again, but other memory is not freed.
        Raises BackendUnavailable if the server cannot be used, refuses writes, or does not let our user do what it has
        to do.
        """
        key = self.key("global", "write")
        # Writes nothing, and is refused when a write is: the memory or the disk is full, or it is a replica.
        memory, denied, _ = self._info("memory", TRY_COMMANDS([key]), ("SETRANGE", key, 0, ""))
        if denied:
            reason = f"its user may not use {', '.join(map(text, denied))} with keys that begin with {self.prefix!r}"
            raise BackendUnavailable(server=self.server, reason=reason, setting=self.setting, mode="NOPERM")
        policy = memory.get("maxmemory_policy", NO_EVICTION)
        return "" if policy == NO_EVICTION or memory.get("maxmemory", "0") == "0" else policy

    def _info(self, section: str, *commands: Sequence[Any]) -> list[Any]:
        """A section of what the server says of itself, as texts, and the answers to other commands. 1 round trip."""
        info, *answers = self.run([("INFO", section), *commands])
        if isinstance(info, Mapping):
            return [{str(name): str(value) for name, value in info.items()}, *answers]
        lines = (line.partition(":") for line in text(info).splitlines())
        return [{name: value for name, _, value in lines}, *answers]

    def remove(self, *patterns: str) -> None:
        """Remove the keys with our prefix and one of these endings, a few at a time."""
        for page in self.keys(*patterns):
            self.run([("UNLINK", *page)])

    @property
    def server(self) -> str:
        """The name of the server in errors."""
        try:
            pool = self.client.connection_pool
            arguments = pool.connection_kwargs
        except AttributeError:  # another class of clients
            return f"the Redis server of {self.setting}"
        if service := getattr(pool, "service_name", None):
            return f"Redis service {service!r} of Sentinel"
        if "path" in arguments:
            return f"Redis at {arguments['path']}"
        return f"Redis at {arguments.get('host', 'localhost')}:{arguments.get('port', 6379)}"

    def lost(self) -> ReadModelLost:
        """The exception that says that the read model is not there, or belongs to another log."""
        return ReadModelLost(server=self.server, projection=self.projection)

    def stale(self) -> StaleWriter:
        """The exception that says that others have written since, or may have."""
        return StaleWriter(server=self.server)

    def foreign(self) -> ForeignReadModel:
        """The exception that says that another log has its read model there."""
        return ForeignReadModel(server=self.server, projection=self.projection, prefix=self.prefix)

    def _refuse_prefix(self) -> None:
        if "*" in self.prefix:
            raise self._invalid("prefix", "contains a *, which SORT would replace by the name of something else")

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
        """The exception to raise for an error of the server. Only some errors mean that it is unavailable."""
        from redis.exceptions import ConnectionError as Disconnected

        if is_refusal(error):
            return self.stale()
        if is_of_another_log(error):
            return self.lost()
        if _mode(error) or isinstance(error, Disconnected):  # also if it has too many clients, or refuses our password
            return self._unavailable(error, _kind(command))
        return error

    def _unavailable(self, error: Exception, refused: Any = None, pauses_until: float = 0) -> BackendUnavailable:
        reason = str(error).rstrip(".")
        if self._breaker.trip(Outage(reason, refused, pauses_until)):
            _logger.warning("%s cannot be used: %s. What is recorded meanwhile waits.", self.server, reason)
        return BackendUnavailable(server=self.server, reason=reason, setting=self.setting, mode=_mode(error))

    def _client_class(self) -> Any:
        class_ = self._options.get("client_class", "redis.Redis")
        try:
            return import_string(class_) if isinstance(class_, str) else class_
        except ImportError as error:
            hint = ": pip install 'django-sequere[redis]'" if class_ == "redis.Redis" else ""
            raise self._invalid("client_class", f"cannot be imported, {error}{hint}") from error

    def _retry(self) -> dict[str, Any]:
        """1 more attempt, at once: a connection in the pool may be older than the server. A timeout is not retried."""
        if "client_class" in self._options:
            return {}
        from redis.backoff import NoBackoff
        from redis.exceptions import ConnectionError as Disconnected
        from redis.retry import Retry

        return {"retry": Retry(NoBackoff(), 1, supported_errors=(Disconnected,))}

    def _client_of_cache(self, alias: str) -> Any:
        from django.core.cache.backends.base import InvalidCacheBackendError

        if not all(map(is_quoted, _locations(alias))):
            raise self._invalid("cache", f"is {alias!r}, whose LOCATION {UNQUOTED}")
        try:
            from django_redis import get_redis_connection

            return get_redis_connection(alias)
        except ImportError as error:
            raise self._invalid("cache", "needs django-redis: pip install 'django-sequere[redis]'") from error
        except (InvalidCacheBackendError, NotImplementedError) as error:
            raise self._invalid("cache", f"is {alias!r}, which is not a cache of django-redis: {error}") from error
        except ValueError:
            raise self._invalid("cache", f"is {alias!r}, whose LOCATION is refused: {QUOTE} there") from None

    def _invalid(self, option: str, reason: str) -> InvalidBackendOption:
        return InvalidBackendOption(setting=self.setting, option=option, reason=reason.rstrip("."))


class _Gathered(NamedTuple):
    """Commands that wait to be sent with others."""

    sender: Connection
    commands: Sequence[Sequence[Any]]
    #: Called with their answers.
    answered: Callable[[list[Any]], object] | None


def why_unusable(setting: str, options: Any) -> str | None:
    """Why a client cannot be made of the options in a setting; None if it can."""
    if not isinstance(options, Mapping):
        # It is not shown: it may be a URL with a password.
        return f"{setting} is a {type(options).__name__}, which is not a mapping of options to values."
    try:
        _ = Connection(setting, options, "").client
    except InvalidBackendOption as error:
        return str(error)
    return None


def _locations(alias: str) -> list[str]:
    """The addresses of a cache."""
    location = getattr(settings, "CACHES", {}).get(alias, {}).get("LOCATION", "")
    return location.split(",") if isinstance(location, str) else [str(one) for one in location]


def _mode(error: Exception) -> str:
    """The word by which a server says that it cannot be used now, or not by us; empty for another error."""
    said = f"{type(error).__name__}: {error}"
    return next((word for word, signs in _SIGNS.items() if any(sign in said for sign in signs)), "")


def _kind(command: Sequence[Any]) -> Any:
    """The kind of work that a command is: its name, or its script."""
    return command[1] if command[0] == "EVALSHA" else command[0]


def text(value: Any) -> str:
    """An answer as text, whether the client decodes responses or not."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _escaped(prefix: str) -> str:
    """A prefix as SCAN's MATCH takes it, without special characters."""
    return "".join(f"\\{character}" if character in "*?[]\\^" else character for character in prefix)
