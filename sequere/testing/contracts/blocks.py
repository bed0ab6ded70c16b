"""Blocks: neither of two can follow the other."""

from sequere.api import (
    block,
    follow,
    follow_many,
    get_blocked,
    get_blocked_by,
    get_blocked_by_count,
    get_blocked_count,
    get_followers_count,
    get_friends_count,
    is_blocked,
    is_blocked_by,
    is_following,
    suggest,
    unblock,
    unfollow,
)
from sequere.backends.base import get_backend
from sequere.exceptions import Blocked, SelfFollowException
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from sequere.testing import assert_records
from sequere.testing.contracts.base import Contract, at


class BlocksContract(Contract):
    """Blocks, their lists, and what they end and refuse."""

    def test_a_block_ends_all_follows_between_the_two(self) -> None:
        for one, other, scope in (
            (self.thoas, self.newbie, ""),
            (self.newbie, self.thoas, ""),
            (self.newbie, self.thoas, "watch"),
            (self.newbie, self.project, ""),
        ):
            follow(one, other, scope=scope)

        with assert_records(
            ("blocked", self.thoas, self.newbie),
            ("unfollowed", self.thoas, self.newbie),
            ("unfollowed", self.newbie, self.thoas),
            ("unfollowed", self.newbie, self.thoas),
        ):
            event = block(self.thoas, self.newbie)

        self.assertEqual([event and event.type, event and event.subject], ["blocked", event and event.actor])
        self.assertEqual([is_following(self.newbie, self.thoas, scope=scope) for scope in ("", "watch")], [False] * 2)
        self.assertEqual((get_friends_count(self.thoas), get_followers_count(self.project)), (0, 1))
        self.assertEqual(self.differences("follows"), [])

    def test_neither_can_follow_the_other(self) -> None:
        block(self.thoas, self.newbie)

        for one, other in ((self.thoas, self.newbie), (self.newbie, self.thoas)):
            for scope in ("", "watch"):
                with self.subTest(one=one, scope=scope), assert_records(), self.assertRaises(Blocked):
                    follow(one, other, scope=scope, fail_silently=True)
                with self.assertRaises(Blocked):
                    follow(one, other, scope=scope, idempotency_key="request 1")
        self.assertFalse(is_following(self.newbie, self.thoas))

    def test_many_follows_leave_out_the_blocked(self) -> None:
        block(self.thoas, self.newbie)
        pairs = [(self.thoas, self.newbie), (self.newbie, self.thoas), (self.newbie, self.project)]

        with assert_records(("followed", self.newbie, self.project)):
            new = follow_many(pairs), follow_many(pairs, again=False)

        self.assertEqual(new, (1, 0))

    def test_the_lists_and_counts_of_blocks(self) -> None:
        block(self.thoas, self.newbie, timestamp=at(1))
        block(self.thoas, self.project, timestamp=at(2))
        block(self.project, self.thoas, timestamp=at(3))

        self.assertEqual(list(get_blocked(self.thoas)), [(self.project, at(2)), (self.newbie, at(1))])
        self.assertEqual(list(get_blocked_by(self.thoas)), [(self.project, at(3))])
        self.assertEqual([one for one, _ in get_blocked(self.thoas, identifier=self.user_kind)], [self.newbie])
        self.assertEqual((get_blocked_count(self.thoas), get_blocked_by_count(self.thoas)), (2, 1))
        self.assertIn(self.newbie, get_blocked(self.thoas))
        asked = [(self.thoas, self.newbie), (self.newbie, self.thoas)]
        self.assertEqual([is_blocked(*pair) for pair in asked], [True, False])
        self.assertEqual([is_blocked_by(*pair) for pair in asked], [False, True])

    def test_nobody_blocked_is_suggested(self) -> None:
        """Nor who has blocked the one that looks."""
        others = self.create_users(3)
        follow_many([(self.thoas, self.newbie), *((self.newbie, other) for other in others)])
        block(self.thoas, others[0])
        block(others[1], self.thoas)

        self.assertEqual([suggestion.instance for suggestion in suggest(self.thoas)], [others[2]])

    def test_a_second_block_changes_nothing(self) -> None:
        block(self.thoas, self.newbie, timestamp=at(1))

        with assert_records():
            again = block(self.thoas, self.newbie, timestamp=at(2)), unblock(self.newbie, self.thoas)

        self.assertEqual(again, (None, None))
        self.assertEqual(list(get_blocked(self.thoas)), [(self.newbie, at(1))])
        with self.assertRaises(SelfFollowException):
            block(self.thoas, self.thoas)

    def test_after_an_unblock_they_may_follow_again(self) -> None:
        follow(self.newbie, self.thoas)
        block(self.thoas, self.newbie)

        with assert_records(("unblocked", self.thoas, self.newbie)):
            unblock(self.thoas, self.newbie)

        self.assertFalse(is_following(self.newbie, self.thoas))
        self.assertEqual((get_blocked_count(self.thoas), is_blocked(self.thoas, self.newbie)), (0, False))
        self.assertIsNotNone(follow(self.newbie, self.thoas))
        self.assertIsNotNone(unfollow(self.newbie, self.thoas))

    def test_a_deletion_ends_the_blocks(self) -> None:
        block(self.thoas, self.newbie)
        block(self.project, self.thoas)

        again = self.create_again(self.thoas)

        self.assertEqual((get_blocked_by_count(self.newbie), get_blocked_count(self.project)), (0, 0))
        self.assertIsNotNone(follow(self.newbie, again))
        self.assertEqual(self.differences("follows"), [])

    def test_blocks_are_rebuilt(self) -> None:
        block(self.thoas, self.newbie, timestamp=at(1))
        block(self.newbie, self.thoas, timestamp=at(2))
        block(self.thoas, self.project)
        unblock(self.thoas, self.project)
        get_backend().reset(self.using)

        self.assertGreater(verify("follows").wrong, 0)
        rebuild("follows")

        self.assertEqual(list(get_blocked(self.thoas)), [(self.newbie, at(1))])
        self.assertEqual(list(get_blocked_by(self.thoas)), [(self.newbie, at(2))])
        self.assertEqual(get_blocked_count(self.thoas), 1)
        self.assertEqual(self.differences("follows"), [])
