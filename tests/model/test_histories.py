"""Any history gives the answers of the plain dicts, and so does a rebuild."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import groupby, product
from operator import itemgetter
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from sequere.base import ResourceKey
from sequere.contrib.timeline import Timeline
from sequere.exceptions import Blocked, NotPending
from sequere.models import (
    Event,
    accept,
    accept_all,
    block,
    cancel,
    clear,
    count_relations,
    deny,
    follow,
    follow_many,
    get_blocked,
    get_blocked_by,
    get_blocked_by_count,
    get_blocked_count,
    get_muted,
    get_muted_count,
    get_pending,
    get_pending_count,
    get_pending_with,
    get_pending_with_count,
    get_relations,
    is_following,
    is_muted,
    is_suspended,
    move,
    mute,
    remove_follower,
    resume,
    suspend,
    unblock,
    unfollow,
    unfollow_many,
    unmute,
)
from sequere.registry import registry
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verifiable, verify
from sequere.results import RelationList
from tests.model.plain import LATER, NEVER, OVER, Key, Plain, on
from tests.read_models import empty_read_models, undone
from tests.rounds import TIMES
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction, LikeAction

USERS = [Key("user", number) for number in range(1, 5)]
PROJECTS = [Key("project", number) for number in range(1, 3)]
EVERYTHING = [*USERS, *PROJECTS]
KINDS = ("user", "project")
WATCH = "watch"
#: The lists whose past is asked for.
LISTS = ("followers", "friends", "pending_with", "blocked", "muted")

#: Until when mutes last.
ENDS = {OVER: on(0), LATER: on(36500), NEVER: None}

user, anything, day = st.sampled_from(USERS), st.sampled_from(EVERYTHING), st.integers(0, 5)
pairs = st.lists(st.tuples(user, anything), min_size=1, max_size=6)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("follow"), user, anything),
        st.tuples(st.just("unfollow"), user, anything),
        st.tuples(st.just("watch"), user, anything),
        st.tuples(st.just("unwatch"), user, anything),
        st.tuples(st.just("block"), user, anything),
        st.tuples(st.just("unblock"), user, anything),
        st.tuples(st.just("mute"), user, anything, st.sampled_from([*ENDS])),
        st.tuples(st.just("unmute"), user, anything),
        st.tuples(st.just("ask"), user, anything),
        st.tuples(st.just("accept"), anything, user),
        st.tuples(st.just("accept_all"), anything),
        st.tuples(st.just("deny"), anything, user),
        st.tuples(st.just("cancel"), user, anything),
        st.tuples(st.just("remove_follower"), anything, user),
        st.tuples(st.just("clear"), anything),
        st.tuples(st.just("suspend"), anything),
        st.tuples(st.just("resume"), anything),
        st.tuples(st.just("move"), user, anything),
        st.tuples(st.just("follow_many"), pairs),
        st.tuples(st.just("unfollow_many"), pairs),
        st.tuples(st.just("save"), user, user, st.none() | anything, day),
        st.tuples(st.just("publish"), user, anything, day),
        st.tuples(st.just("save_again"), st.integers(0, 9), user),
        st.tuples(st.just("delete_action"), st.integers(0, 9)),
        st.tuples(st.just("delete"), anything),
        st.tuples(st.just("mark_as_read"), user, day),
    ),
    max_size=25,
)


class Site:
    """The same steps on Sequere and on the plain dicts. A deleted instance comes back when it is needed."""

    def __init__(self, plain: Plain) -> None:
        self.plain = plain
        self.instances: dict[Key, Any] = {}
        self.saved: list[Any] = []
        #: The last event of some time ago, what was true then, and who was deleted since.
        self.past: tuple[Event, dict[str, list[Key]], set[Key]] | None = None
        for key in EVERYTHING:
            self.get(key)

    def get(self, key: Key) -> Any:
        if key not in self.instances:
            model, name = (User, "username") if key.identifier == "user" else (Project, "name")
            self.instances[key] = model.objects.create(pk=key.number, **{name: str(key)})
        return self.instances[key]

    def do(self, step: str, *arguments: Any) -> None:
        getattr(self, step)(*arguments)

    def follow(self, one: Key, other: Key, scope: str = "") -> None:
        if one != other:
            with pytest.raises(Blocked) if self.plain.are_apart(one, other) else nullcontext():
                follow(self.get(one), self.get(other), scope=scope)
            (self.plain.watch if scope else self.plain.follow)(one, other)

    def block(self, one: Key, other: Key) -> None:
        if one != other:
            block(self.get(one), self.get(other))
            self.plain.block(one, other)

    def unblock(self, one: Key, other: Key) -> None:
        if one != other:
            unblock(self.get(one), self.get(other))
            self.plain.unblock(one, other)

    def mute(self, one: Key, other: Key, end: str) -> None:
        if one != other:
            mute(self.get(one), self.get(other), ENDS[end])
            self.plain.mute(one, other, end)

    def unmute(self, one: Key, other: Key) -> None:
        if one != other:
            unmute(self.get(one), self.get(other))
            self.plain.unmute(one, other)

    def ask(self, one: Key, other: Key) -> None:
        if one != other:
            one_, other_ = self.get(one), self.get(other)
            with pytest.raises(Blocked) if self.plain.are_apart(one, other) else nullcontext(), must_be_asked(other_):
                follow(one_, other_)
            self.plain.ask(one, other)

    def accept(self, one: Key, other: Key) -> None:
        if one != other:
            with self.unless_asked(other, one):
                accept(self.get(one), self.get(other))
            self.plain.accept(one, other)

    def accept_all(self, one: Key) -> None:
        askers = self.plain.asking(one)
        assert accept_all(self.get(one)) == len(askers)
        for asker in askers[::-1]:
            self.plain.accept(one, asker)

    def deny(self, one: Key, other: Key) -> None:
        if one != other:
            with self.unless_asked(other, one):
                deny(self.get(one), self.get(other))
            self.plain.close(other, one)

    def cancel(self, one: Key, other: Key) -> None:
        if one != other:
            with self.unless_asked(one, other):
                cancel(self.get(one), self.get(other))
            self.plain.close(one, other)

    def unless_asked(self, one: Key, other: Key) -> AbstractContextManager[Any]:
        return nullcontext() if (one, other) in self.plain.requests else pytest.raises(NotPending)

    def remove_follower(self, one: Key, other: Key) -> None:
        if one != other:
            remove_follower(self.get(one), self.get(other))
            self.plain.unfollow(other, one)

    def suspend(self, one: Key) -> None:
        assert bool(suspend(self.get(one))) is (one not in self.plain.suspended)
        self.plain.suspended.add(one)

    def resume(self, one: Key) -> None:
        assert bool(resume(self.get(one))) is (one in self.plain.suspended)
        self.plain.suspended.discard(one)

    def clear(self, one: Key) -> None:
        clear(self.get(one))
        self.plain.clear(one)

    def move(self, old: Key, new: Key) -> None:
        if old != new:
            move(self.get(old), self.get(new))
            self.plain.move(old, new)

    def unfollow(self, one: Key, other: Key) -> None:
        if one != other:
            unfollow(self.get(one), self.get(other))
            self.plain.unfollow(one, other)

    def watch(self, one: Key, other: Key) -> None:
        self.follow(one, other, WATCH)

    def unwatch(self, one: Key, other: Key) -> None:
        if one != other:
            unfollow(self.get(one), self.get(other), scope=WATCH)
            self.plain.unwatch(one, other)

    def follow_many(self, given: list[tuple[Key, Key]]) -> None:
        chosen = [pair for pair in given if pair[0] != pair[1]]
        follow_many((self.get(one), self.get(other)) for one, other in chosen)
        for pair in chosen:
            self.plain.follow(*pair)

    def unfollow_many(self, given: list[tuple[Key, Key]]) -> None:
        chosen = [pair for pair in given if pair[0] != pair[1]]
        unfollow_many((self.get(one), self.get(other)) for one, other in chosen)
        for pair in chosen:
            self.plain.unfollow(*pair)

    def publish(self, actor: Key, target: Key, on_day: int) -> None:
        self.save(actor, actor, target, on_day)

    def save(self, actor: Key, owner: Key, target: Key | None, on_day: int) -> None:
        date = on(on_day)
        values: dict[str, Any] = {"actor": self.get(actor), "date": date}
        action = JoinAction(**values) if target is None else LikeAction(target=self.get(target), **values)
        Timeline(self.get(owner)).save(action)
        self.saved.append((action, actor, target))
        self.plain.save(action.uid, owner, actor, target, action.date)

    def save_again(self, number: int, owner: Key) -> None:
        for action, actor, target in self.saved[number : number + 1]:
            if action.uid in self.plain.actions:  # otherwise another instance has the key of its actor
                Timeline(self.get(owner)).save(action)
                self.plain.save(action.uid, owner, actor, target, action.date)

    def delete_action(self, number: int) -> None:
        for action, actor, _ in self.saved[number : number + 1]:
            Timeline(self.get(actor)).delete(action)
            self.plain.delete_action(action.uid)

    def delete(self, key: Key) -> None:
        self.get(key)
        self.instances.pop(key).delete()
        self.plain.delete(key)
        if self.past:
            self.past[2].add(key)

    def remember(self) -> None:
        last = Event.objects.order_by("pk").last()
        if last is not None:
            true = {f"{what} {key}": getattr(self.plain, what)(key) for what, key in product(LISTS, EVERYTHING)}
            self.past = last, true, set()

    def answers_about_the_past(self) -> dict[str, tuple[list[Key], int]]:
        """Those who were deleted since are hidden, but count."""
        if self.past is None:
            return {}
        asked = {"as_of": self.past[0]}
        return {
            f"{what} {key}": (
                _by_time(get_relations(what, self.get(key), **asked)),
                count_relations(what, self.get(key), **asked),
            )
            for what, key in product(LISTS, EVERYTHING)
        }

    def expected_of_the_past(self) -> dict[str, tuple[list[Key], int]]:
        _, true, gone = self.past or (None, {}, set())
        return {name: ([key for key in keys if key not in gone], len(keys)) for name, keys in true.items()}

    def mark_as_read(self, owner: Key, until: int) -> None:
        Timeline(self.get(owner)).mark_as_read(on(until))
        self.plain.mark_as_read(owner, on(until))

    def answers(self, *, capped: bool) -> dict[str, Any]:
        return {str(key): self._answers_about(key, self.get(key), capped) for key in EVERYTHING}

    def expected(self, *, capped: bool) -> dict[str, Any]:
        return {str(key): self._expected_about(key, capped) for key in EVERYTHING}

    def _answers_about(self, key: Key, instance: Any, capped: bool) -> dict[str, Any]:
        timeline = Timeline(instance)
        answers: dict[str, Any] = {
            "follows": [other for other in EVERYTHING if is_following(instance, self.get(other))],
            "is suspended": is_suspended(instance),
            "public": [action.uid for action in timeline.get_public()],
            "read at": timeline.read_at,
            "private": [(action.uid, action.reasons) for action in timeline.get_private()],
            "private count": timeline.get_private_count(),
            "unread": timeline.get_unread_count(),
            "pending": [_key(other) for other, _ in get_pending(instance)],
            "pending with": [_key(other) for other, _ in get_pending_with(instance)],
            "asks": (get_pending_count(instance), get_pending_with_count(instance)),
            "blocked": _by_time(get_blocked(instance)),
            "blocked by": _by_time(get_blocked_by(instance)),
            "blocks": (get_blocked_count(instance), get_blocked_by_count(instance)),
            "muted": [_key(other) for other, _ in get_muted(instance)],
            "has muted": [other for other in EVERYTHING if is_muted(instance, self.get(other))],
            "mutes": get_muted_count(instance),
            "targets": [
                (action.target_deleted, action.target and _key(action.target)) for action in timeline.get_private()
            ],
        }
        for what, scope in product(("followers", "followings", "friends"), ("", WATCH)):
            get, count = getattr(instance, f"get_{what}"), getattr(instance, f"get_{what}_count")
            name = f"{what} {scope}"
            answers[name] = [_key(other) for other, _ in get(scope=scope)]
            answers[f"{name}, oldest first"] = [_key(other) for other, _ in get(desc=False, scope=scope)]
            answers[f"{name} counts"] = tuple(count(identifier=kind, scope=scope) for kind in (None, *KINDS))
        if capped:
            # The timeline is right from its own oldest entry upwards.
            kept = len(answers["private"])
            assert answers["private"] == self.plain.timeline(key)[:kept]
            for name in ("private", "private count", "unread", "targets"):
                del answers[name]
        return answers

    def _expected_about(self, key: Key, capped: bool) -> dict[str, Any]:
        plain = self.plain
        timeline = plain.timeline(key)
        actions = [plain.actions[uid] for uid, _ in timeline]
        expected: dict[str, Any] = {
            "follows": [other for other in EVERYTHING if (key, other) in plain.graph("")],
            "is suspended": key in plain.suspended,
            "public": plain.public(key),
            "read at": plain.read.get(key),
            "pending": plain.pending(key),
            "pending with": plain.pending_with(key),
            "asks": (len(plain.pending(key)), len(plain.pending_with(key))),
            "blocked": plain.blocked(key),
            "blocked by": plain.blocked_by(key),
            "blocks": (len(plain.blocked(key)), len(plain.blocked_by(key))),
            "muted": plain.muted(key),
            "has muted": [other for other in EVERYTHING if plain.has_muted(key, other)],
            "mutes": len(plain.muted(key)),
        }
        if not capped:
            expected |= {
                "private": timeline,
                "private count": len(timeline),
                "unread": plain.unread(key),
                "targets": [
                    (action.is_target_gone, None if action.is_target_gone else action.target) for action in actions
                ],
            }
        for what, scope in product(("followers", "followings", "friends"), ("", WATCH)):
            name, keys = f"{what} {scope}", getattr(plain, what)(key, scope)
            expected[name] = keys
            expected[f"{name}, oldest first"] = keys[::-1]
            kinds = [sum(other.identifier == kind for other in keys) for kind in KINDS]
            expected[f"{name} counts"] = (len(keys), *kinds)
        return expected


@contextmanager
def must_be_asked(instance: Any) -> Iterator[None]:
    """In this block, instances of the same model accept who follows them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(registry.options_for(instance)), "requires_approval", lambda *_: True)
        yield


def _key(instance: Any) -> Key:
    return Key("user" if isinstance(instance, User) else "project", instance.pk)


def _by_time(relations: RelationList) -> list[Key]:
    """The keys in a list; those of the same moment, since blocks are copied with their dates, in their own order."""
    return [key for _, some in groupby(relations, itemgetter(1)) for key in sorted(_key(one) for one, _ in some)]


def _wrong() -> int:
    return sum(verify(name).wrong for name in verifiable())


@pytest.mark.django_db
@given(history=steps, imports=st.booleans(), removes=st.booleans(), cap=st.none() | st.integers(1, 3))
@settings(max_examples=9 * TIMES)
def test_any_history_and_its_rebuild_give_the_answers_of_the_plain_dicts(
    history: list[tuple[Any, ...]], imports: bool, removes: bool, cap: int | None
) -> None:
    chosen = {
        "SEQUERE_TIMELINE_IMPORT_ACTIONS_ON_FOLLOW": imports,
        "SEQUERE_TIMELINE_REMOVE_ACTIONS_ON_UNFOLLOW": removes,
        "SEQUERE_TIMELINE_MAX_LENGTH": cap,
    }
    capped = cap is not None
    with override_settings(**chosen), undone():
        site = Site(Plain(imports, removes))
        for number, step in enumerate(history):
            if number == len(history) // 2:
                site.remember()
            site.do(*step)

        assert site.answers(capped=capped) == site.expected(capped=capped)
        assert site.answers_about_the_past() == site.expected_of_the_past()
        assert _wrong() == 0

        empty_read_models()
        for name in verifiable():
            rebuild(name)
        assert site.answers(capped=capped) == site.expected(capped=capped)
        assert _wrong() == 0


@pytest.mark.django_db
def test_a_key_stands_for_a_deleted_instance() -> None:
    thoas, newbie = User.objects.create(username="thoas"), User.objects.create(username="newbie")
    key = ResourceKey("user", str(newbie.pk))
    follow(newbie, thoas)

    newbie.delete()

    assert not is_following(key, thoas)
    assert list(Timeline(key).get_private()) == []
