"""What owners of timelines do not see of others."""

from datetime import timedelta

from django.utils import timezone

from sequere.api import block, follow, mute, unblock, unmute
from sequere.replay.rebuilding import rebuild
from sequere_timeline.backends.base import get_backend
from sequere_timeline.testing.contracts.base import Likes, TimelineContract, october, save
from sequere_timeline.timeline import Timeline


class HiddenContract(TimelineContract):
    """A block hides each from the other, a mute what somebody does, and what is done to it."""

    def test_a_block_hides_what_the_other_did(self) -> None:
        follow(self.thoas, self.newbie)
        save(self.newbie, 1)
        save(self.newbie, 2, into=self.thoas)
        save(self.thoas, 3, into=self.newbie)
        save(self.thoas, 4)
        save(self.project, 5, self.newbie, into=self.thoas)

        block(self.thoas, self.newbie)

        self.assertEqual((self.days(self.thoas), self.days(self.newbie)), ([4, 5], [1]))
        timeline = Timeline(self.thoas)
        self.assertEqual([action.date.day for action in timeline.get_private().page(1)], [5])
        self.assertEqual(timeline.get_private_count(action=Likes), 0)
        self.assertEqual((timeline.get_unread_count(), Timeline(self.newbie).get_unread_count()), (1, 0))
        self.assertEqual([action.date.day for action in self.public(self.newbie)], [1])
        self.assert_they_are_what_the_log_says()

    def test_an_unblock_shows_what_has_another_reason(self) -> None:
        follow(self.thoas, self.newbie)
        save(self.newbie, 1)
        save(self.newbie, 2, into=self.thoas)
        block(self.newbie, self.thoas)
        save(self.newbie, 3, into=self.thoas)
        hidden = self.days(self.thoas)

        unblock(self.newbie, self.thoas)

        self.assertEqual((hidden, self.days(self.thoas)), ([], [2, 3]))
        self.assertEqual(Timeline(self.thoas).get_unread_count(), 2)
        self.assert_they_are_what_the_log_says()

    def test_a_block_hides_after_a_rebuild_too(self) -> None:
        save(self.newbie, 1, into=self.thoas)
        save(self.newbie, 2, into=self.project)
        block(self.thoas, self.newbie)
        block(self.newbie, self.project)
        unblock(self.newbie, self.project)
        get_backend().reset(self.using)

        rebuild("timelines")

        self.assertEqual((self.days(self.thoas), self.days(self.project)), ([], [2]))
        self.assert_they_are_what_the_log_says()

    def test_a_block_that_was_missed_is_found(self) -> None:
        save(self.newbie, 1, into=self.thoas)
        with self.unheard():
            block(self.thoas, self.newbie)

        rebuild("follows")
        rebuild("timelines")

        self.assertEqual(self.days(self.thoas), [])
        self.assert_they_are_what_the_log_says()

    def test_a_block_of_one_who_is_gone_hides_nothing_of_the_next(self) -> None:
        block(self.thoas, self.newbie)

        again = self.create_again(self.newbie)
        save(again, 1, into=self.thoas)

        self.assertEqual(self.days(self.thoas), [1])
        self.assert_they_are_what_the_log_says()

    def test_a_mute_hides_what_one_does_and_what_is_done_to_it(self) -> None:
        (other,) = self.create_users(1)
        for followed in (self.newbie, other):
            follow(self.thoas, followed)
        save(self.newbie, 1)
        save(self.newbie, 2, other, into=self.thoas, kind=Likes)
        save(other, 3, self.newbie, kind=Likes)
        save(other, 4, self.project, kind=Likes)
        save(other, 5)
        save(self.thoas, 6, self.newbie, kind=Likes)
        save(self.thoas, 7, into=self.newbie)

        mute(self.thoas, self.newbie)

        self.assertEqual((self.days(self.thoas), self.days(self.newbie)), ([4, 5, 6], [1, 7]))
        timeline = Timeline(self.thoas)
        page = timeline.get_private().page(2)
        rest = timeline.get_private().page(2, page.next_cursor)
        self.assertEqual([[one.date.day for one in some] for some in (page, rest)], [[6, 5], [4]])
        self.assertEqual((timeline.get_private_count(action=Likes), timeline.get_unread_count()), (2, 2))
        self.assertEqual((timeline.get_private_count(target=self.newbie), timeline.get_unread_count(limit=1)), (1, 1))
        self.assertEqual(timeline.get_unread_count(action=Likes), 1)
        self.assertEqual([action.date.day for action in self.public(self.newbie)], [1])
        unmute(self.thoas, self.newbie)
        self.assertEqual((self.days(self.thoas), timeline.get_unread_count()), ([1, 2, 3, 4, 5, 6], 5))
        self.assert_they_are_what_the_log_says()

    def test_a_mute_hides_until_its_end(self) -> None:
        later = timezone.now() + timedelta(days=365)
        save(self.newbie, 1, into=self.thoas)
        save(self.project, 2, into=self.thoas)
        mute(self.thoas, self.newbie, october(5))
        before = self.days(self.thoas)
        mute(self.thoas, self.project, later)
        between = self.days(self.thoas)

        mute(self.thoas, self.newbie, later)

        self.assertEqual((before, between, self.days(self.thoas)), ([1, 2], [1], []))
        mute(self.thoas, self.project, october(5))
        self.assertEqual((self.days(self.thoas), Timeline(self.thoas).get_unread_count()), ([2], 1))
        self.assert_they_are_what_the_log_says()

    def test_what_is_muted_keeps_its_place_under_a_cap(self) -> None:
        self.configure(MAX_LENGTH=3)
        follow(self.thoas, self.newbie)
        follow(self.thoas, self.project)
        mute(self.thoas, self.newbie)
        save(self.project, 1)
        for day in (2, 3, 4):
            save(self.newbie, day)
        muted = self.days(self.thoas)

        unmute(self.thoas, self.newbie)

        self.assertEqual((muted, self.days(self.thoas)), ([], [2, 3, 4]))
        self.assert_they_are_what_the_log_says()

    def test_a_block_and_a_mute_hide_together(self) -> None:
        follow(self.thoas, self.newbie)
        save(self.newbie, 1, into=self.thoas)
        save(self.project, 2, self.newbie, into=self.thoas, kind=Likes)
        mute(self.thoas, self.newbie)
        block(self.newbie, self.thoas)
        both = self.days(self.thoas)
        unmute(self.thoas, self.newbie)
        blocked = self.days(self.thoas)

        unblock(self.newbie, self.thoas)

        self.assertEqual((both, blocked, self.days(self.thoas)), ([], [2], [1, 2]))
        self.assert_they_are_what_the_log_says()

    def test_mutes_are_known_after_a_rebuild(self) -> None:
        later = timezone.now() + timedelta(days=365)
        again = self.create_again(self.project)
        save(self.newbie, 1, into=self.thoas)
        save(self.newbie, 2, again, into=self.thoas, kind=Likes)
        save(self.newbie, 3, again, into=self.newbie, kind=Likes)
        with self.unheard():
            mute(self.thoas, again, later)
            mute(self.newbie, self.thoas, october(5))

        rebuild("follows")
        rebuild("timelines")

        self.assertEqual((self.days(self.thoas), self.days(self.newbie)), ([1], [3]))
        self.assert_they_are_what_the_log_says()

    def test_a_mute_of_one_who_is_gone_hides_nothing_of_the_next(self) -> None:
        save(self.newbie, 1, self.project, into=self.thoas, kind=Likes)
        mute(self.thoas, self.project)

        again = self.create_again(self.project)
        save(self.newbie, 2, again, into=self.thoas, kind=Likes)
        save(again, 3, into=self.thoas)
        gone = self.days(self.thoas)
        mute(self.thoas, again)

        self.assertEqual((gone, self.days(self.thoas)), ([1, 2, 3], [1]))
        self.assert_they_are_what_the_log_says()
