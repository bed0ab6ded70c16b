"""SEQUERE_TIMELINE_MAX_LENGTH: the maximum length of a private timeline."""

from django.db import models

from sequere.api import follow, follow_many, unfollow
from sequere.replay.rebuilding import rebuild
from sequere_timeline.actions import Action
from sequere_timeline.testing.contracts.base import Likes, TimelineContract, october, save
from sequere_timeline.timeline import Timeline


def save_days(actor: models.Model, *days: int) -> list[Action]:
    return [save(actor, day) for day in days]


class CapContract(TimelineContract):
    """The newest entries are kept."""

    def test_without_a_cap_everything_is_kept(self) -> None:
        self.configure(MAX_LENGTH=None)
        follow(self.newbie, self.thoas)

        save_days(self.thoas, *range(1, 31))

        self.assertEqual([self.days(one) for one in (self.newbie, self.thoas)], [[*range(1, 31)]] * 2)

    def test_a_timeline_keeps_the_newest_entries(self) -> None:
        """It is trimmed when it grows."""
        self.configure(MAX_LENGTH=3)
        follow(self.newbie, self.thoas)

        save_days(self.thoas, *range(1, 11))

        self.assertEqual([self.days(one) for one in (self.newbie, self.thoas)], [[8, 9, 10]] * 2)

    def test_a_public_timeline_has_no_cap(self) -> None:
        self.configure(MAX_LENGTH=3)

        save_days(self.thoas, *range(1, 11))

        self.assertEqual(len(self.public(self.thoas)), 10)

    def test_what_is_older_than_all_that_is_kept_does_not_come_in(self) -> None:
        self.configure(MAX_LENGTH=3)
        follow(self.newbie, self.thoas)
        save_days(self.thoas, 11, 12, 13, 14)

        save(self.thoas, 10)
        save(self.newbie, 9)

        self.assertEqual([self.days(one) for one in (self.newbie, self.thoas)], [[12, 13, 14]] * 2)

    def test_a_backfill_of_any_length_stays_bounded(self) -> None:
        """An import respects the cap too."""
        self.configure(MAX_LENGTH=3)
        save_days(self.thoas, *range(1, 31))

        follow(self.newbie, self.thoas)

        self.assertEqual(self.days(self.newbie), [28, 29, 30])

    def test_an_import_goes_between_what_is_there(self) -> None:
        self.configure(MAX_LENGTH=3)
        save_days(self.thoas, 1, 10, 20)
        save_days(self.project, 5, 15, 25)

        follow_many([(self.newbie, self.thoas), (self.newbie, self.project)])

        self.assertEqual(self.days(self.newbie), [15, 20, 25])

    def test_what_came_after_an_unfollow_leaves_room_for_what_came_before(self) -> None:
        self.configure(MAX_LENGTH=3, REMOVE_ACTIONS_ON_UNFOLLOW=False)
        follow(self.newbie, self.thoas)
        save_days(self.thoas, 1, 2, 3)
        unfollow(self.newbie, self.thoas)

        save_days(self.thoas, *range(11, 21))

        self.assertEqual(self.days(self.newbie), [1, 2, 3])
        self.assert_they_are_what_the_log_says()

    def test_what_was_not_imported_leaves_room_for_what_came_later(self) -> None:
        self.configure(MAX_LENGTH=3, IMPORT_ACTIONS_ON_FOLLOW=False)
        save_days(self.thoas, *range(11, 21))
        follow(self.newbie, self.thoas)

        save_days(self.thoas, 1, 2, 3)

        self.assertEqual(self.days(self.newbie), [1, 2, 3])
        self.assert_they_are_what_the_log_says()

    def test_filters_and_slices_see_what_is_kept(self) -> None:
        self.configure(MAX_LENGTH=3)
        follow(self.newbie, self.thoas)
        for day in range(1, 9):
            if day % 2:
                save(self.thoas, day)
            else:
                save(self.thoas, day, self.project, kind=Likes)
        timeline = Timeline(self.newbie)

        likes = timeline.get_private(action=Likes, target=type(self.project))

        self.assertEqual([action.date.day for action in likes], [8, 6])
        self.assertEqual(timeline.get_private_count(action="contract: joins"), 1)
        self.assertEqual([action.date.day for action in timeline.get_private()[1:]], [7, 6])
        self.assertEqual(timeline.get_private(target=self.project)[-1].date, october(6))
        self.assertEqual((timeline.get_unread_count(), timeline.get_unread_count(target=self.project)), (3, 2))

    def test_a_saved_action_that_was_cut_can_still_be_deleted(self) -> None:
        self.configure(MAX_LENGTH=3)
        follow(self.newbie, self.thoas)
        first, *_ = save_days(self.thoas, 1, 2, 3, 4)

        self.assertIsNotNone(Timeline(self.thoas).delete(first))

        self.assertEqual([self.days(one) for one in (self.newbie, self.thoas)], [[2, 3, 4]] * 2)

    def test_a_lower_cap_cuts_a_timeline_when_it_next_changes(self) -> None:
        self.configure(MAX_LENGTH=3)
        follow(self.newbie, self.thoas)
        save_days(self.thoas, 1, 2, 3)

        self.configure(MAX_LENGTH=1)
        save(self.thoas, 4)

        self.assertEqual([self.days(one) for one in (self.newbie, self.thoas)], [[4]] * 2)

    def test_a_capped_timeline_is_no_difference_to_the_log(self) -> None:
        self.configure(MAX_LENGTH=3)
        everybody = [self.thoas, self.newbie, self.project]
        follow_many([(self.newbie, self.thoas), (self.newbie, self.project), (self.thoas, self.project)])
        actions = save_days(self.thoas, *range(1, 11)) + save_days(self.project, *range(5, 15))
        Timeline(self.thoas).delete(actions[9])
        Timeline(self.project).delete(actions[-1])
        unfollow(self.newbie, self.project)
        before = [self.days(one) for one in everybody]

        self.assert_they_are_what_the_log_says()
        rebuild("timelines")

        self.assertEqual([self.days(one) for one in everybody], before)
