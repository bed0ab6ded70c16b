"""Moving the relations of one resource to another one."""

from datetime import timedelta

from django.utils import timezone

from sequere.api import (
    block,
    follow,
    get_blocked,
    get_blocked_by,
    get_followers,
    get_followings,
    get_friends,
    get_muted,
    is_blocked,
    is_following,
    is_muted,
    move,
    mute,
)
from sequere.exceptions import Blocked, SelfFollowException
from sequere.log.models import Event
from sequere.testing import assert_records
from sequere.testing.contracts.base import Contract, at


class MovesContract(Contract):
    """What moves from `thoas` to `newbie`."""

    def test_follows_move_with_their_dates(self) -> None:
        follow(self.thoas, self.project, timestamp=at(1))
        follow(self.project, self.thoas, timestamp=at(2))
        follow(self.project, self.thoas, timestamp=at(3), scope="watch")

        with assert_records(
            ("unfollowed", self.thoas, self.project),
            ("followed", self.newbie, self.project),
            ("unfollowed", self.project, self.thoas),
            ("followed", self.project, self.newbie),
            ("unfollowed", self.project, self.thoas),
            ("followed", self.project, self.newbie),
        ):
            self.assertEqual(move(self.thoas, self.newbie), 3)

        causes = [event.metadata.get("cause") for event in Event.objects.order_by("-pk")[:7]]
        self.assertEqual(causes, ["moved"] * 6 + [None])
        self.assertEqual(list(get_followings(self.newbie)), [(self.project, at(1))])
        self.assertEqual(list(get_followers(self.newbie, scope="watch")), [(self.project, at(3))])
        self.assertEqual(list(get_friends(self.newbie)), [(self.project, at(2))])
        self.assertEqual((list(get_followings(self.thoas)), list(get_followers(self.thoas))), ([], []))
        self.assertEqual((move(self.thoas, self.newbie), self.differences("follows")), (0, []))

    def test_the_earlier_of_two_stays(self) -> None:
        other, another = self.create_users(2)
        for followed, minutes in ((other, (1, 2)), (another, (4, 3))):
            for follower, minute in zip((self.thoas, self.newbie), minutes, strict=True):
                follow(follower, followed, timestamp=at(minute))

        self.assertEqual(move(self.thoas, self.newbie), 2)

        self.assertEqual(list(get_followings(self.newbie)), [(another, at(3)), (other, at(1))])
        self.assertEqual(list(get_followers(other)), [(self.newbie, at(1))])
        self.assertEqual(self.differences("follows"), [])

    def test_a_relation_to_oneself_ends(self) -> None:
        follow(self.thoas, self.newbie)
        follow(self.newbie, self.thoas, scope="watch")
        mute(self.thoas, self.newbie)

        with assert_records(
            ("unfollowed", self.thoas, self.newbie),
            ("unfollowed", self.newbie, self.thoas),
            ("unmuted", self.thoas, self.newbie),
        ):
            self.assertEqual(move(self.thoas, self.newbie), 3)

        self.assertEqual(self.differences("follows"), [])
        with self.assertRaises(SelfFollowException):
            move(self.thoas, self.thoas)

    def test_a_block_wins(self) -> None:
        other, another = self.create_users(2)
        follow(self.thoas, other)
        follow(another, self.thoas)
        block(other, self.newbie)
        block(self.newbie, another)

        self.assertEqual(move(self.thoas, self.newbie), 2)

        self.assertFalse(is_following(self.newbie, other) or is_following(another, self.newbie))
        self.assertEqual((list(get_followings(self.thoas)), list(get_followers(self.thoas))), ([], []))
        self.assertEqual(self.differences("follows"), [])

    def test_blocks_move_and_those_of_others_are_recorded_again(self) -> None:
        other = self.create_user()
        block(self.thoas, self.project, timestamp=at(1))
        block(other, self.thoas, timestamp=at(2))
        follow(self.newbie, other)
        follow(self.project, self.newbie, scope="watch")

        self.assertEqual(move(self.thoas, self.newbie), 2)

        self.assertEqual(list(get_blocked(self.newbie)), [(self.project, at(1))])
        self.assertEqual(list(get_blocked_by(self.newbie)), [(other, at(2))])
        self.assertEqual((is_blocked(self.thoas, self.project), is_blocked(other, self.thoas)), (False, True))
        self.assertFalse(is_following(self.newbie, other) or is_following(self.project, self.newbie, scope="watch"))
        with self.assertRaises(Blocked):
            follow(self.newbie, other)
        self.assertEqual((move(self.thoas, self.newbie), self.differences("follows")), (0, []))

    def test_its_own_mutes_move_with_their_ends(self) -> None:
        later = timezone.now() + timedelta(days=365)
        other, another = self.create_users(2)
        mute(self.thoas, self.project, later, timestamp=at(1))
        mute(self.thoas, other, at(5))
        mute(self.thoas, another, later, timestamp=at(4))
        mute(self.newbie, another, at(5), timestamp=at(3))
        mute(self.project, self.thoas)

        self.assertEqual(move(self.thoas, self.newbie), 3)

        self.assertEqual(list(get_muted(self.newbie)), [(another, at(4)), (self.project, at(1))])
        self.assertEqual((list(get_muted(self.thoas)), is_muted(self.newbie, other)), ([], False))
        self.assertEqual((is_muted(self.project, self.thoas), is_muted(self.project, self.newbie)), (True, False))
        self.assertEqual(self.differences("follows"), [])
