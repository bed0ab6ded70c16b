"""The entries of a timeline: their reasons, their order, and how they are shown."""

from functools import partial

from django.core.paginator import Paginator

from sequere.api import follow
from sequere.testing import assert_records
from sequere_timeline.testing.contracts.base import Joins, Likes, TimelineContract, october, save
from sequere_timeline.timeline import Timeline


class EntriesContract(TimelineContract):
    """Saving, deleting and listing actions."""

    # Saving

    def test_a_saved_action_comes_back_as_what_it_is(self) -> None:
        moment = october(25, microsecond=612067)
        action = Likes(self.thoas, self.project, moment, note="à voir", stars=[5])
        Timeline(self.thoas).save(action)

        for saved in (*self.private(self.thoas), *self.public(self.thoas)):
            self.assertIs(type(saved), Likes)
            self.assertEqual((saved, saved.uid), (action, action.uid))
            self.assertEqual((saved.actor, saved.verb, saved.target), (self.thoas, Likes.verb, self.project))
            self.assertEqual((saved.date, saved.kwargs), (moment, {"note": "à voir", "stars": [5]}))
            self.assertFalse(saved.target_deleted)

    def test_an_action_needs_no_target(self) -> None:
        save(self.thoas)

        (action,) = self.private(self.thoas)

        self.assertEqual((action.target, action.target_key, action.target_deleted), (None, None, False))

    def test_saving_again_changes_nothing(self) -> None:
        """An action that is saved twice is counted once."""
        follow(self.newbie, self.thoas)
        action = save(self.thoas)

        with assert_records():
            again = Timeline(self.thoas).save(action)

        self.assertIsNone(again)
        self.assertEqual([self.private(one) for one in (self.thoas, self.newbie)], [[action], [action]])
        self.assertEqual(self.public(self.thoas), [action])

    def test_the_private_timeline_of_a_follower_has_the_action_the_public_one_has_not(self) -> None:
        follow(self.newbie, self.thoas)

        action = save(self.thoas)

        self.assertEqual((self.private(self.newbie), self.reasons(self.newbie)), ([action], [{"followed"}]))
        self.assertEqual((self.private(self.thoas), self.reasons(self.thoas)), ([action], [{"own"}]))
        self.assertEqual((self.public(self.newbie), self.public(self.thoas)), ([], [action]))

    def test_followers_of_every_kind_are_reached(self) -> None:
        followers = [*self.create_users(3), self.project]
        for follower in followers:
            follow(follower, self.thoas)

        action = save(self.thoas)

        self.assertEqual([self.private(one) for one in followers], [[action]] * 4)
        self.assertEqual(self.private(self.newbie), [])

    def test_a_follower_that_is_gone_does_not_keep_the_others_from_it(self) -> None:
        """A deleted follower does not end the fan-out."""
        first, gone, hidden, last = self.create_users(4)
        for follower in (first, gone, hidden, last):
            follow(follower, self.thoas)
        gone.delete()
        self.hide(hidden)

        action = save(self.thoas)

        self.assertEqual([self.private(one) for one in (first, last)], [[action]] * 2)

    def test_an_action_of_somebody_else_enters_this_private_timeline_only(self) -> None:
        """It enters no public timeline, and no timeline of a follower of its actor or of the owner."""
        reader, fan = self.create_users(2)
        follow(reader, self.newbie)
        follow(fan, self.thoas)

        action = save(self.thoas, target=self.project, into=self.newbie)

        self.assertEqual((self.private(self.newbie), self.reasons(self.newbie)), ([action], [{"direct"}]))
        self.assertEqual([self.private(one) for one in (self.thoas, reader, fan)], [[], [], []])
        self.assertEqual([self.public(one) for one in (self.thoas, self.newbie)], [[], []])

    def test_who_follows_the_actor_and_the_target_sees_an_action_once(self) -> None:
        follow(self.newbie, self.thoas)
        follow(self.newbie, self.project)

        action = save(self.thoas, 1, self.project, kind=Likes)

        self.assertEqual((self.private(self.newbie), self.reasons(self.newbie)), ([action], [{"followed"}]))

    def test_what_two_do_in_the_same_moment_are_two_actions(self) -> None:
        """Also with the same target."""
        follow(self.newbie, self.thoas)
        (other,) = self.create_users(1)
        follow(self.newbie, other)

        actions = [save(actor, 1, self.project, kind=Likes) for actor in (self.thoas, other, self.thoas)]

        self.assertCountEqual(self.private(self.newbie), actions)
        self.assertEqual(len({action.uid for action in actions}), 3)

    def test_one_action_may_be_saved_in_several_timelines(self) -> None:
        action = Joins(self.thoas)
        others = [self.newbie, self.project]

        for owner in (*others, self.thoas):
            Timeline(owner).save(action)

        self.assertEqual([self.private(one) for one in (*others, self.thoas)], [[action]] * 3)
        self.assertEqual([self.reasons(one) for one in others], [[{"direct"}]] * 2)
        self.assertEqual((self.reasons(self.thoas), self.public(self.thoas)), ([{"own"}], [action]))

    def test_an_entry_may_have_two_reasons(self) -> None:
        action = Joins(self.thoas)
        follow(self.newbie, self.thoas)

        Timeline(self.newbie).save(action)
        Timeline(self.thoas).save(action)

        self.assertEqual(self.reasons(self.newbie), [{"direct", "followed"}])
        self.assertEqual(self.public(self.newbie), [])

    def test_a_loaded_action_may_be_saved_in_another_timeline(self) -> None:
        Timeline(self.thoas).save(Likes(self.thoas, self.project, note="à voir"))
        (loaded,) = self.public(self.thoas)

        Timeline(self.newbie).save(loaded)

        (saved,) = self.private(self.newbie)
        self.assertEqual((saved, saved.kwargs), (loaded, {"note": "à voir"}))

    # Deleting

    def test_a_deleted_action_is_nowhere_any_more(self) -> None:
        """It is gone from the timelines of all followers, too."""
        follow(self.newbie, self.thoas)
        action = save(self.thoas, target=self.project)
        Timeline(self.project).save(action)

        Timeline(self.thoas).delete(action)

        self.assertEqual([self.private(one) for one in (self.thoas, self.newbie, self.project)], [[], [], []])
        self.assertEqual(self.public(self.thoas), [])
        self.assert_they_are_what_the_log_says()

    def test_deleting_again_changes_nothing(self) -> None:
        """The count does not become -1."""
        follow(self.newbie, self.thoas)
        action, kept = save(self.thoas), save(self.thoas)
        Timeline(self.thoas).delete(action)

        again = Timeline(self.thoas).delete(action)

        self.assertIsNone(again)
        self.assertEqual([self.private(one) for one in (self.thoas, self.newbie)], [[kept]] * 2)

    def test_an_action_may_be_deleted_from_the_timeline_that_it_was_saved_in(self) -> None:
        action = save(self.thoas, into=self.newbie)
        Timeline(self.thoas).save(action)

        Timeline(self.newbie).delete(action)

        self.assertEqual([self.private(one) for one in (self.thoas, self.newbie)], [[], []])
        self.assertEqual(self.public(self.thoas), [])

    def test_an_action_may_be_deleted_by_its_actor_wherever_it_was_saved(self) -> None:
        action = save(self.thoas, into=self.newbie)

        Timeline(self.thoas).delete(action)

        self.assertEqual(self.private(self.newbie), [])

    def test_a_deleted_action_can_be_saved_again(self) -> None:
        follow(self.newbie, self.thoas)
        action = save(self.thoas)
        Timeline(self.newbie).save(action)
        Timeline(self.thoas).delete(action)

        Timeline(self.thoas).save(action)

        self.assertEqual((self.private(self.newbie), self.reasons(self.newbie)), ([action], [{"followed"}]))
        self.assertEqual(self.public(self.thoas), [action])

    # Lists

    def test_timelines_are_newest_first_by_the_date_of_the_action_not_by_the_time_of_saving(self) -> None:
        follow(self.newbie, self.thoas)
        for day in (12, 10, 11):
            save(self.thoas, day)

        for list_of in (
            Timeline(self.thoas).get_private,
            Timeline(self.thoas).get_public,
            Timeline(self.newbie).get_private,
        ):
            self.assertEqual([action.date.day for action in list_of()], [12, 11, 10])
            self.assertEqual([action.date.day for action in list_of(desc=False)], [10, 11, 12])

    def test_actions_of_one_moment_have_an_order_that_stays(self) -> None:
        follow(self.newbie, self.thoas)
        actions = [save(self.thoas, 10) for _ in range(5)]

        newest_first = list(Timeline(self.newbie).get_private())

        self.assertCountEqual(newest_first, actions)
        self.assertEqual(Timeline(self.newbie).get_private(desc=False), newest_first[::-1])
        self.assertEqual(Timeline(self.thoas).get_public(), newest_first)
        self.assertEqual(newest_first, actions[::-1], "the order of the log")

    def test_django_paginates_them(self) -> None:
        for day in range(1, 8):
            save(self.thoas, day)

        for actions in (Timeline(self.thoas).get_private(), Timeline(self.thoas).get_public()):
            pages = Paginator(actions, 3)
            self.assertEqual((pages.count, pages.num_pages), (7, 3))
            days = [[action.date.day for action in page.object_list] for page in pages]
            self.assertEqual(days, [[7, 6, 5], [4, 3, 2], [1]])

    def test_paging_walks_through_ties_without_skipping_or_repeating(self) -> None:
        actions = [save(self.thoas, 1 + number // 3) for number in range(10)]

        timeline = Timeline(self.thoas).get_private()
        paged = [action for start in range(0, 12, 2) for action in timeline[start : start + 2]]

        self.assertEqual(paged, list(timeline.iterator(chunk_size=3)))
        self.assertEqual(paged, list(timeline))
        self.assertEqual([action.date.day for action in paged], [4, 3, 3, 3, 2, 2, 2, 1, 1, 1])
        self.assertCountEqual(paged, actions)

    def test_a_timeline_is_read_like_a_list(self) -> None:
        """Iteration ends, [0] is the first, and a slice ends where it should."""
        follow(self.newbie, self.thoas)
        for day in range(1, 6):
            save(self.thoas, day, self.project, kind=Likes)

        for get in (
            Timeline(self.newbie).get_private,
            Timeline(self.thoas).get_public,
            partial(Timeline(self.newbie).get_private, action=Likes, target=self.project),
        ):
            whole = list(get())
            self.assertEqual([get()[number].date.day for number in range(-5, 5)], [5, 4, 3, 2, 1] * 2)
            for start in (None, 0, 1, 4, 5, 9, -1, -9):
                for stop in (None, 0, 1, 4, 5, 9, -1, -9):
                    self.assertEqual(list(get()[start:stop]), whole[start:stop])
            self.assertEqual((list(get()[::2]), list(reversed(get()))), (whole[::2], whole[::-1]))

    def test_a_timeline_that_is_streamed_neither_repeats_nor_skips(self) -> None:
        for is_public in (False, True):
            thoas, newbie = self.create_users(2)
            follow(newbie, thoas)
            actions = [save(thoas, 1 + number // 2) for number in range(5)]
            walk = Timeline(thoas).get_public() if is_public else Timeline(newbie).get_private()
            whole, seen = list(walk.all()), []

            for action in walk.iterator(chunk_size=1):
                seen.append(action)
                save(thoas, 30)
                Timeline(thoas).delete(action)

            self.assertEqual(seen, whole)
            self.assertCountEqual(seen, actions)

    def test_a_place_out_of_range_is_empty(self) -> None:
        save(self.thoas)

        for actions in (Timeline(self.thoas).get_private, Timeline(self.thoas).get_public):
            self.assertEqual(list(actions()[5:10]), [])
            with self.assertRaises(IndexError):
                actions()[1]

    def test_a_timeline_of_nobody_is_empty(self) -> None:
        timeline = Timeline(self.thoas)

        self.assertEqual((self.private(self.thoas), self.public(self.thoas)), ([], []))
        self.assertEqual((timeline.read_at, timeline.get_unread_count()), (None, 0))
        self.assertIsNone(timeline.get_private().first())

    def test_an_instance_that_cannot_be_shown_hides_nothing_else(self) -> None:
        """The list says how many it hides."""
        (hidden,) = self.create_users(1)
        follow(self.newbie, hidden)
        follow(self.newbie, self.thoas)
        save(hidden)
        save(self.thoas, target=self.project)
        self.hide(hidden)
        self.hide(self.project)

        timeline = Timeline(self.newbie).get_private()

        self.assertEqual([(action.actor, action.target) for action in timeline], [(self.thoas, None)])
        self.assertEqual((timeline.count(), len(timeline), timeline.hidden), (2, 1, 1))
        self.assertFalse(timeline[0].target_deleted)
