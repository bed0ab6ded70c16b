"""Follow and unfollow."""

from collections.abc import Callable, Iterable
from typing import Any

from asgiref.sync import sync_to_async

from sequere.api.arguments import Timestamp, follows_to_begin, follows_to_end
from sequere.api.changes import record_many, record_one
from sequere.base import ResourceLike
from sequere.exceptions import AlreadyFollowingException, NotFollowingException
from sequere.log.models import Event
from sequere.relations.intents import TO_BEGIN, TO_BEGIN_MANY, TO_END, TO_IMPORT


def follow(
    from_instance: ResourceLike,
    to_instance: ResourceLike,
    *,
    timestamp: Timestamp | None = None,
    fail_silently: bool | None = None,
    idempotency_key: str | None = None,
    scope: str = "",
) -> Event | None:
    """Let `from_instance` follow `to_instance` since `timestamp`: a datetime, or seconds since 1970; now, if None.

    Returns the event, or None if it follows already: with fail_silently=False that raises AlreadyFollowingException
    (the default is SEQUERE_FAIL_SILENTLY). A repeated call with the same `idempotency_key` returns the event of the
    first call. Raises SelfFollowException, NotRegistered, UnsavedInstance, InvalidTimestamp, IdempotencyConflict,
    InvalidScope, UnknownScope, TooManyScopes; and Blocked, if one of them has blocked the other.

    At most 9 statements, 12 with sequere_timeline; 1 if nothing changes. 1 more for the first
    follow of a database, and with a scope.
    """
    return record_one(
        TO_BEGIN,
        (from_instance, to_instance),
        follows_to_begin(scope),
        timestamp,
        idempotency_key,
        AlreadyFollowingException,
        fail_silently,
    )


def unfollow(
    from_instance: ResourceLike,
    to_instance: ResourceLike,
    *,
    timestamp: Timestamp | None = None,
    fail_silently: bool | None = None,
    idempotency_key: str | None = None,
    scope: str = "",
) -> Event | None:
    """End what `follow()` began. The arguments, the result and the cost are the same; raises NotFollowingException.

    Takes any key that may be in the log, even one whose model is no longer registered; and any scope.
    """
    return record_one(
        TO_END,
        (from_instance, to_instance),
        follows_to_end(scope),
        timestamp,
        idempotency_key,
        NotFollowingException,
        fail_silently,
    )


def follow_many(
    pairs: Iterable[tuple[Any, ...]],
    *,
    again: bool = True,
    progress: Callable[[int], None] | None = None,
    scope: str = "",
) -> int:
    """Record many follows: (from_instance, to_instance) or (from_instance, to_instance, timestamp).

    Takes an iterable of any length in constant memory, with a transaction for every 2,000 pairs, and calls `progress`
    with the number of pairs done after each. Returns the number of new follows. Does not send `followed`. Raises what
    `follow()` raises, and InvalidPair: earlier transactions stay committed, and since pairs that are recorded already
    are skipped, the same import can be run again. With `again=False`, a pair that has unfollowed since stays so. Pairs
    of which one has blocked the other are left out.
    """
    return record_many(TO_BEGIN_MANY if again else TO_IMPORT, pairs, follows_to_begin(scope), progress)


def unfollow_many(
    pairs: Iterable[tuple[Any, ...]], *, progress: Callable[[int], None] | None = None, scope: str = ""
) -> int:
    """Record many unfollows, as `follow_many()` records follows. Takes any keys and any scope, as `unfollow()`."""
    return record_many(TO_END, pairs, follows_to_end(scope), progress)


afollow = sync_to_async(follow)
aunfollow = sync_to_async(unfollow)
afollow_many = sync_to_async(follow_many)
aunfollow_many = sync_to_async(unfollow_many)
