"""Pages with cursors neither repeat nor skip an action, whatever is saved or deleted between two pages."""

from collections.abc import Callable
from functools import partial

from sequere.api import follow
from sequere.exceptions import InvalidCursor
from sequere.testing.contracts.pages import pages_before, pages_of
from sequere_timeline.actions import Action
from sequere_timeline.backends.base import ActionList
from sequere_timeline.testing.contracts.base import Likes, TimelineContract, save
from sequere_timeline.timeline import Timeline


class TimelinePagesContract(TimelineContract):
    """`page()` of private and public timelines."""

    def lists(self, *, desc: bool = True) -> tuple[Callable[[], ActionList], ...]:
        """The actions of thoas: in the private, the public, and the follower's timeline."""
        own, follower = Timeline(self.thoas), Timeline(self.newbie)
        return tuple(partial(get, desc=desc) for get in (own.get_private, own.get_public, follower.get_private))

    def save_nine(self) -> list[Action]:
        """Nine actions of thoas, newest first; three for each day."""
        follow(self.newbie, self.thoas)
        for number in range(9):
            save(self.thoas, 1 + number // 3)
        return list(Timeline(self.thoas).get_public())

    def test_pages_are_the_timeline_in_pieces(self) -> None:
        self.save_nine()

        for desc in (True, False):
            for get in self.lists(desc=desc):
                whole = list(get())
                for size in range(1, 11):
                    expected = [whole[start : start + size] for start in range(0, 9, size)]
                    self.assertEqual([page.items for page in pages_of(get, size)], expected)

    def test_pages_lead_back(self) -> None:
        self.save_nine()

        for desc in (True, False):
            for get in self.lists(desc=desc):
                pages = list(pages_of(get, 2))
                back = [*pages_before(pages[-1], get, 2)][::-1]
                self.assertEqual([page.items for page in back], [page.items for page in pages[:-1]])

    def test_pages_of_what_a_filter_finds(self) -> None:
        for day in (1, 1, 1, 2, 2, 3):
            save(self.thoas, day)
            save(self.thoas, day, self.project, kind=Likes)
        timeline = Timeline(self.thoas)

        for get in (
            partial(timeline.get_private, action=Likes),
            partial(timeline.get_public, target=self.project),
            partial(timeline.get_private, action=Likes, target=type(self.project), desc=False),
        ):
            paged = [action for page in pages_of(get, 2) for action in page]
            self.assertEqual((paged, len(paged)), (list(get()), 6))
        self.assertEqual(timeline.get_public(action="contract: leaves").page(2).items, [])

    def test_a_new_action_pushes_nothing_onto_the_next_page(self) -> None:
        actions = self.save_nine()
        for get in self.lists():
            before = list(get())
            seen: list[Action] = []

            for page in pages_of(get, 2):
                seen += page
                save(self.thoas)

            self.assertEqual(seen, before)
            self.assertEqual(seen[-9:], actions)

    def test_a_deleted_action_pulls_nothing_onto_the_page_before(self) -> None:
        """Even if the last action of each page and the first one of the next are gone when the next page is read."""
        for desc in (True, False):
            for number in range(3):
                self.save_nine()
                get = self.lists(desc=desc)[number]
                actions = list(get())
                seen: list[Action] = []
                for page in pages_of(get, 2):
                    seen += page
                    for gone in actions[len(seen) - 2 : len(seen) + 1]:
                        Timeline(self.thoas).delete(gone)
                    actions = actions[: len(seen)] + actions[len(seen) + 1 :]
                self.assertEqual(seen, actions)

    def test_an_entry_that_has_another_reason_by_then_stays_where_it_is(self) -> None:
        actions = self.save_nine()
        first = Timeline(self.newbie).get_private().page(2)

        Timeline(self.newbie).save(actions[1])
        Timeline(self.newbie).save(actions[2])

        rest = Timeline(self.newbie).get_private().page(9, first.next_cursor)
        self.assertEqual([*first, *rest], actions)

    def test_an_action_whose_actor_is_hidden_makes_a_page_shorter(self) -> None:
        (hidden,) = self.create_users(1)
        follow(self.newbie, hidden)
        actions = self.save_nine()
        save(hidden, 2)
        self.hide(hidden)

        pages = list(pages_of(Timeline(self.newbie).get_private, 4))

        self.assertEqual([action for page in pages for action in page], actions)
        self.assertEqual([page.hidden for page in pages], [1, 0, 0])

    def test_with_a_cap_pages_end_where_the_timeline_does(self) -> None:
        self.configure(MAX_LENGTH=6)
        actions = self.save_nine()
        get = Timeline(self.newbie).get_private

        self.assertEqual([action for page in pages_of(get, 4) for action in page], list(get()))
        self.assertEqual([*get()][:6], actions[:6])

    def test_with_a_cap_pages_of_what_a_filter_finds_end_where_the_timeline_does(self) -> None:
        """Even if it is trimmed between two pages."""
        self.configure(MAX_LENGTH=6)
        follow(self.newbie, self.thoas)
        for day in range(1, 13):
            save(self.thoas, day, self.project if day % 2 else None, kind=Likes)
        get = partial(Timeline(self.newbie).get_private, action=Likes, target=self.project)

        self.assertEqual([[action.date.day for action in page] for page in pages_of(get, 2)], [[11, 9], [7]])

        first = get().page(1)
        save(self.thoas, 20)
        save(self.thoas, 21)
        rest = get().page(9, first.next_cursor)
        self.assertEqual(([action.date.day for action in rest], rest.next_cursor), ([9], None))

    def test_a_page_that_begins_below_what_a_cap_has_cut_is_that_of_the_oldest(self) -> None:
        oldest_first = partial(Timeline(self.newbie).get_private, desc=False)
        self.save_nine()
        first = oldest_first().page(2)
        self.configure(MAX_LENGTH=4)
        for _ in range(3):
            save(self.thoas, 9)

        rest = oldest_first().page(20, first.next_cursor)

        self.assertEqual(rest.items, list(oldest_first()))

    def test_a_cursor_that_is_made_up_is_refused(self) -> None:
        self.save_nine()

        for get in self.lists():
            with self.assertRaises(InvalidCursor):
                get().page(2, "made.up")
