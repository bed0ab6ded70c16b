"""What owners of timelines do not see of others."""

from sequere.api import block, follow, unblock
from sequere.replay.rebuilding import rebuild
from sequere_timeline.backends.base import get_backend
from sequere_timeline.testing.contracts.base import Likes, TimelineContract, save
from sequere_timeline.timeline import Timeline


class HiddenContract(TimelineContract):
    """A block hides each from the other."""

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
