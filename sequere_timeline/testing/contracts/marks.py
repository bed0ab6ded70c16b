"""mark_as_read(), read_at, and unread entries."""

from datetime import UTC, datetime, timedelta

from sequere.api import follow
from sequere.base import ResourceKey
from sequere.testing.contracts.base import key_of
from sequere_timeline.testing.contracts.base import Joins, Likes, TimelineContract, october, save
from sequere_timeline.timeline import Timeline


class ReadMarksContract(TimelineContract):
    """The marks of newbie."""

    def unread(self) -> int:
        return Timeline(self.newbie).get_unread_count()

    def test_a_timeline_that_was_never_marked_has_no_read_at_and_all_of_others_is_unread(self) -> None:
        follow(self.newbie, self.thoas)
        save(self.thoas, 1)

        self.assertEqual((Timeline(self.newbie).read_at, self.unread()), (None, 1))

    def test_imported_entries_are_unread_too(self) -> None:
        save(self.thoas, 1)

        follow(self.newbie, self.thoas)

        self.assertEqual(self.unread(), 1)

    def test_what_is_marked_is_read(self) -> None:
        follow(self.newbie, self.thoas)
        save(self.thoas, 1)
        save(self.thoas, 3)

        Timeline(self.newbie).mark_as_read(october(2))

        self.assertEqual((Timeline(self.newbie).read_at, self.unread()), (october(2), 1))

    def test_what_is_dated_in_the_moment_of_the_mark_is_read(self) -> None:
        """To the microsecond."""
        follow(self.newbie, self.thoas)
        for microsecond in (1, 2, 2, 3):
            save(self.thoas, october(1, microsecond=microsecond))

        Timeline(self.newbie).mark_as_read(october(1, microsecond=2))

        self.assertEqual(self.unread(), 1)

    def test_ones_own_actions_are_never_unread(self) -> None:
        follow(self.newbie, self.thoas)
        save(self.newbie, 1)
        save(self.thoas, 2)
        save(self.thoas, 3, into=self.newbie)
        self.assertEqual(self.unread(), 2)

        Timeline(self.newbie).mark_as_read(october(2))
        save(self.newbie, 4)

        self.assertEqual(self.unread(), 1)

    def test_an_action_that_is_dated_in_the_future_is_unread_at_once(self) -> None:
        follow(self.newbie, self.thoas)
        Timeline(self.newbie).mark_as_read()

        save(self.thoas, datetime.now(UTC) + timedelta(days=1))

        self.assertEqual(self.unread(), 1)

    def test_a_mark_never_moves_backwards(self) -> None:
        follow(self.newbie, self.thoas)
        save(self.thoas, 5)
        Timeline(self.newbie).mark_as_read(october(5))

        for day in (4, 5):
            self.assertIsNone(Timeline(self.newbie).mark_as_read(october(day)))

        self.assertEqual((Timeline(self.newbie).read_at, self.unread()), (october(5), 0))

    def test_a_mark_moves_forwards_by_a_microsecond(self) -> None:
        Timeline(self.newbie).mark_as_read(october(5))

        Timeline(self.newbie).mark_as_read(october(5, microsecond=1))

        self.assertEqual(Timeline(self.newbie).read_at, october(5, microsecond=1))

    def test_zero_is_a_point_in_time_too(self) -> None:
        Timeline(self.newbie).mark_as_read(0)

        self.assertEqual(Timeline(self.newbie).read_at, datetime(1970, 1, 1, tzinfo=UTC))

    def test_a_project_without_time_zones_has_its_own_time(self) -> None:
        """Dates and marks use one time zone, whatever the machine uses."""
        with self.settings(USE_TZ=False):
            follow(self.newbie, self.thoas)
            moment = datetime(2013, 10, 25, 4, 41, 31, 612067)  # noqa: DTZ001
            save(self.thoas, moment)
            save(self.thoas, moment + timedelta(microseconds=1))
            save(self.thoas)
            timeline = Timeline(self.newbie)
            self.assertEqual(timeline.get_private(desc=False)[0].date, moment)

            timeline.mark_as_read(moment)
            self.assertEqual((timeline.read_at, timeline.get_unread_count()), (moment, 2))

            timeline.mark_as_read()
            self.assertEqual(timeline.get_unread_count(), 0)
            self.assert_they_are_what_the_log_says()

    def test_unread_counts_take_filters(self) -> None:
        follow(self.newbie, self.thoas)
        for day, target in ((1, self.project), (2, self.newbie), (3, self.project), (4, self.create_project())):
            save(self.thoas, day, target, kind=Likes)
        save(self.thoas, 5)
        timeline = Timeline(self.newbie)

        timeline.mark_as_read(october(1))

        self.assertEqual(timeline.get_unread_count(), 4)
        self.assertEqual(timeline.get_unread_count(action=Likes), 3)
        self.assertEqual(timeline.get_unread_count(target=type(self.project)), 2)
        self.assertEqual(timeline.get_unread_count(action=Likes, target=self.project), 1)
        self.assertEqual(timeline.get_unread_count(action=Joins, target=self.project), 0)

    def test_counting_stops_at_a_limit(self) -> None:
        follow(self.newbie, self.thoas)
        for day, target in ((1, self.project), (2, None), (3, self.project), (4, self.project)):
            save(self.thoas, day, target)
        save(self.newbie, 5)
        timeline = Timeline(self.newbie)

        timeline.mark_as_read(october(1))

        self.assertEqual([timeline.get_unread_count(limit=limit) for limit in (1, 2, 3, 4, None)], [1, 2, 3, 3, 3])
        self.assertEqual(timeline.get_unread_count(target=self.project, limit=2), 2)
        self.assertEqual(timeline.get_unread_count(target=self.project, limit=3), 2)
        with self.assertRaises(ValueError):
            timeline.get_unread_count(limit=0)

    def test_marks_belong_to_one_owner(self) -> None:
        namesake = ResourceKey(self.project_kind, key_of(self.newbie).object_id)
        follow(namesake, self.thoas)
        save(self.thoas, 1)

        Timeline(self.newbie).mark_as_read(october(1))

        self.assertEqual((Timeline(namesake).read_at, Timeline(namesake).get_unread_count()), (None, 1))
