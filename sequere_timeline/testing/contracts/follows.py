"""The actions that a follow brings into a private timeline, and that an unfollow removes."""

from collections.abc import Callable, Iterator
from typing import Any

from django.db import models

from sequere.api import follow, follow_many, unfollow, unfollow_many
from sequere_timeline.testing.contracts.base import Joins, TimelineContract, october, save
from sequere_timeline.timeline import Timeline

#: By (import on follow, removal on unfollow), after save 1: the days that newbie sees after follow, save 2, unfollow,
#: save 3, follow, save 4, unfollow.
COMBINATIONS = {
    (True, True): [[1], [1, 2], [], [], [1, 2, 3], [1, 2, 3, 4], []],
    (True, False): [[1], [1, 2], [1, 2], [1, 2], [1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4]],
    (False, True): [[], [2], [], [], [], [4], []],
    (False, False): [[], [2], [2], [2], [2], [2, 4], [2, 4]],
}


class FollowEffectsContract(TimelineContract):
    """By default, and without import or removal."""

    # By default

    def test_a_follow_brings_the_earlier_actions_and_an_unfollow_takes_them_all(self) -> None:
        save(self.thoas, 1)
        follow(self.newbie, self.thoas)
        save(self.thoas, 2)
        self.assertEqual((self.days(self.newbie), self.reasons(self.newbie)), ([1, 2], [{"followed"}] * 2))

        unfollow(self.newbie, self.thoas)

        self.assertEqual((self.days(self.newbie), self.days(self.thoas)), ([], [1, 2]))

    def test_a_follow_of_someone_brings_what_others_saved_in_his_timeline_no_further(self) -> None:
        """Only the actions of the followed instance: others in its timeline were for it alone."""
        save(self.create_user(), 1, into=self.thoas)
        save(self.thoas, 2)

        follow(self.newbie, self.thoas)

        self.assertEqual(self.days(self.newbie), [2])

    def test_a_follow_brings_nothing_of_those_whom_the_followed_one_follows(self) -> None:
        other = self.create_user()
        follow(self.thoas, other)
        save(other, 1)

        follow(self.newbie, self.thoas)

        self.assertEqual((self.days(self.thoas), self.days(self.newbie)), ([1], []))

    def test_a_second_follow_or_unfollow_changes_no_timeline(self) -> None:
        """Nothing is imported or counted twice."""
        save(self.thoas, 1)
        follow(self.newbie, self.thoas)
        self.assertIsNone(follow(self.newbie, self.thoas))
        self.assertEqual(self.days(self.newbie), [1])

        unfollow(self.newbie, self.thoas)
        self.assertIsNone(unfollow(self.newbie, self.thoas))
        self.assertEqual(self.days(self.newbie), [])

    def test_an_unfollow_touches_nobody_else(self) -> None:
        other = self.create_user()
        follow_many([(self.newbie, self.thoas), (self.newbie, other), (other, self.thoas)])
        save(self.thoas, 1)
        save(other, 2)

        unfollow(self.newbie, self.thoas)

        self.assertEqual([self.days(one) for one in (self.newbie, other, self.thoas)], [[2], [1, 2], [1]])

    def test_many_follows_and_unfollows_do_what_single_ones_do(self) -> None:
        newbies, other = self.create_users(3), self.create_user()
        save(self.thoas, 1)
        save(other, 2)

        follow_many((newbie, one) for newbie in newbies for one in (self.thoas, other))
        self.assertEqual([self.days(newbie) for newbie in newbies], [[1, 2]] * 3)

        unfollow_many((newbie, self.thoas) for newbie in newbies[:2])
        self.assertEqual([self.days(newbie) for newbie in newbies], [[2], [2], [1, 2]])

    def test_own_actions_survive_every_unfollow(self) -> None:
        follow_many([(self.newbie, self.thoas), (self.thoas, self.newbie)])
        save(self.newbie, 1)
        save(self.thoas, 2)

        unfollow(self.newbie, self.thoas)
        unfollow(self.thoas, self.newbie)

        self.assertEqual((self.days(self.newbie), self.days(self.thoas)), ([1], [2]))

    # All four combinations of the two settings

    def combinations(self) -> Iterator[tuple[tuple[bool, bool], models.Model, models.Model]]:
        """Each combination, with a new thoas and a new newbie."""
        for imports, removes in COMBINATIONS:
            self.configure(IMPORT_ACTIONS_ON_FOLLOW=imports, REMOVE_ACTIONS_ON_UNFOLLOW=removes)
            with self.subTest(imports=imports, removes=removes):
                thoas, newbie = self.create_users(2)
                yield (imports, removes), thoas, newbie

    def test_follows_and_unfollows_under_each_combination_of_the_settings(self) -> None:
        """No count becomes negative with removal and without import."""
        for combination, thoas, newbie in self.combinations():
            save(thoas, 1)
            steps: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
                (follow, (newbie, thoas)),
                (save, (thoas, 2)),
                (unfollow, (newbie, thoas)),
                (save, (thoas, 3)),
                (follow, (newbie, thoas)),
                (save, (thoas, 4)),
                (unfollow, (newbie, thoas)),
            ]
            seen = []
            for step, arguments in steps:
                step(*arguments)
                seen.append(self.days(newbie))

            self.assertEqual(seen, COMBINATIONS[combination])

    def test_what_counts_is_the_order_of_the_log_not_the_dates_that_are_given(self) -> None:
        """With a follow and an unfollow with old dates, and actions dated before and after them."""
        expected = {(True, True): [], (True, False): [2, 20], (False, True): [], (False, False): [2]}
        for combination, thoas, newbie in self.combinations():
            save(thoas, 20)
            follow(newbie, thoas, timestamp=october(1))
            save(thoas, 2)
            unfollow(newbie, thoas, timestamp=october(1))
            save(thoas, 10)

            self.assertEqual(self.days(newbie), expected[combination])

    def test_an_action_that_was_published_late_belongs_to_the_time_of_its_publication(self) -> None:
        """Saved in another timeline before the follow, in the timeline of its actor after the unfollow."""
        for (imports, _), thoas, newbie in self.combinations():
            action = save(thoas, 1, into=self.create_user())
            follow(newbie, thoas)
            unfollow(newbie, thoas)
            Timeline(thoas).save(action)
            self.assertEqual(self.days(newbie), [])

            follow(newbie, thoas)

            self.assertEqual(self.days(newbie), [1] if imports else [])

    def test_a_deleted_action_disappears_also_from_former_followers(self) -> None:
        """Without removal on unfollow, a former follower keeps old entries, but not deleted actions."""
        self.configure(REMOVE_ACTIONS_ON_UNFOLLOW=False)
        follow(self.newbie, self.thoas)
        gone, kept = save(self.thoas, 1), save(self.thoas, 2)
        unfollow(self.newbie, self.thoas)
        self.assertEqual(self.private(self.newbie), [kept, gone])

        Timeline(self.thoas).delete(gone)

        self.assertEqual(self.private(self.newbie), [kept])

    # Two reasons

    def test_an_entry_with_two_reasons_stays_until_both_are_gone(self) -> None:
        """Saved there directly, and brought by a follow, in both orders; the unfollow removes one reason."""
        for is_direct_first in (True, False):
            with self.subTest(is_direct_first=is_direct_first):
                thoas, newbie = self.create_users(2)
                action = Joins(thoas)
                if is_direct_first:
                    Timeline(newbie).save(action)
                follow(newbie, thoas)
                Timeline(thoas).save(action)
                if not is_direct_first:
                    Timeline(newbie).save(action)
                self.assertEqual(self.reasons(newbie), [{"direct", "followed"}])

                unfollow(newbie, thoas)
                self.assertEqual(self.reasons(newbie), [{"direct"}])

                Timeline(thoas).delete(action)
                self.assertEqual(self.reasons(newbie), [])

    def test_a_follow_adds_its_reason_to_a_direct_entry(self) -> None:
        action = save(self.thoas, 1)
        Timeline(self.newbie).save(action)

        follow(self.newbie, self.thoas)

        self.assertEqual(self.reasons(self.newbie), [{"direct", "followed"}])
