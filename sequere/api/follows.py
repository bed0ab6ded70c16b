"""Follow and unfollow."""

from collections.abc import Callable, Iterable
from typing import Any

from asgiref.sync import sync_to_async

from sequere import conf
from sequere.api.arguments import Timestamp, follows_to_begin, follows_to_end, relation_of
from sequere.api.changes import record_many, record_one
from sequere.api.policy import under_policy
from sequere.base import ResourceLike
from sequere.exceptions import AlreadyFollowingException, NotFollowingException
from sequere.log.metadata import by_default
from sequere.log.models import Event
from sequere.log.validation import check_text
from sequere.registry import registry
from sequere.relations.intents import TO_BEGIN, TO_BEGIN_MANY, TO_END, TO_IMPORT, TO_REMOVE

#: Characters of the message of a request.
MESSAGE_MAX_LENGTH = 1000


def follow(
    from_instance: ResourceLike,
    to_instance: ResourceLike,
    *,
    timestamp: Timestamp | None = None,
    fail_silently: bool | None = None,
    idempotency_key: str | None = None,
    scope: str = "",
    message: str = "",
    policy: bool = True,
) -> Event | None:
    """Let `from_instance` follow `to_instance` since `timestamp`: a datetime, or seconds since 1970; now, if None.

    Returns the event, or None if it follows already: with fail_silently=False that raises AlreadyFollowingException
    (the default is SEQUERE_FAIL_SILENTLY). If `ModelBase.requires_approval()` says so, it asks to follow, with a
    `message`: then this event is a `follow_requested`, and None if it has asked before. A repeated call with the same
    `idempotency_key` returns the event of the first call.

    Raises SelfFollowException, NotRegistered, UnsavedInstance, InvalidTimestamp, InvalidEventData, IdempotencyConflict,
    InvalidScope, UnknownScope, TooManyScopes; Blocked, if one of them has blocked the other; and FollowNotAllowed,
    TooManyFollowings and NoInstance, unless `policy` is False: then neither `ModelBase` nor SEQUERE_MAX_FOLLOWINGS are
    asked, and a request that waits is closed.

    At most 9 statements, 12 with sequere_timeline; 1 if nothing changes. 1 more for the first
    follow of a database, with a scope, and with SEQUERE_MAX_FOLLOWINGS. A follow that must be asked for, or was asked
    for, costs up to 8 more.
    """
    if message:
        check_text(message, "the message of the request", MESSAGE_MAX_LENGTH)
    ends = (from_instance, to_instance)
    relation, moment = relation_of(follows_to_begin(scope), *ends, timestamp, key_of=registry.key_of)
    change = TO_BEGIN
    if policy and (registry.policy_of(relation.to_key) or conf.max_followings() is not None):
        change, relation = under_policy(relation, ends, message)
    return record_one(change, (relation, moment), ends, idempotency_key, AlreadyFollowingException, fail_silently)


def unfollow(
    from_instance: ResourceLike,
    to_instance: ResourceLike,
    *,
    timestamp: Timestamp | None = None,
    fail_silently: bool | None = None,
    idempotency_key: str | None = None,
    scope: str = "",
) -> Event | None:
    """End what `follow()` began, or take back what it has asked for. The arguments, the result and the cost are the
    same; raises NotFollowingException.

    Takes any key that may be in the log, even one whose model is no longer registered; and any scope.
    """
    ends = (from_instance, to_instance)
    dated = relation_of(follows_to_end(scope), *ends, timestamp, key_of=registry.any_key_of)
    return record_one(TO_END, dated, ends, idempotency_key, NotFollowingException, fail_silently)


def remove_follower(
    instance: ResourceLike, follower: ResourceLike, *, fail_silently: bool | None = None, scope: str = ""
) -> Event | None:
    """End the follow of `follower`, as `instance` wants it, or deny what it has asked for. The metadata of the event
    have `cause="removed"`, and `who`: `instance`, unless somebody else does it. Otherwise like `unfollow()`."""
    ends = (follower, instance)
    dated = relation_of(follows_to_end(scope), *ends, key_of=registry.any_key_of)
    metadata = by_default(who=str(dated[0].to_key))
    return record_one(TO_REMOVE, dated, ends, None, NotFollowingException, fail_silently, cause="removed", **metadata)


def follow_many(
    pairs: Iterable[tuple[Any, ...]],
    *,
    again: bool = True,
    progress: Callable[[int], None] | None = None,
    scope: str = "",
    policy: bool = True,
) -> int:
    """Record many follows: (from_instance, to_instance) or (from_instance, to_instance, timestamp).

    Takes an iterable of any length in constant memory, with a transaction for every 2,000 pairs, and calls `progress`
    with the number of pairs done after each. Returns the number of new follows. Does not send `followed`. Raises what
    `follow()` raises, and InvalidPair: earlier transactions stay committed, and since pairs that are recorded already
    are skipped, the same import can be run again. With `again=False`, a pair that has unfollowed since stays so. Pairs
    of which one has blocked the other are left out, and so are those that `follow()` would refuse by its policy;
    requests are recorded, but not counted. With `policy=False`, only blocks refuse anything.
    """
    change = TO_BEGIN_MANY if again else TO_IMPORT
    return record_many(change, pairs, follows_to_begin(scope), progress, policy=policy)


def unfollow_many(
    pairs: Iterable[tuple[Any, ...]], *, progress: Callable[[int], None] | None = None, scope: str = ""
) -> int:
    """Record many unfollows, as `follow_many()` records follows. Takes any keys and any scope, as `unfollow()`."""
    return record_many(TO_END, pairs, follows_to_end(scope), progress)


afollow = sync_to_async(follow)
aunfollow = sync_to_async(unfollow)
aremove_follower = sync_to_async(remove_follower)
afollow_many = sync_to_async(follow_many)
aunfollow_many = sync_to_async(unfollow_many)
