"""Walking over the followers of a resource, page by page, from where a cursor says.

A page is found by its rank. So a cursor is the uid of the resource, the rank, and who was the last one before it, since
when: if that one is somewhere else by now, the rank is found again by the time.
"""

from collections.abc import Sequence
from itertools import repeat
from typing import Any

from sequere.backends.base import FollowerPage
from sequere.backends.redis.connection import Connection, text, texts
from sequere.backends.redis.keys import FOLLOWERS, Keys
from sequere.base import ResourceKey
from sequere.projectors import Cursor

#: About how many followers there are on a page.
FOLLOWERS_AT_ONCE = 1000


def follower_page(key: ResourceKey, cursor: Cursor | None, connection: Connection, keys: Keys) -> FollowerPage:
    """1 round trip, 1 more for the first page; up to 4 where somebody before the cursor has left meanwhile."""
    name = ("GET", keys.name(key))
    (known,) = connection.run([name]) if cursor is None else [cursor[0]]
    if known is None:
        return FollowerPage([], None)
    uid = text(known)
    start: int = cursor[1] if cursor else 0
    last: list[str] = cursor[2:] if cursor else []
    followers, _ = keys.set_and_count(uid, FOLLOWERS, None)
    # Nothing is sorted: it is the command that finds the names of many without a script.
    hash_ = keys.resource("*")
    names = ("BY", "nosort", "GET", f"{hash_}->identifier", "GET", f"{hash_}->object_id")
    known, before, found, last_on_page, next_ = connection.run(
        [
            name,
            _at(followers, max(start - 1, 0)),
            ("SORT_RO", followers, "LIMIT", start, FOLLOWERS_AT_ONCE, *names),
            _at(followers, start + FOLLOWERS_AT_ONCE - 1),
            _at(followers, start + FOLLOWERS_AT_ONCE),
        ]
    )
    if known is None or text(known) != uid:  # the server was emptied, and has numbered everything anew
        return follower_page(key, None, connection, keys)
    if last and _place(before) != last:
        return follower_page(key, _found_again(uid, followers, last, connection), connection, keys)
    return FollowerPage(_resources(found), [uid, start + FOLLOWERS_AT_ONCE, *_place(last_on_page)] if next_ else None)


def _resources(found: Sequence[Any]) -> list[ResourceKey]:
    """What SORT_RO answers: identifiers and object ids in turn, and nothing for a uid that nobody has any more."""
    parts = texts(found) if found else []
    pairs = zip(parts[::2], parts[1::2], strict=True)
    # Three times as fast as a call of the class for each.
    return [*map(tuple.__new__, repeat(ResourceKey), filter(all, pairs) if "" in parts else pairs)]


def _found_again(uid: str, followers: str, last: list[str], connection: Connection) -> Cursor | None:
    """The cursor behind the last one, or before all of that time if he has gone."""
    member, score = last
    rank, found, earlier = connection.run(
        [("ZRANK", followers, member), ("ZSCORE", followers, member), ("ZCOUNT", followers, "-inf", f"({score}")]
    )
    if found is not None and _score(found) == score:
        return [uid, rank + 1, *last]
    if not earlier:
        return None
    (before,) = connection.run([_at(followers, earlier - 1)])
    return [uid, earlier, *_place(before)]


def _at(followers: str, rank: int) -> tuple[Any, ...]:
    return ("ZRANGE", followers, rank, rank, "WITHSCORES")


def _place(answer: Any) -> list[str]:
    """The member and the score at a rank, which one protocol answers as a pair; nothing where nobody is."""
    member, score = (answer[0] if isinstance(answer[0], list) else answer) if answer else (None, None)
    return [] if member is None else [text(member), _score(score)]


def _score(score: Any) -> str:
    return str(round(float(score)))
