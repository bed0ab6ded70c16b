"""The exceptions of Sequere. The docstring of a class is its message."""

import inspect
from collections.abc import Callable
from functools import partial
from string import Formatter
from typing import Any

from django.core.exceptions import BadRequest
from django.core.management.base import CommandError
from django.db import OperationalError

#: Characters that a message shows of one value.
SHOWN = 500


def shown(value: Any, convert: Callable[[Any], str] = str) -> str:
    """A value as a message shows it: the beginning of a long one, and the type of one that cannot be shown."""
    if isinstance(value, str):
        value = value[: SHOWN + 1]
    try:
        text = str.__str__(convert(value))
    except Exception:  # noqa: BLE001  # a __str__ of a host may raise anything
        text = f"<{type(value).__qualname__}>"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


class _Message(Formatter):
    """Fills in values as `shown()`."""

    def convert_field(self, value: Any, conversion: Any) -> Any:
        return shown(value, repr) if conversion == "r" else value

    def format_field(self, value: Any, format_spec: str) -> str:
        return format(value, format_spec) if format_spec else shown(value)


class SequereException(Exception):
    """Sequere could not do what it was asked to do."""

    def __init__(self, **details: Any) -> None:
        self.details = details
        super().__init__()

    def __str__(self) -> str:
        """The message is made when it is shown: it may ask a `__str__` of the host."""
        message = " ".join(inspect.cleandoc(type(self).__doc__ or type(self).__name__).split())
        return _Message().vformat(message, (), self.details)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), **self.details), ()


# The registry


class NotRegistered(SequereException):
    """{model} is not registered: add sequere.register({name}) to the sequere_registry.py of its app."""


class AlreadyRegistered(SequereException):
    """{model} is already registered: remove one of the two register() calls, or unregister() it first."""


class NotRegistrable(SequereException):
    """{model} cannot be registered, because it is {reason}: register a concrete model with one primary key."""


class IdentifierTaken(SequereException):
    """The identifier {identifier!r} of {model} belongs to {owner}: give one of them a ModelBase with an
    identifier of its own."""


class InvalidIdentifier(SequereException):
    """{identifier!r} cannot be the identifier of {model}: use a Python identifier of 1 to 50 characters."""


class NoIdentifier(SequereException):
    """{model} has no identifier, since its instances count as those of {owner}: ask for {owner}, and choose among its
    instances."""


class UnknownIdentifier(SequereException):
    """No registered model has the identifier {identifier!r}: use one of {known}."""


# Instances


class NoInstance(SequereException):
    """{value} is not a model instance, nor the key of one that can be loaded: pass a saved instance, or its
    ResourceKey."""


class UnsavedInstance(SequereException):
    """An instance of {model} is not in the database, so it has no key: save() it first."""


class AnonymousInstance(SequereException):
    """An anonymous user has no key: check request.user.is_authenticated first."""


class InvalidObjectId(SequereException):
    """{object_id!r} cannot be a key of {identifier!r}: {reason}."""


# Imports


class ForeignTableMissing(SequereException):
    """There is no table {table}{what} in the database {database!r}: name the database of the follows with
    --database."""


class ForeignIdentifier(SequereException):
    """{table} has follows of {names}, but no registered model has that identifier: register one, name the new
    identifier with --rename {example}=NEW, or leave these follows out with --skip {example}."""


# Lists


class InvalidCursor(SequereException, BadRequest):
    """{cursor!r} is not a valid cursor: start without one, and continue with the next_cursor of each page."""


# Requests


class UnreadableParameters(SequereException, BadRequest):
    """The parameters of the request contain a lone surrogate, which no answer can contain: send them in UTF-8."""


# Follows


class FollowException(SequereException):
    """A follow or an unfollow was refused."""


class SelfFollowException(FollowException):
    """{instance} cannot {verb} itself."""


class AlreadyFollowingException(FollowException):
    """{from_instance} already follows {to_instance}, or has asked to: pass fail_silently=True if that is expected."""


class NotFollowingException(FollowException):
    """{from_instance} does not follow {to_instance}: pass fail_silently=True if that is expected."""


class Blocked(FollowException):
    """{from_instance} cannot follow {to_instance}: one of them has blocked the other."""


class NotPending(FollowException):
    """{from_instance} does not ask to follow {to_instance}: the request was closed before, or never made."""


class FollowNotAllowed(FollowException):
    """{from_instance} may not follow {to_instance}: allow_follow() of {options} refuses it."""


class TooManyFollowings(FollowException):
    """{from_instance} follows {number:,}, and SEQUERE_MAX_FOLLOWINGS allows {limit:,}: unfollow something first."""


class UnknownList(FollowException):
    """There is no list {kind!r}: use one of {known}."""


class InvalidScope(FollowException):
    """{scope!r} cannot be a scope: use a text of at most {length} characters without NUL and lone surrogates."""


class UnknownScope(FollowException):
    """SEQUERE_SCOPES does not list the scope {scope!r}: use one of {known}, or add it."""


class TooManyScopes(FollowException):
    """{scope!r} would be one scope more than the {limit:,} that there can be: use a small fixed set of scopes, and list
    it in SEQUERE_SCOPES."""


class InvalidPair(FollowException):
    """{pair!r} is not a pair to follow: pass (from_instance, to_instance) or (from_instance, to_instance,
    timestamp)."""


# The log


class ImmutableEvent(SequereException):
    """The log is append-only, so {operation} is refused: record a new event that corrects the old one."""


class ResourcesLocked(SequereException, OperationalError):
    """Another transaction holds the lock of one of {resources} for longer than lock_timeout or statement_timeout
    allows: try again, keep transactions with follows short, and look for a session in pg_stat_activity that is idle in
    transaction."""


class SequenceBehind(SequereException, OperationalError):
    """The sequence of {table} has handed out a number that is taken, as after a switch-over to a logical replica: run
    'manage.py migrate sequere --database {database} --skip-checks', which moves it."""


class LogWouldBeLost(SequereException, CommandError):
    """This would destroy the event log in the database {database!r}, and no rebuild can restore it: make a backup, and
    run the command again with {name}=yes in its environment."""


class IdempotencyConflict(SequereException):
    """The idempotency key {key!r} belongs to event {event_id}, which says something else: use one key for
    one request."""


class InvalidIdempotencyKey(SequereException):
    """{key!r} cannot be an idempotency key: use a text of 1 to 255 characters without NUL and
    lone surrogates."""


class InvalidTimestamp(SequereException):
    """{timestamp!r} is not a point in time: pass a datetime, or a number of seconds since 1970, from the second day of
    the year 1 to the last but one of 9999 in UTC."""


class InvalidEventData(SequereException):
    """{where} cannot be stored in the log, because {reason}: use values of JSON (texts without NUL, finite numbers,
    booleans, None, lists, and dicts with text keys)."""


class UnknownEventType(SequereException):
    """There is no event type {type!r}: subclass sequere.EventType and register it in a sequere_registry.py, or use one
    of {known}."""


class InternalEventType(SequereException):
    """Only Sequere itself records events of type {type!r}: call the verb that does, such as follow()."""


class InvalidEventType(SequereException):
    """{type} cannot be an event type, because {reason}: correct it."""


class EventTypeTaken(SequereException):
    """The name {name!r} of {type} belongs to {owner}: give one of them another name."""


class ReservedStream(SequereException):
    """Streams of the kind {kind!r} belong to Sequere: choose another word for yours."""


class StreamTaken(SequereException):
    """The stream {stream} has events of type {type!r}, which others record: use one of your own, such as stream_of()
    returns."""


class WrongVersion(SequereException):
    """The stream {stream} has version {found}, not {expected}: another writer was faster, so read it again and decide
    again."""


class RecordingInReplay(SequereException):
    """Nothing can be recorded while a rebuild or a verification applies events of the past: record where the event
    happens, or in a receiver of events_committed."""


# Backends


class BackendException(SequereException):
    """The server of a read model could not do what it was asked to do."""


class NotSupported(BackendException):
    """{question} needs the follows beside the table of {model} in one database, and {reason}: {remedy}."""


class TooManyIds(BackendException):
    """{question} takes the ids of at most {limit:,} instances of {model}, since {reason}, and there are more of {key}:
    page through {instead} instead."""


class InvalidBackendOption(BackendException):
    """The option {option} in {setting} {reason}."""


class BackendUnavailable(BackendException):
    """{server} cannot be used, {reason}: start it, end what keeps it from writing, or correct {setting}. Events
    recorded meanwhile wait in the outbox, and are applied when it is back."""


class ReadModelLost(BackendException):
    """{server} does not hold the read model of {projection}, since it was emptied, has lost keys, was never filled, was
    filled from another log, or came back with too old a state: run 'manage.py rebuild_projections --projection
    {projection}'."""


class ForeignReadModel(ReadModelLost):
    """{server} has the read model of {projection} of another log under the prefix {prefix!r}: give each site, and each
    tenant, a prefix of its own. If nobody uses that log any more, run 'manage.py rebuild_projections --projection
    {projection}', which removes what is there."""


class OtherPrefix(BackendException):
    """What was begun with the prefix {begun!r} of {setting} goes on where the prefix is {here!r}: read a list where the
    tenant is that it was asked of, and commit there, or set SEQUERE_TENANTS."""


class StaleWriter(BackendException):
    """{server} refuses an outdated write, since this writer has lost its lock, or the read model was lost: the events
    are applied again."""


# Projections


class UnknownProjection(SequereException):
    """There is no projection {name!r}: use one of {known}."""


class CircularProjections(SequereException):
    """The projections wait for each other, {names}: take one of them out of `after`."""


class ProjectionTimeout(SequereException):
    """After {timeout:g} seconds, at least {waiting} events recorded by this process are still pending, the first one
    for {oldest:.1f} seconds: see 'manage.py show_projections', and check that a worker runs."""


class ProjectorNotVerifiable(SequereException):
    """The projection {name!r} cannot be verified, because its projector does not say what its read model
    should hold: rebuild it instead."""


class RebuildAbandoned(SequereException):
    """The rebuild of {projection} was given up, because {reason}: run rebuild_projections again."""
