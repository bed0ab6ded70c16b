"""Requests: some wait until they are accepted."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from django.db import models
from django.test import override_settings

from sequere.api import (
    ALL,
    accept,
    accept_all,
    block,
    cancel,
    clear,
    count_relations,
    deny,
    follow,
    follow_many,
    get_followers,
    get_followers_count,
    get_followings_count,
    get_pending,
    get_pending_count,
    get_pending_with,
    get_pending_with_count,
    get_relations,
    is_following,
    is_muted,
    is_pending,
    move,
    mute,
    remove_follower,
    suggest,
    unfollow,
    unfollow_many,
)
from sequere.api.relations import LISTS
from sequere.backends.base import get_backend
from sequere.exceptions import (
    AlreadyFollowingException,
    Blocked,
    FollowNotAllowed,
    InvalidEventData,
    NoInstance,
    NotFollowingException,
    NotPending,
    TooManyFollowings,
    UnknownList,
)
from sequere.log.metadata import event_metadata
from sequere.log.models import Event
from sequere.registry import registry
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from sequere.testing import assert_records
from sequere.testing.contracts.base import Contract, at, key_of


class RequestsContract(Contract):
    """Requests, their lists, what closes them, and the policy that asks for them."""

    @contextmanager
    def private(self, instance: models.Model, **policy: bool) -> Iterator[None]:
        """In this block, instances of the same model must accept who follows them, or what `policy` says."""
        options = type(registry.options_for(instance))
        with ExitStack() as patches:
            for name, answer in (policy or {"requires_approval": True}).items():
                patches.enter_context(patch.object(options, name, lambda *_, answer=answer: answer))
            yield

    def ask(self, *followers: models.Model, scope: str = "") -> None:
        with self.private(self.thoas):
            for follower in followers:
                follow(follower, self.thoas, scope=scope)

    def test_a_follow_waits_until_it_is_accepted(self) -> None:
        with self.private(self.thoas), assert_records(("follow_requested", self.newbie, self.thoas)):
            event = follow(self.newbie, self.thoas, message="We have met", timestamp=at(1))
            again = follow(self.newbie, self.thoas, fail_silently=True)

        self.assertEqual(
            [event and event.data, event and event.subject], [{"message": "We have met"}, key_of(self.thoas)]
        )
        self.assertIsNone(again)
        self.assertEqual((is_pending(self.newbie, self.thoas), is_following(self.newbie, self.thoas)), (True, False))
        with assert_records(("followed", self.newbie, self.thoas), ("request_closed", self.newbie, self.thoas)):
            followed = accept(self.thoas, self.newbie)
        self.assertEqual((followed.type, last_cause()), ("followed", "accepted"))
        self.assertEqual((is_pending(self.newbie, self.thoas), is_following(self.newbie, self.thoas)), (False, True))
        self.assertEqual((get_pending_count(self.thoas), get_pending_with_count(self.newbie)), (0, 0))
        self.assertEqual(self.differences("follows"), [])

    def test_a_request_moves_unless_what_it_asks_for_is_there(self) -> None:
        other, another = self.create_users(2)
        self.ask(self.newbie, self.project)
        follow(self.project, other)

        with assert_records(
            ("request_closed", self.newbie, self.thoas, {"cause": "moved"}),
            ("follow_requested", self.newbie, other),
            ("request_closed", self.project, self.thoas),
        ):
            self.assertEqual(move(self.thoas, other), 2)

        self.assertEqual([one for one, _ in get_pending(other)], [self.newbie])
        with self.private(self.thoas):
            follow(another, self.thoas)
        follow(self.thoas, self.project)
        follow(other, self.thoas)
        with assert_records(
            ("unfollowed", self.project, other),
            ("followed", self.project, another),
            ("request_closed", self.newbie, other),
            ("follow_requested", self.newbie, another),
            ("unfollowed", other, self.thoas),
            ("followed", another, self.thoas),
            ("request_closed", another, self.thoas, {"cause": "followed"}),
        ):
            move(other, another)
        self.assertEqual(self.differences("follows"), [])

    def test_who_follows_need_not_ask(self) -> None:
        follow(self.newbie, self.thoas)

        with self.private(self.thoas), assert_records():
            self.assertIsNone(follow(self.newbie, self.thoas, fail_silently=True))
            with self.assertRaises(AlreadyFollowingException):
                follow(self.newbie, self.thoas, fail_silently=False)

    def test_the_lists_and_counts_of_requests(self) -> None:
        other = self.create_user()
        with self.private(self.thoas):
            for minute, one in enumerate((self.newbie, self.project, other)):
                follow(one, self.thoas, timestamp=at(minute))
        first = Event.objects.using(self.using).order_by("pk")[0]

        self.assertEqual(list(get_pending(self.thoas)), [(other, at(2)), (self.project, at(1)), (self.newbie, at(0))])
        self.assertEqual([one for one, _ in get_pending(self.thoas, identifier=self.project_kind)], [self.project])
        self.assertEqual(list(get_pending_with(self.newbie)), [(self.thoas, at(0))])
        self.assertEqual((get_pending_count(self.thoas), get_pending_with_count(self.newbie)), (3, 1))
        self.assertIn(self.project, get_pending(self.thoas))
        self.assertEqual(get_pending_count(self.thoas, as_of=first), 1)
        self.assertEqual(list(get_pending(self.thoas, as_of=first)), [(self.newbie, at(0))])

    def test_a_request_is_closed_once(self) -> None:
        closings: list[tuple[Callable[[], object], str]] = [
            (lambda: deny(self.thoas, self.newbie), "denied"),
            (lambda: cancel(self.newbie, self.thoas), "cancelled"),
            (lambda: unfollow(self.newbie, self.thoas), "cancelled"),
            (lambda: unfollow_many([(self.newbie, self.thoas)]), "cancelled"),
            (lambda: remove_follower(self.thoas, self.newbie), "denied"),
            (lambda: block(self.thoas, self.newbie), "blocked"),
        ]
        for close, cause in closings:
            with self.subTest(cause=cause):
                self.ask(self.newbie)

                close()

                self.assertEqual(last_cause(), cause)
                self.assertFalse(is_pending(self.newbie, self.thoas))
                for again, ends in ((deny, (self.thoas, self.newbie)), (cancel, (self.newbie, self.thoas))):
                    with assert_records(), self.assertRaises(NotPending):
                        again(*ends)
                with assert_records(), self.assertRaises(NotPending):
                    accept(self.thoas, self.newbie)
        self.assertEqual(get_pending_count(self.thoas), 0)
        self.assertEqual(self.differences("follows"), [])

    def test_a_follow_closes_the_request_for_it(self) -> None:
        self.ask(self.newbie)
        self.ask(self.newbie, self.project, scope="watch")

        with assert_records(("followed", self.newbie, self.thoas), ("request_closed", self.newbie, self.thoas)):
            event = follow(self.newbie, self.thoas)
        with assert_records(
            ("followed", self.newbie, self.thoas),
            ("request_closed", self.newbie, self.thoas),
            ("followed", self.project, self.thoas),
            ("request_closed", self.project, self.thoas),
        ):
            new = follow_many([(self.newbie, self.thoas), (self.project, self.thoas)], scope="watch")

        self.assertEqual((event and event.type, last_cause(), new), ("followed", "followed", 2))
        self.assertEqual([get_pending_count(self.thoas, scope=scope) for scope in ("", "watch")], [0, 0])
        self.assertEqual(len(get_followers(self.thoas, scope="watch")), 2)
        self.assertEqual(self.differences("follows"), [])

    def test_scopes_have_requests_of_their_own(self) -> None:
        self.ask(self.newbie, scope="watch")

        self.assertEqual([is_pending(self.newbie, self.thoas, scope=scope) for scope in ("", "watch")], [False, True])
        with self.assertRaises(NotPending):
            accept(self.thoas, self.newbie)
        accept(self.thoas, self.newbie, scope="watch")
        self.assertEqual([is_following(self.newbie, self.thoas, scope=scope) for scope in ("", "watch")], [False, True])
        self.ask(self.project, scope="watch")
        block(self.thoas, self.project)
        self.assertEqual((get_pending_count(self.thoas, scope="watch"), last_cause()), (0, "blocked"))

    def test_the_blocked_cannot_ask(self) -> None:
        block(self.thoas, self.newbie)

        with self.private(self.thoas), assert_records(), self.assertRaises(Blocked):
            follow(self.newbie, self.thoas)
        with self.private(self.thoas), assert_records():
            self.assertEqual(follow_many([(self.newbie, self.thoas)]), 0)

    def test_all_are_accepted(self) -> None:
        with self.private(self.thoas):
            follow(self.newbie, self.thoas, scope="watch")
        self.assertEqual(accept_all(self.thoas, scope="watch"), 1)
        self.ask(self.newbie, self.project)

        self.assertEqual((accept_all(self.thoas), accept_all(self.thoas)), (2, 0))
        self.assertEqual((len(get_followers(self.thoas)), get_pending_count(self.thoas)), (2, 0))
        self.assertEqual(self.differences("follows"), [])

    def test_many_follows_ask_too(self) -> None:
        pairs = [(self.newbie, self.thoas), (key_of(self.project), key_of(self.thoas)), (self.newbie, self.project)]
        with (
            self.private(self.thoas),
            assert_records(
                ("follow_requested", self.newbie, self.thoas),
                ("follow_requested", self.project, self.thoas),
                ("followed", self.newbie, self.project),
            ),
        ):
            new = follow_many(pairs), follow_many(pairs)
        deny(self.thoas, self.newbie)

        self.assertEqual(new, (1, 0))
        with self.private(self.thoas), assert_records(("follow_requested", self.newbie, self.thoas)):
            self.assertEqual((follow_many(pairs, again=False), follow_many(pairs)), (0, 0))
        with self.private(self.thoas):
            self.assertEqual(follow_many(pairs, policy=False), 2)

    def test_what_a_policy_refuses(self) -> None:
        follow(self.project, self.thoas)
        with self.private(self.thoas, allow_follow=False):
            with assert_records(), self.assertRaises(FollowNotAllowed):
                follow(self.newbie, self.thoas, fail_silently=True)
            with assert_records():
                self.assertIsNone(follow(self.project, self.thoas, fail_silently=True))
                self.assertEqual(follow_many([(self.newbie, self.thoas)]), 0)
            with assert_records(("followed", self.newbie, self.thoas)):
                follow(self.newbie, self.thoas, policy=False)

    def test_a_policy_is_asked_about_instances(self) -> None:
        nobody = self.delete(self.create_user())
        asked: list[object] = []

        def requires_approval(_: object, *ends: models.Model) -> bool:
            asked.append(ends)
            return False

        with patch.object(type(registry.options_for(self.thoas)), "requires_approval", requires_approval):
            follow(key_of(self.newbie), key_of(self.thoas))
            with assert_records(), self.assertRaises(NoInstance):
                follow(self.newbie, nobody)
            with assert_records(), self.assertRaises(NoInstance):
                follow_many([(nobody, self.thoas)])

        self.assertEqual(asked, [(self.newbie, self.thoas)])

    def test_nobody_follows_more_than_allowed(self) -> None:
        one, other = self.create_users(2)
        follow(self.newbie, self.thoas)
        with override_settings(SEQUERE_MAX_FOLLOWINGS=2):
            pairs = [(self.newbie, to) for to in (self.thoas, one, other, self.project)]

            self.assertEqual(follow_many(pairs), 1)
            with assert_records(), self.assertRaises(TooManyFollowings):
                follow(self.newbie, other, fail_silently=True)
            with assert_records():
                self.assertIsNone(follow(self.newbie, self.thoas, fail_silently=True))
            follow(self.newbie, other, policy=False)

        self.assertEqual(get_followings_count(self.newbie), 3)

    def test_a_request_is_recorded_once_for_a_key(self) -> None:
        with self.private(self.thoas):
            first = follow(self.newbie, self.thoas, idempotency_key="request 1")
            again = follow(self.newbie, self.thoas, idempotency_key="request 1")

        self.assertEqual((first, first and first.type), (again, "follow_requested"))

    def test_a_message_is_a_text(self) -> None:
        for message in ("\x00", "\ud800", "x" * 1001, 7):
            with self.private(self.thoas), assert_records(), self.assertRaises(InvalidEventData):
                follow(self.newbie, self.thoas, message=message)  # type: ignore[arg-type]

    def test_what_is_asked_for_is_not_suggested(self) -> None:
        other = self.create_user()
        follow(self.newbie, other)
        follow(other, self.thoas)
        self.ask(self.newbie)

        self.assertEqual([one.instance for one in suggest(self.newbie)], [])

    def test_a_deletion_closes_requests(self) -> None:
        self.ask(self.newbie, self.project)

        again = self.create_again(self.newbie)

        self.assertEqual(
            ([one for one, _ in get_pending(self.thoas)], is_pending(again, self.thoas)), ([self.project], False)
        )
        self.assertEqual(self.differences("follows"), [])

    def test_a_resource_clears_its_relations_away(self) -> None:
        other = self.create_user()
        for scope in ("", "watch"):
            follow_many([(self.thoas, other), (self.newbie, self.thoas), (self.newbie, other)], scope=scope)
        self.ask(self.project)
        with self.private(self.project):
            follow(self.thoas, self.project)
        blocked, blocking = self.create_users(2)
        block(self.thoas, blocked)
        block(blocking, self.thoas)
        mute(self.thoas, other)
        mute(other, self.thoas)

        self.assertEqual((clear(self.thoas), clear(self.thoas)), (8, 0))

        left = [count_relations(kind, self.thoas, scope=ALL) for kind in LISTS]
        self.assertEqual(dict(zip(LISTS, left, strict=True)), {**dict.fromkeys(LISTS, 0), "blocked_by": 1})
        self.assertEqual((get_followers_count(other, scope=ALL), is_muted(other, self.thoas)), (2, True))
        closed = Event.objects.using(self.using).of_type("request_closed").order_by("pk")
        self.assertEqual([event.data["cause"] for event in closed], ["cancelled", "denied"])
        self.assertEqual({event.metadata["cause"] for event in closed}, {"cleared"})
        self.assertEqual(self.differences("follows"), [])

    def test_a_list_has_a_name(self) -> None:
        follow(self.newbie, self.thoas, timestamp=at(1), scope="watch")
        block(self.thoas, self.project)

        self.assertEqual(list(get_relations("followers", self.thoas, scope="watch")), [(self.newbie, at(1))])
        self.assertEqual(count_relations("blocked", self.thoas), 1)
        with self.assertRaises(UnknownList):
            get_relations("admirers", self.thoas)

    def test_a_follower_is_removed(self) -> None:
        follow(self.newbie, self.thoas)

        with assert_records(("unfollowed", self.newbie, self.thoas)):
            event = remove_follower(self.thoas, self.newbie)
        with assert_records(), self.assertRaises(NotFollowingException):
            remove_follower(self.thoas, self.newbie, fail_silently=False)
        follow(self.newbie, self.thoas)
        with event_metadata(who="an admin"):
            again = remove_follower(self.thoas, self.newbie)

        said = [one and one.metadata for one in (event, again)]
        self.assertEqual(said, [{"cause": "removed", "who": who} for who in (str(key_of(self.thoas)), "an admin")])

    def test_requests_are_rebuilt(self) -> None:
        self.ask(self.newbie, self.project)
        deny(self.thoas, self.project)
        get_backend().reset(self.using)

        self.assertGreater(verify("follows").wrong, 0)
        rebuild("follows")

        self.assertEqual([one for one, _ in get_pending(self.thoas)], [self.newbie])
        self.assertEqual((get_pending_count(self.thoas), get_pending_with_count(self.newbie)), (1, 1))
        self.assertEqual(self.differences("follows"), [])


def last_cause() -> object:
    """Why the last request was closed."""
    return Event.objects.of_type("request_closed").order_by("pk").reverse()[0].data["cause"]
