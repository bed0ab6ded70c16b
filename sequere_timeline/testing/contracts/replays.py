"""The timelines equal the log, whatever happened to the events in between."""

from typing import Any

from sequere.api import follow, unfollow
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from sequere.testing import recorded_events
from sequere_timeline.backends.base import get_backend
from sequere_timeline.testing.contracts.base import Joins, Likes, TimelineContract, october, save
from sequere_timeline.timeline import Timeline


class TimelineReplaysContract(TimelineContract):
    """Events that arrive twice, late or never; and rebuilds."""

    def tell_a_story(self) -> list[Any]:
        """A bit of everything; returns everybody who takes part."""
        fan, film = self.create_user(), self.create_project()
        follow(self.newbie, self.thoas)
        save(self.thoas, 1)
        liked = save(self.thoas, 2, film, kind=Likes)
        follow(fan, self.thoas)
        Timeline(fan).save(liked)
        gone = save(self.thoas, 3, self.newbie, kind=Likes)
        save(self.newbie, 4, self.thoas, kind=Likes)
        save(film, 5, into=fan)
        follow(fan, self.newbie)
        Timeline(self.thoas).delete(gone)
        Timeline(fan).mark_as_read(october(2))
        unfollow(self.newbie, self.thoas)
        follow(self.newbie, self.project)
        save(self.project, 6)
        film_key = self.delete(film)
        return [self.thoas, self.newbie, self.project, fan, film_key]

    def answers(self, everybody: list[Any]) -> list[Any]:
        """The answers to all questions about their timelines."""
        return [
            (
                [
                    (action.uid, action.date, action.kwargs, action.target_key, action.target_deleted, action.reasons)
                    for action in (*self.private(one), *self.public(one))
                ],
                [Timeline(one).get_private_count(action=kind) for kind in (Joins, Likes)],
                Timeline(one).get_unread_count(),
                Timeline(one).read_at,
            )
            for one in everybody
        ]

    def test_an_event_that_comes_twice_changes_nothing(self) -> None:
        with recorded_events() as events:
            everybody = self.tell_a_story()
        before = self.answers(everybody)

        self.apply_again(events)

        self.assertEqual(self.answers(everybody), before)
        self.assert_they_are_what_the_log_says()

    def test_an_event_that_comes_late_changes_nothing(self) -> None:
        """The projector is level-triggered: the log counts, not the event."""
        kept, gone = save(self.thoas, 1), Joins(self.thoas, date=october(2))
        Timeline(self.newbie).mark_as_read(october(1))
        with self.unheard():
            late = [Timeline(self.thoas).save(gone), Timeline(self.newbie).mark_as_read(october(3))]
        Timeline(self.thoas).delete(gone)
        Timeline(self.newbie).mark_as_read(october(4))

        self.apply_again(late)

        self.assertEqual((self.private(self.thoas), self.public(self.thoas)), ([kept], [kept]))
        self.assertEqual(Timeline(self.newbie).read_at, october(4))
        self.assert_they_are_what_the_log_says()

    def test_events_that_come_together_end_as_the_log_does(self) -> None:
        action, gone = Joins(self.thoas, date=october(1)), Joins(self.thoas, date=october(2))
        with self.unheard():
            events = [
                follow(self.newbie, self.thoas),
                Timeline(self.thoas).save(action),
                Timeline(self.thoas).save(gone),
                Timeline(self.newbie).save(action),
                Timeline(self.thoas).delete(gone),
                Timeline(self.newbie).mark_as_read(october(1)),
            ]

        self.apply_again(events)

        self.assertEqual((self.private(self.newbie), self.reasons(self.newbie)), ([action], [{"direct", "followed"}]))
        self.assertEqual((self.public(self.thoas), Timeline(self.newbie).get_unread_count()), ([action], 0))
        self.assert_they_are_what_the_log_says()

    def test_empty_timelines_are_filled_from_the_log(self) -> None:
        """Read marks too: marking is an event."""
        everybody = self.tell_a_story()
        before = self.answers(everybody)
        get_backend().reset(self.using)

        self.assertGreater(verify("timelines").wrong, 0)
        rebuild("timelines")

        self.assertEqual(self.answers(everybody), before)
        self.assert_they_are_what_the_log_says()

    def test_timelines_that_are_right_are_left_as_they_are(self) -> None:
        everybody = self.tell_a_story()
        before = self.answers(everybody)

        self.assertEqual(rebuild("timelines").wrong, 0)

        self.assertEqual(self.answers(everybody), before)

    def test_an_event_that_was_lost_is_found_and_made_good(self) -> None:
        kept, gone = save(self.thoas, 1), save(self.thoas, 2)
        follow(self.newbie, self.thoas)
        lost = Joins(self.thoas, date=october(3))
        with self.unheard():
            Timeline(self.thoas).save(lost)
            Timeline(self.thoas).delete(gone)
            Timeline(self.newbie).mark_as_read(october(1))

        self.assertGreater(verify("timelines").wrong, 0)
        rebuild("timelines")

        self.assertEqual([self.private(one) for one in (self.thoas, self.newbie)], [[lost, kept]] * 2)
        self.assertEqual(self.public(self.thoas), [lost, kept])
        self.assertEqual(Timeline(self.newbie).get_unread_count(), 1)
        self.assert_they_are_what_the_log_says()

    def test_what_was_rolled_back_is_gone_after_a_rebuild(self) -> None:
        """Timelines outside the database keep it until then."""
        follow(self.newbie, self.thoas)
        kept = save(self.thoas, 1)
        with self.rolled_back():
            save(self.thoas, 2)
            Timeline(self.newbie).mark_as_read(october(2))

        rebuild("timelines")

        self.assertEqual([self.private(one) for one in (self.thoas, self.newbie)], [[kept]] * 2)
        self.assertEqual((self.public(self.thoas), Timeline(self.newbie).read_at), ([kept], None))
        self.assert_they_are_what_the_log_says()
