"""Mutes: what somebody does not want to hear of, for some time or for good."""

from datetime import timedelta

from django.utils import timezone

from sequere.api import (
    block,
    follow,
    get_muted,
    get_muted_count,
    is_following,
    is_muted,
    mute,
    suggest,
    unmute,
)
from sequere.backends.base import get_backend
from sequere.exceptions import SelfFollowException
from sequere.log.models import Event
from sequere.relations.lasting import end_of
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from sequere.testing import assert_records
from sequere.testing.contracts.base import Contract, at

#: A moment that no test reaches.
LATER = timezone.now() + timedelta(days=365)


class MutesContract(Contract):
    """Mutes, their lists, and their ends."""

    def test_a_mute_changes_no_relation(self) -> None:
        follow(self.thoas, self.newbie)
        follow(self.newbie, self.thoas)

        with assert_records(("muted", self.thoas, self.newbie)):
            event = mute(self.thoas, self.newbie)

        self.assertEqual([event and event.type, event and event.subject], ["muted", event and event.actor])
        self.assertTrue(is_following(self.thoas, self.newbie) and is_following(self.newbie, self.thoas))
        self.assertEqual((is_muted(self.thoas, self.newbie), is_muted(self.newbie, self.thoas)), (True, False))
        self.assertEqual(self.differences("follows"), [])

    def test_the_clock_ends_a_mute(self) -> None:
        mute(self.thoas, self.newbie, at(5), timestamp=at(1))
        mute(self.thoas, self.project, LATER, timestamp=at(2))

        self.assertEqual((is_muted(self.thoas, self.newbie), is_muted(self.thoas, self.project)), (False, True))
        self.assertEqual(list(get_muted(self.thoas)), [(self.project, at(2))])
        self.assertEqual(get_muted(self.thoas).page(1).items, [(self.project, at(2))])
        self.assertEqual((get_muted_count(self.thoas), get_muted(self.thoas).count()), (1, 1))
        self.assertEqual(get_muted_count(self.thoas, identifier=self.user_kind), 0)
        self.assertNotIn(self.newbie, get_muted(self.thoas))
        self.assertEqual(self.differences("follows"), [])

    def test_a_list_without_what_is_over(self) -> None:
        others = self.create_users(6)
        for minute, other in enumerate(others):
            mute(self.thoas, other, None if minute % 3 == 2 else at(minute), timestamp=at(minute))

        lasting = [(others[5], at(5)), (others[2], at(2))]
        muted = get_muted(self.thoas)
        first = muted.page(1)
        self.assertEqual((list(muted), list(muted[1:]), first.items), (lasting, lasting[1:], lasting[:1]))
        self.assertEqual(get_muted(self.thoas).page(1, first.next_cursor).items, lasting[1:])
        self.assertEqual(list(get_muted(self.thoas, desc=False)), lasting[::-1])
        self.assertEqual(list(get_muted(self.thoas).iterator(1)), lasting)

    def test_another_end_replaces_a_mute(self) -> None:
        mute(self.thoas, self.newbie, timestamp=at(1))
        expected = [("unmuted", self.thoas, self.newbie), ("muted", self.thoas, self.newbie)]

        with assert_records(*expected, *expected):
            replaced, again = (mute(self.thoas, self.newbie, LATER, timestamp=at(2)) for _ in range(2))
            mute(self.thoas, self.newbie, at(5))

        self.assertEqual(
            [replaced and end_of(replaced), replaced and replaced.metadata], [LATER, {"cause": "replaced"}]
        )
        self.assertIsNone(again)
        self.assertIsNone(mute(self.thoas, self.newbie, at(5)))
        self.assertFalse(is_muted(self.thoas, self.newbie))
        self.assertEqual(self.differences("follows"), [])

    def test_a_mute_that_is_over_can_begin_again(self) -> None:
        mute(self.thoas, self.newbie, at(5))

        with assert_records(("unmuted", self.thoas, self.newbie), ("muted", self.thoas, self.newbie)):
            mute(self.thoas, self.newbie, timestamp=at(6))

        self.assertEqual(list(get_muted(self.thoas)), [(self.newbie, at(6))])

    def test_an_unmute_ends_a_mute(self) -> None:
        mute(self.thoas, self.newbie, LATER)
        mute(self.thoas, self.project, at(1))

        with assert_records(("unmuted", self.thoas, self.newbie), ("unmuted", self.thoas, self.project)):
            for other in (self.newbie, self.project):
                unmute(self.thoas, other)
                self.assertIsNone(unmute(self.thoas, other))

        self.assertEqual((is_muted(self.thoas, self.newbie), get_muted_count(self.thoas)), (False, 0))
        with self.assertRaises(SelfFollowException):
            mute(self.thoas, self.thoas)

    def test_a_block_leaves_a_mute(self) -> None:
        mute(self.thoas, self.newbie)

        block(self.thoas, self.newbie)

        self.assertTrue(is_muted(self.thoas, self.newbie))

    def test_mutes_some_time_ago(self) -> None:
        over = mute(self.thoas, self.newbie, at(5))
        muted = mute(self.thoas, self.project, LATER)
        unmute(self.thoas, self.project)

        self.assertEqual(is_muted(self.thoas, self.project, as_of=over), False)
        self.assertEqual([one for one, _ in get_muted(self.thoas, as_of=muted)], [self.project])
        self.assertEqual(get_muted_count(self.thoas, as_of=muted), 1)
        self.assertEqual((is_muted(self.thoas, self.newbie, as_of=muted), get_muted_count(self.thoas)), (False, 0))

    def test_nobody_muted_is_suggested(self) -> None:
        others = self.create_users(3)
        follow(self.thoas, self.newbie)
        for other in others:
            follow(self.newbie, other)
        mute(self.thoas, others[0])
        mute(self.thoas, others[1], at(1))

        suggested = [suggestion.instance for suggestion in suggest(self.thoas)]

        self.assertCountEqual(suggested, others[1:])

    def test_a_deletion_ends_the_mutes(self) -> None:
        mute(self.thoas, self.newbie)
        mute(self.project, self.thoas, LATER)

        again = self.create_again(self.thoas)

        self.assertEqual((get_muted_count(again), get_muted_count(self.project)), (0, 0))
        self.assertEqual(self.differences("follows"), [])

    def test_mutes_are_rebuilt(self) -> None:
        mute(self.thoas, self.newbie, LATER, timestamp=at(1))
        mute(self.thoas, self.project, at(5), timestamp=at(2))
        mute(self.newbie, self.project, timestamp=at(3))
        unmute(self.newbie, self.project)
        get_backend().reset(self.using)

        self.assertGreater(verify("follows").wrong, 0)
        rebuild("follows")

        self.assertEqual(list(get_muted(self.thoas)), [(self.newbie, at(1))])
        self.assertEqual((get_muted_count(self.thoas), get_muted_count(self.newbie)), (1, 0))
        self.assertEqual(self.differences("follows"), [])
        self.assertEqual(Event.objects.of_type("muted").count(), 3)
