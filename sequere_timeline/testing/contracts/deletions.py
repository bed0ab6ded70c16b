"""Timelines after the deletion of an instance, and of a new instance with the same key."""

from collections.abc import Iterator

from django.db import models

from sequere.api import follow
from sequere_timeline.testing.contracts.base import TimelineContract, october, save
from sequere_timeline.timeline import Timeline


class DeletionsContract(TimelineContract):
    """Deletions of actors, owners and targets."""

    def each_removal(self) -> Iterator[tuple[models.Model, models.Model, models.Model]]:
        """With and without removal on unfollow: a thoas, a newbie as follower, and a project."""
        for removes in (True, False):
            self.configure(REMOVE_ACTIONS_ON_UNFOLLOW=removes)
            with self.subTest(removes=removes):
                thoas, newbie = self.create_users(2)
                follow(newbie, thoas)
                yield thoas, newbie, self.create_project()

    def test_the_actions_of_a_deleted_actor_vanish_everywhere(self) -> None:
        """They are not counted either."""
        for thoas, newbie, project in self.each_removal():
            save(thoas)
            save(thoas, into=project)
            own = save(newbie)

            key = self.delete(thoas)

            self.assertEqual([self.private(one) for one in (newbie, project, key)], [[own], [], []])
            self.assertEqual([self.public(one) for one in (newbie, project, key)], [[own], [], []])
            self.assertEqual(Timeline(newbie).get_private().hidden, 0)
            self.assert_they_are_what_the_log_says()

    def test_the_timelines_of_a_deleted_owner_go(self) -> None:
        for thoas, newbie, _ in self.each_removal():
            follow(thoas, newbie)
            action = save(newbie)
            save(newbie, into=thoas)
            Timeline(thoas).mark_as_read(october(1))

            key = self.delete(thoas)

            self.assertEqual((self.private(key), Timeline(key).read_at), ([], None))
            self.assertEqual(self.public(newbie), [action])
            self.assert_they_are_what_the_log_says()

    def test_actions_upon_a_deleted_target_stay(self) -> None:
        """They are listed and counted, without their target."""
        for thoas, newbie, project in self.each_removal():
            save(thoas, 1, project)

            key = self.delete(project)

            for actions in (self.private(thoas), self.public(thoas), self.private(newbie)):
                (action,) = actions
                self.assertEqual((action.target, action.target_deleted, action.target_key), (None, True, key))
            self.assertEqual(Timeline(thoas).get_private_count(target=type(project)), 1)

    def test_an_action_can_be_deleted_after_its_target(self) -> None:
        follow(self.newbie, self.thoas)
        action = save(self.thoas, 1, self.project)
        self.delete(self.project)

        Timeline(self.thoas).delete(action)

        self.assertEqual([self.private(one) for one in (self.thoas, self.newbie)], [[], []])

    def test_an_action_whose_target_is_gone_can_be_saved_in_another_timeline(self) -> None:
        action = save(self.thoas, 1, self.project)
        self.delete(self.project)

        Timeline(self.newbie).save(action)

        found = [(one.target, one.target_deleted) for one in self.private(self.newbie)]
        self.assertEqual(found, [(None, True)])

    def test_a_new_actor_with_the_same_key_has_done_nothing(self) -> None:
        for thoas, newbie, _ in self.each_removal():
            save(thoas)

            new = self.create_again(thoas)
            self.assertEqual((self.private(new), self.public(new), self.private(newbie)), ([], [], []))

            fresh = save(new)
            # A follower of the old instance does not follow the new one.
            self.assertEqual((self.public(new), self.private(newbie)), ([fresh], []))

            follow(newbie, new)
            self.assertEqual(self.private(newbie), [fresh])

    def test_a_new_owner_with_the_same_key_reads_nothing_and_has_read_nothing(self) -> None:
        for thoas, newbie, _ in self.each_removal():
            follow(thoas, newbie)
            save(newbie, 1)
            direct = save(newbie, 1, into=thoas)
            Timeline(thoas).mark_as_read(october(20))

            new = self.create_again(thoas)
            timeline = Timeline(new)
            self.assertEqual((self.private(new), timeline.read_at, timeline.get_unread_count()), ([], None, 0))

            follow(new, newbie)
            self.assertEqual((timeline.get_private_count(), timeline.get_unread_count()), (1, 1))

            self.assertIsNotNone(timeline.save(direct))
            self.assertEqual((timeline.get_private_count(), timeline.get_unread_count()), (2, 2))
            self.assertIsNotNone(timeline.mark_as_read(october(1)))
            self.assertEqual((timeline.read_at, timeline.get_unread_count()), (october(1), 0))

    def test_a_new_owner_does_not_read_what_the_old_one_had_kept(self) -> None:
        """Without removal on unfollow, an owner keeps old entries, but the next owner has never had them."""
        for imports in (True, False):
            self.configure(REMOVE_ACTIONS_ON_UNFOLLOW=False, IMPORT_ACTIONS_ON_FOLLOW=imports)
            with self.subTest(imports=imports):
                thoas, newbie = self.create_users(2)
                follow(thoas, newbie)
                old = save(newbie, 1)

                new = self.create_again(thoas)
                between = save(newbie, 2)
                follow(new, newbie)
                later = save(newbie, 3)

                self.assertEqual(self.private(new), [later, between, old] if imports else [later])

    def test_a_new_target_with_the_same_key_is_not_the_target_of_old_actions(self) -> None:
        for thoas, newbie, project in self.each_removal():
            save(thoas, 1, project)

            new = self.create_again(project)

            for owner in (thoas, newbie):
                found = [(action.target, action.target_deleted) for action in self.private(owner)]
                self.assertEqual(found, [(None, True)])
            self.assertEqual(list(Timeline(newbie).get_private(target=new)), [])
            self.assertEqual(Timeline(thoas).get_public_count(target=new), 0)
            self.assertEqual(Timeline(newbie).get_unread_count(target=new), 0)

            action = save(thoas, 2, new)
            self.assertEqual(list(Timeline(newbie).get_private(target=new)), [action])
            self.assertEqual(Timeline(thoas).get_public_count(target=new), 1)

    def test_the_same_key_may_be_used_many_times(self) -> None:
        for thoas, newbie, _ in self.each_removal():
            for likes in range(3):
                follow(newbie, thoas)
                follow(thoas, newbie)
                own, like = save(thoas, 1), save(newbie, 2 + likes, thoas)
                self.assertEqual(self.public(thoas), [own])
                targets = [action.target for action in self.private(newbie) if action.actor == newbie]
                self.assertEqual(targets, [thoas] + [None] * likes)
                self.assertEqual(self.private(newbie)[0], like)
                thoas = self.create_again(thoas)  # noqa: PLW2901  # the next one with the key

            found = [(action.actor, action.target) for action in self.private(newbie)]
            self.assertEqual(found, [(newbie, None)] * 3)

    def test_an_action_whose_actor_was_deleted_is_not_there_to_be_deleted(self) -> None:
        action = save(self.thoas, into=self.newbie)
        Timeline(self.thoas).save(action)
        self.delete(self.thoas)

        self.assertIsNone(Timeline(self.newbie).delete(action))
        self.assertEqual(self.private(self.newbie), [])
