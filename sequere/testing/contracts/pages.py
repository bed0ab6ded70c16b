"""Pages with cursors neither repeat nor skip an entry of a list, whatever happens between two pages."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.db import models
from django.test import override_settings

from sequere.api import follow, follow_many, get_followers, get_followings, get_friends, unfollow
from sequere.exceptions import InvalidCursor
from sequere.results.cursors import CursorPage
from sequere.results.lazy import LazyList
from sequere.results.relations import RelationList
from sequere.testing.contracts.base import Contract, at


def pages_of(get: Callable[[], LazyList[Any]], size: int) -> Iterator[CursorPage[Any]]:
    """All pages of a list, each from a new list, as in separate requests."""
    page = get().page(size)
    yield page
    while page.next_cursor:
        page = get().page(size, page.next_cursor)
        yield page


def pages_before(page: CursorPage[Any], get: Callable[[], LazyList[Any]], size: int) -> Iterator[CursorPage[Any]]:
    """All pages before one, the nearest first, each from a new list."""
    while page.previous_cursor:
        page = get().page(size, page.previous_cursor)
        yield page


class PagesContract(Contract):
    """`page()` of the lists of relations."""

    def create_nine_fans(self) -> list[models.Model]:
        """Nine followers of the project, newest first; three for each moment."""
        fans = self.create_users(9)
        follow_many((fan, self.project, at(number // 3)) for number, fan in enumerate(fans))
        return [fan for fan, _ in get_followers(self.project)]

    def followers(self) -> RelationList:
        return get_followers(self.project)

    def test_pages_are_the_list_in_pieces(self) -> None:
        self.create_nine_fans()

        for desc in (True, False):
            whole = list(get_followers(self.project, desc=desc))
            for size in range(1, 11):
                pages = list(pages_of(partial(get_followers, self.project, desc=desc), size))
                expected = [whole[start : start + size] for start in range(0, 9, size)]
                self.assertEqual([page.items for page in pages], expected)

    def test_pages_of_followings_of_friends_and_of_one_kind(self) -> None:
        users = self.create_users(3)
        follow_many((self.thoas, other, at(minute)) for minute, other in enumerate([*users, self.project]))
        follow_many((user, self.thoas, at(9)) for user in users)

        for get in (
            partial(get_followings, self.thoas),
            partial(get_followings, self.thoas, identifier=self.user_kind),
            partial(get_friends, self.thoas),
            partial(get_friends, self.thoas, desc=False),
            partial(get_friends, self.thoas, identifier=self.project_kind),
        ):
            paged = [one for page in pages_of(get, 2) for one in page]
            self.assertEqual(paged, list(get()))

    def test_pages_lead_back(self) -> None:
        """Whatever has changed in front of them, the pages before have all that was there."""
        self.create_nine_fans()
        for desc in (True, False):
            get = partial(get_followers, self.project, desc=desc)
            for size in (1, 2, 4, 9):
                pages = list(pages_of(get, size))
                back = [*pages_before(pages[-1], get, size)][::-1]
                self.assertEqual([page.items for page in back], [page.items for page in pages[:-1]])
                self.assertEqual([page.next_cursor for page in back], [page.next_cursor for page in pages[:-1]])

    def test_a_page_before_has_what_came_in_between(self) -> None:
        fans = self.create_nine_fans()
        second = self.followers().page(3, self.followers().page(3).next_cursor)
        newcomer = self.create_user()
        follow(newcomer, self.project)
        unfollow(fans[1], self.project)

        before = self.followers().page(3, second.previous_cursor)

        self.assertEqual([fan for fan, _ in before], [newcomer, fans[0], fans[2]])
        self.assertEqual((before.previous_cursor, before.next_cursor is not None), (None, True))
        for fan in (newcomer, fans[0], fans[2]):
            unfollow(fan, self.project)
        self.assertEqual(self.followers().page(3, second.previous_cursor), self.followers().page(3))

    def test_a_page_has_as_many_as_the_setting_says(self) -> None:
        fans = self.create_nine_fans()

        with override_settings(SEQUERE_PAGE_SIZE=4):
            self.assertEqual([fan for fan, _ in self.followers().page()], fans[:4])

    def test_a_new_row_pushes_nothing_onto_the_next_page(self) -> None:
        fans = self.create_nine_fans()
        seen = []

        for page in pages_of(self.followers, 2):
            seen += [fan for fan, _ in page]
            follow(self.create_user(), self.project)

        self.assertEqual(seen, fans)

    def test_a_new_row_at_the_end_comes_on_the_last_page(self) -> None:
        fans = self.create_nine_fans()
        first = self.followers().page(5)
        long_ago = self.create_user()

        follow(long_ago, self.project, timestamp=at(-60))

        rest = self.followers().page(9, first.next_cursor)
        self.assertEqual([fan for fan, _ in rest], [*fans[5:], long_ago])

    def test_a_row_that_is_gone_pulls_nothing_onto_the_page_before(self) -> None:
        """Even if the last row of each page and the first row of the next one are gone when the next page is read."""
        for desc in (True, False):
            fans = self.create_nine_fans()
            if not desc:
                fans = fans[::-1]
            seen = []
            for page in pages_of(partial(get_followers, self.project, desc=desc), 2):
                seen += [fan for fan, _ in page]
                for gone in fans[len(seen) - 2 : len(seen) + 1]:
                    unfollow(gone, self.project)
                fans = fans[: len(seen)] + fans[len(seen) + 1 :]
            self.assertEqual(seen, fans)

    def test_the_last_page_has_no_cursor(self) -> None:
        self.create_nine_fans()

        for size, has_next in ((8, True), (9, False), (10, False)):
            self.assertEqual(self.followers().page(size).next_cursor is not None, has_next)
        nobody = get_followers(self.thoas).page(3)
        self.assertEqual((nobody.items, nobody.next_cursor, nobody.hidden), ([], None, 0))

    def test_what_is_hidden_makes_a_page_shorter_and_stops_nothing(self) -> None:
        fans = self.create_nine_fans()
        for hidden in (fans[1], fans[2], fans[3]):
            self.hide(hidden)

        pages = list(pages_of(self.followers, 2))

        self.assertEqual([len(page) for page in pages], [1, 0, 2, 2, 1])
        self.assertEqual([page.hidden for page in pages], [1, 2, 0, 0, 0])
        self.assertEqual([fan for page in pages for fan, _ in page], [fans[0], *fans[4:]])

    def test_a_cursor_that_is_made_up_is_refused(self) -> None:
        self.create_nine_fans()
        cursor = self.followers().page(2).next_cursor or ""

        for forged in ("x", ".", cursor[:-1], cursor[1:], f"{cursor}x", "é", "\x00", "\ud800", cursor * 100):
            with self.assertRaises(InvalidCursor):
                self.followers().page(2, forged)
        self.assertEqual(self.followers().page(2, ""), self.followers().page(2))

    def test_a_slice_has_no_cursors(self) -> None:
        followers: Any = self.followers()

        for part in (followers[1:], followers[:5]):
            with self.assertRaises(TypeError):
                part.page(2)
        with self.assertRaises(ValueError):
            followers.page(0)
