"""Follows and timelines as plain dicts: what the documentation says, without a database."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

#: The ends of mutes.
OVER, LATER, NEVER = "over", "later", "never"

START = datetime(2013, 10, 25, tzinfo=UTC)


def on(day: int) -> datetime:
    return START + timedelta(days=day)


class Key(NamedTuple):
    identifier: str
    number: int


@dataclass
class PlainAction:
    actor: Key
    target: Key | None
    date: datetime
    order: int
    is_target_gone: bool = False
    is_public: bool = False


@dataclass
class Plain:
    """The expected state, changed step by step as the documentation says."""

    imports: bool
    removes: bool
    #: Who follows whom, with the order of the follows.
    follows: dict[tuple[Key, Key], int] = field(default_factory=dict)
    #: The same in another scope, in which timelines are not interested.
    watches: dict[tuple[Key, Key], int] = field(default_factory=dict)
    blocks: dict[tuple[Key, Key], int] = field(default_factory=dict)
    #: Whom somebody has muted, with the order of the mutes, and whether their time is over.
    mutes: dict[tuple[Key, Key], tuple[int, str]] = field(default_factory=dict)
    #: Who asks to follow whom.
    requests: dict[tuple[Key, Key], int] = field(default_factory=dict)
    actions: dict[str, PlainAction] = field(default_factory=dict)
    #: The reasons of each entry of each private timeline, by owner and uid.
    private: dict[Key, dict[str, set[str]]] = field(default_factory=dict)
    read: dict[Key, datetime] = field(default_factory=dict)
    suspended: set[Key] = field(default_factory=set)
    clock: int = 0

    def tick(self) -> int:
        self.clock += 1
        return self.clock

    def are_apart(self, one: Key, other: Key) -> bool:
        return (one, other) in self.blocks or (other, one) in self.blocks

    def block(self, one: Key, other: Key) -> None:
        if (one, other) in self.blocks:
            return
        for pair in ((one, other), (other, one)):
            self.unfollow(*pair)
            self.unwatch(*pair)
        self.blocks[one, other] = self.tick()

    def unblock(self, one: Key, other: Key) -> None:
        self.blocks.pop((one, other), None)

    def mute(self, one: Key, other: Key, end: str) -> None:
        """The end is OVER, LATER or NEVER."""
        if self.mutes.get((one, other), (0, ""))[1] != end:
            self.mutes[one, other] = self.tick(), end

    def unmute(self, one: Key, other: Key) -> None:
        self.mutes.pop((one, other), None)

    def has_muted(self, one: Key, other: Key | None) -> bool:
        return other is not None and self.mutes.get((one, other), (0, OVER))[1] != OVER

    def muted(self, key: Key) -> list[Key]:
        mine = {other: order for (one, other), (order, _) in self.mutes.items() if one == key}
        return self._newest({other: order for other, order in mine.items() if self.has_muted(key, other)})

    def ask(self, one: Key, other: Key) -> None:
        known = (one, other) in self.follows or (one, other) in self.requests
        if not known and not self.are_apart(one, other):
            self.requests[one, other] = self.tick()

    def close(self, one: Key, other: Key) -> None:
        self.requests.pop((one, other), None)

    def accept(self, one: Key, other: Key) -> None:
        if (other, one) in self.requests:
            self.follow(other, one)

    def clear(self, key: Key) -> None:
        for graph in (self.requests, self.watches):
            for pair in [pair for pair in graph if key in pair]:
                del graph[pair]
        for pair in [pair for pair in self.follows if key in pair]:
            self.unfollow(*pair)
        own: tuple[dict[tuple[Key, Key], Any], ...] = (self.blocks, self.mutes)
        for graph_ in own:
            for pair in [pair for pair in graph_ if pair[0] == key]:
                del graph_[pair]

    def asking(self, key: Key) -> list[Key]:
        """All who ask to follow it, whether they are seen or not."""
        return self._newest({one: order for (one, other), order in self.requests.items() if other == key})

    def pending(self, key: Key) -> list[Key]:
        return self._newest({one: order for (one, other), order in self.seen(self.requests).items() if other == key})

    def pending_with(self, key: Key) -> list[Key]:
        return self._newest({other: order for (one, other), order in self.seen(self.requests).items() if one == key})

    def blocked(self, key: Key) -> list[Key]:
        return self._newest({other: order for (one, other), order in self.blocks.items() if one == key})

    def blocked_by(self, key: Key) -> list[Key]:
        return self._newest({one: order for (one, other), order in self.blocks.items() if other == key})

    def follow(self, one: Key, other: Key) -> None:
        if (one, other) in self.follows or self.are_apart(one, other):
            return
        self.close(one, other)
        self.follows[one, other] = self.tick()
        if self.imports:
            for uid in self.published(other):
                self._add(one, uid, "followed")

    def unfollow(self, one: Key, other: Key) -> None:
        self.close(one, other)
        if self.follows.pop((one, other), None) and self.removes:
            for uid in self.published(other):
                self._take(one, uid, "followed")

    def watch(self, one: Key, other: Key) -> None:
        if (one, other) not in self.watches and not self.are_apart(one, other):
            self.watches[one, other] = self.tick()

    def unwatch(self, one: Key, other: Key) -> None:
        self.watches.pop((one, other), None)

    def save(self, uid: str, owner: Key, actor: Key, target: Key | None, date: datetime) -> None:
        action = self.actions.setdefault(uid, PlainAction(actor, target, date, self.tick()))
        if owner != actor:
            self._add(owner, uid, "direct")
        elif not action.is_public:
            action.is_public = True
            self._add(owner, uid, "own")
            for follower, followed in self.follows:
                if followed == actor:
                    self._add(follower, uid, "followed")

    def delete_action(self, uid: str) -> None:
        self.actions.pop(uid, None)
        for entries in self.private.values():
            entries.pop(uid, None)

    def move(self, old: Key, new: Key) -> None:
        """Relations of old become those of new, with their places in the order; blocks come first."""
        for pair, order in [*self.blocks.items()]:
            if pair[0] == old:
                del self.blocks[pair]
            if old in pair and (moved := _moved(pair, old, new)):
                self.block(*moved)
                self.blocks[moved] = min(order, self.blocks[moved])
        for graph, begin, end in (
            (self.follows, self.follow, self.unfollow),
            (self.watches, self.watch, self.unwatch),
            (self.requests, self.ask, self.close),
        ):
            for pair, order in [(pair, order) for pair, order in graph.items() if old in pair]:
                end(*pair)
                if not (moved := _moved(pair, old, new)) or graph.get(moved, order + 1) < order:
                    continue
                end(*moved)
                begin(*moved)
                if moved in graph:
                    graph[moved] = order
        for pair, (order, until) in [(pair, muted) for pair, muted in self.mutes.items() if pair[0] == old]:
            del self.mutes[pair]
            if until != OVER and (moved := _moved(pair, old, new)):
                is_earlier = self.has_muted(*moved) and self.mutes[moved][0] < order
                self.mutes[moved] = self.mutes[moved] if is_earlier else (order, until)

    def delete(self, gone: Key) -> None:
        graphs: tuple[dict[tuple[Key, Key], Any], ...] = (self.watches, self.blocks, self.mutes, self.requests)
        for graph in graphs:
            for pair in [pair for pair in graph if gone in pair]:
                del graph[pair]
        for pair in [pair for pair in self.follows if gone in pair]:
            del self.follows[pair]
            if self.removes and pair[1] != gone:
                for uid in self.published(pair[1]):
                    self._take(pair[0], uid, "followed")
        for uid in [uid for uid, action in self.actions.items() if action.actor == gone]:
            self.delete_action(uid)
        for action in self.actions.values():
            action.is_target_gone = action.is_target_gone or action.target == gone
        self.suspended.discard(gone)
        self.private.pop(gone, None)
        self.read.pop(gone, None)

    def mark_as_read(self, owner: Key, until: datetime) -> None:
        self.read[owner] = max(until, self.read.get(owner, until))

    # Questions

    def seen(self, graph: dict[tuple[Key, Key], int]) -> dict[tuple[Key, Key], int]:
        """The relations of which no end is suspended."""
        return {pair: order for pair, order in graph.items() if self.suspended.isdisjoint(pair)}

    def graph(self, scope: str) -> dict[tuple[Key, Key], int]:
        return self.seen(self.watches if scope else self.follows)

    def followers(self, key: Key, scope: str = "") -> list[Key]:
        return self._newest({one: order for (one, other), order in self.graph(scope).items() if other == key})

    def followings(self, key: Key, scope: str = "") -> list[Key]:
        return self._newest({other: order for (one, other), order in self.graph(scope).items() if one == key})

    def friends(self, key: Key, scope: str = "") -> list[Key]:
        graph = self.graph(scope)
        both = {
            other: max(order, graph[other, key])
            for (one, other), order in graph.items()
            if one == key and (other, key) in graph
        }
        return self._newest(both)

    def public(self, key: Key) -> list[str]:
        return [] if key in self.suspended else self.published(key)

    def published(self, key: Key) -> list[str]:
        return self._by_date(uid for uid, action in self.actions.items() if action.is_public and action.actor == key)

    def entries(self, key: Key) -> list[str]:
        """What is in the private timeline, whether its owner sees it or not. A follow brings nothing while an end of it
        is suspended."""
        return self._by_date(
            uid
            for uid, reasons in self.private.get(key, {}).items()
            if reasons != {"followed"} or self.suspended.isdisjoint((key, self.actions[uid].actor))
        )

    def timeline(self, key: Key) -> list[tuple[str, frozenset[str]]]:
        entries = self.shown(key)
        return [(uid, frozenset(entries[uid])) for uid in self._by_date(entries)]

    def shown(self, key: Key) -> dict[str, set[str]]:
        return {uid: of for uid, of in self.private.get(key, {}).items() if self.is_shown(key, self.actions[uid])}

    def is_shown(self, owner: Key, action: PlainAction) -> bool:
        if self.are_apart(owner, action.actor) or self.has_muted(owner, action.actor):
            return False
        if not self.suspended.isdisjoint((owner, action.actor)):
            return False
        return action.actor == owner or action.is_target_gone or not self.has_muted(owner, action.target)

    def unread(self, key: Key) -> int:
        read = self.read.get(key)
        return sum(
            "own" not in reasons and (read is None or self.actions[uid].date > read)
            for uid, reasons in self.shown(key).items()
        )

    def _newest(self, ordered: dict[Key, int]) -> list[Key]:
        return sorted(ordered, key=lambda key: (-ordered[key], key))

    def _by_date(self, uids) -> list[str]:
        return sorted(uids, key=lambda uid: (self.actions[uid].date, self.actions[uid].order), reverse=True)

    def _add(self, owner: Key, uid: str, reason: str) -> None:
        self.private.setdefault(owner, {}).setdefault(uid, set()).add(reason)

    def _take(self, owner: Key, uid: str, reason: str) -> None:
        reasons = self.private.get(owner, {}).get(uid, set())
        reasons.discard(reason)
        if not reasons:
            self.private.get(owner, {}).pop(uid, None)


def _moved(pair: tuple[Key, Key], old: Key, new: Key) -> tuple[Key, Key] | None:
    """A relation of old as one of new; None for one between the two."""
    one, other = (new if key == old else key for key in pair)
    return None if one == other else (one, other)
