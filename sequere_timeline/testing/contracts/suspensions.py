"""What timelines show while somebody is suspended."""

from unittest.mock import patch

from sequere.api import follow, resume, suspend, unfollow
from sequere.log.models import Event
from sequere.relations import pauses
from sequere.replay.rebuilding import rebuild
from sequere.testing import drain
from sequere_timeline.backends.base import get_backend
from sequere_timeline.testing.contracts.base import TimelineContract, october, save
from sequere_timeline.testing.contracts.follows import COMBINATIONS
from sequere_timeline.timeline import Timeline


class SuspensionEffectsContract(TimelineContract):
    """Who is suspended sees nothing and is not seen; everything comes back in its old place."""

    def test_nobody_sees_what_a_suspended_one_did(self) -> None:
        follow(self.thoas, self.newbie)
        follow(self.newbie, self.project)
        for day in (1, 3):
            save(self.newbie, day)
        save(self.newbie, 2, into=self.thoas)
        save(self.thoas, 4, into=self.newbie)
        save(self.project, 5)
        save(self.project, 6, into=self.thoas)

        suspend(self.newbie)
        save(self.newbie, 7)
        save(self.newbie, 8, into=self.thoas)
        save(self.project, 9)

        self.assertEqual((self.days(self.thoas), self.days(self.newbie), self.days(self.project)), ([6], [], [5, 9]))
        self.assertEqual(self.public(self.newbie), [])
        timelines = [Timeline(one) for one in (self.thoas, self.newbie)]
        self.assertEqual([timeline.get_unread_count() for timeline in timelines], [1, 0])
        self.assertEqual([len(timeline.get_private().page(5)) for timeline in timelines], [1, 0])
        self.assert_they_are_what_the_log_says()

        resume(self.newbie)

        self.assertEqual(self.days(self.thoas), [1, 2, 3, 6, 7, 8])
        self.assertEqual(self.days(self.newbie), [1, 3, 4, 5, 7, 9])
        self.assertEqual([action.date.day for action in self.public(self.newbie)], [7, 3, 1])
        self.assertEqual([timeline.get_unread_count() for timeline in timelines], [6, 3])
        self.assert_they_are_what_the_log_says()

    def test_a_timeline_between_two_waits_for_both(self) -> None:
        follow(self.thoas, self.newbie)
        save(self.newbie, 1)
        save(self.newbie, 2, into=self.thoas)
        for one in (self.thoas, self.newbie):
            suspend(one)

        resume(self.thoas)
        self.assertEqual(self.days(self.thoas), [])
        self.assert_they_are_what_the_log_says()
        resume(self.newbie)

        self.assertEqual(self.days(self.thoas), [1, 2])
        self.assert_they_are_what_the_log_says()

    def test_what_follows_and_actions_do_meanwhile(self) -> None:
        (other,) = self.create_users(1)
        for one in (self.thoas, other):
            follow(one, self.newbie)
        save(self.newbie, 1)
        gone = save(self.newbie, 2)
        suspend(self.newbie)

        unfollow(other, self.newbie)
        follow(self.project, self.newbie)
        Timeline(self.newbie).delete(gone)
        save(self.newbie, 3)
        self.assertEqual([self.days(one) for one in (self.thoas, other, self.project)], [[], [], []])
        resume(self.newbie)

        self.assertEqual([self.days(one) for one in (self.thoas, other, self.project)], [[1, 3], [], [1, 3]])
        self.assert_they_are_what_the_log_says()

    def test_timelines_in_steps(self) -> None:
        others = self.create_users(5)
        for one in others:
            follow(one, self.newbie)
        save(self.newbie, 1)
        for one in others:
            save(self.newbie, 2, into=one)

        with patch.object(pauses, "RELATIONS_PER_PAUSE", 2):
            suspend(self.newbie)
            drain()
            self.assertEqual([self.days(one) for one in others], [[]] * 5)
            self.assert_they_are_what_the_log_says()
            resume(self.newbie)
            save(self.newbie, 3)
            drain()

        self.assertEqual([self.days(one) for one in others], [[1, 2, 3]] * 5)
        self.assert_they_are_what_the_log_says()

    def test_without_import_or_removal_the_same_comes_back(self) -> None:
        for (imports, removes), days in COMBINATIONS.items():
            with self.subTest(imports=imports, removes=removes):
                self.configure(IMPORT_ACTIONS_ON_FOLLOW=imports, REMOVE_ACTIONS_ON_UNFOLLOW=removes)
                (publisher, owner) = self.create_users(2)
                verbs = [follow, None, unfollow, None, follow, None, unfollow]
                save(publisher, 1)
                day = 1
                for verb, seen in zip(verbs, days, strict=True):
                    if verb:
                        verb(owner, publisher)
                    else:
                        day += 1
                        save(publisher, day)
                    suspend(publisher if verb else owner)
                    self.assertEqual(self.days(owner), [])
                    resume(publisher if verb else owner)
                    self.assertEqual(self.days(owner), seen)
                self.assert_they_are_what_the_log_says()
                self.delete(owner)

    def test_a_cap_keeps_what_it_has_kept(self) -> None:
        self.configure(MAX_LENGTH=3)
        follow(self.thoas, self.newbie)
        for day in range(1, 7):
            save(self.newbie, day)
        shown = self.days(self.thoas)

        suspend(self.newbie)
        self.assertEqual(self.days(self.thoas), [])
        resume(self.newbie)

        self.assertEqual(self.days(self.thoas)[-3:], shown[-3:])
        self.assert_they_are_what_the_log_says()

    def test_a_new_owner_of_a_key_is_not_suspended(self) -> None:
        save(self.newbie, 1, into=self.thoas)
        suspend(self.newbie)

        again = self.create_again(self.newbie)
        save(again, 2, into=self.thoas)
        save(again, october(3))

        self.assertEqual((self.days(self.thoas), self.days(again)), ([2], [3]))
        self.assert_they_are_what_the_log_says()

    def test_suspensions_are_rebuilt(self) -> None:
        follow(self.thoas, self.newbie)
        save(self.newbie, 1)
        save(self.newbie, 2, into=self.thoas)
        save(self.thoas, 3, into=self.newbie)
        with self.unheard():
            suspend(self.newbie)

        rebuild("follows")
        rebuild("timelines")
        self.assertEqual((self.days(self.thoas), self.days(self.newbie)), ([], []))
        self.apply_again([Event.objects.of_type("suspended").get()])
        get_backend().reset(self.using)
        rebuild("timelines")

        self.assertEqual((self.days(self.thoas), self.days(self.newbie)), ([], []))
        self.assert_they_are_what_the_log_says()
        resume(self.newbie)
        self.assertEqual((self.days(self.thoas), self.days(self.newbie)), ([1, 2], [1, 3]))
        self.assert_they_are_what_the_log_says()
