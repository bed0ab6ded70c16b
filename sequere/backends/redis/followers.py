"""Walking over the followers of a resource, page by page, from where a cursor says.

A page is found by its rank. So a cursor is the uid of the resource, the rank, and who was the last one before it, since
when: if that one is somewhere else by now, the rank is found again by the time.
"""

from collections.abc import Sequence
from typing import Any

from sequere.backends.base import FollowerPage
from sequere.backends.redis.connection import text, texts
from sequere.backends.redis.keys import FOLLOWERS, Keys
from sequere.backends.redis.model import RedisModel
from sequere.base import ResourceKey
from sequere.projectors import Cursor

#: About how many followers there are on a page.
FOLLOWERS_AT_ONCE = 1000
#: A process forgets the uids of those whose followers it has walked over when there are so many.
UIDS_TO_REMEMBER = 10_000


class Followers:
    """The followers of resources, page by page. The uids of those whose first page it has read it remembers."""

    def __init__(self, model: RedisModel, keys: Keys) -> None:
        self._model = model
        self._keys = keys
        self._uids: dict[ResourceKey, str] = {}

    def page(self, key: ResourceKey, cursor: Cursor | None) -> FollowerPage:
        """1 round trip, 1 more for the first page that is read of somebody; up to 4 where somebody before the cursor
        has left meanwhile."""
        uid = cursor[0] if cursor else self._uid(key)
        if uid is None:
            return FollowerPage([], None)
        start: int = cursor[1] if cursor else 0
        last: list[str] = cursor[2:] if cursor else []
        followers, _ = self._keys.set_and_count(uid, FOLLOWERS, None)
        # Nothing is sorted: it is the command that finds the names of many without a script.
        hash_ = self._keys.resource("*")
        names = ("BY", "nosort", "GET", f"{hash_}->identifier", "GET", f"{hash_}->object_id")
        known, before, found, last_on_page, next_ = self._model.read(
            self._to_find(key),
            _at(followers, max(start - 1, 0)),
            ("SORT_RO", followers, "LIMIT", start, FOLLOWERS_AT_ONCE, *names),
            _at(followers, start + FOLLOWERS_AT_ONCE - 1),
            _at(followers, start + FOLLOWERS_AT_ONCE),
        )
        if known is None or text(known) != uid:  # the server was emptied, and has numbered everything anew
            self._uids.pop(key, None)
            return self.page(key, None)
        if last and _place(before) != last:
            return self.page(key, self._found_again(uid, followers, last))
        return FollowerPage(_names(found), [uid, start + FOLLOWERS_AT_ONCE, *_place(last_on_page)] if next_ else None)

    def _uid(self, key: ResourceKey) -> str | None:
        uid = self._uids.get(key)
        if uid is None:
            (known,) = self._model.read(self._to_find(key))
            if known is None:
                return None
            if len(self._uids) >= UIDS_TO_REMEMBER:
                self._uids.clear()
            uid = self._uids[key] = text(known)
        return uid

    def _to_find(self, key: ResourceKey) -> tuple[str, str]:
        return ("GET", self._keys.name(key))

    def _found_again(self, uid: str, followers: str, last: list[str]) -> Cursor | None:
        """The cursor behind the last one, or before all of that time if he has gone."""
        member, score = last
        rank, found, earlier = self._model.read(
            ("ZRANK", followers, member), ("ZSCORE", followers, member), ("ZCOUNT", followers, "-inf", f"({score}")
        )
        if found is not None and _score(found) == score:
            return [uid, rank + 1, *last]
        if not earlier:
            return None
        (before,) = self._model.read(_at(followers, earlier - 1))
        return [uid, earlier, *_place(before)]


def _names(found: Sequence[Any]) -> list[str]:
    """What SORT_RO answers: identifiers and object ids in turn, and nothing for a uid that nobody has any more."""
    parts = texts(found) if found else []
    pairs = zip(parts[::2], parts[1::2], strict=True)
    return [*map(":".join, filter(all, pairs) if "" in parts else pairs)]


def _at(followers: str, rank: int) -> tuple[Any, ...]:
    return ("ZRANGE", followers, rank, rank, "WITHSCORES")


def _place(answer: Any) -> list[str]:
    """The member and the score at a rank, which one protocol answers as a pair; nothing where nobody is."""
    member, score = (answer[0] if isinstance(answer[0], list) else answer) if answer else (None, None)
    return [] if member is None else [text(member), _score(score)]


def _score(score: Any) -> str:
    return str(round(float(score)))
