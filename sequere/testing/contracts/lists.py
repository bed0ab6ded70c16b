"""Lists of relations load only what is read, and behave like any other list."""

from typing import cast

from django.core.paginator import Paginator
from django.db import models

from sequere.api import (
    follow,
    follow_many,
    get_followers,
    get_followers_count,
    get_followings,
    get_followings_count,
    get_friends_count,
    is_following,
    unfollow,
)
from sequere.results.relations import RelationList
from sequere.testing.contracts.base import Contract, at, key_of


class ListsContract(Contract):
    """Order, slices, pages, and instances that cannot be shown."""

    def create_fans(self) -> list[models.Model]:
        """Five followers of the project, newest first."""
        fans = self.create_users(5)
        follow_many((fan, self.project, at(minute)) for minute, fan in enumerate(fans))
        return fans[::-1]

    def followers(self) -> RelationList:
        return get_followers(self.project)

    def slice(self, start: int | None, stop: int | None) -> RelationList:
        return cast(RelationList, self.followers()[start:stop])

    def shown(self) -> list[models.Model]:
        return [follower for follower, _ in self.followers()]

    def test_it_holds_instances_and_times_newest_first(self) -> None:
        """The order belongs to the whole list, not to its slices, and each call has its own."""
        fans = self.create_fans()
        pairs = [(fan, at(4 - number)) for number, fan in enumerate(fans)]

        self.assertEqual(list(self.followers()), pairs)
        self.assertEqual(list(get_followers(self.project, desc=False)), pairs[::-1])
        self.assertEqual(list(get_followers(self.project, desc=False)[0:2]), pairs[::-1][0:2])

    def test_it_is_in_the_order_of_the_times_that_are_given(self) -> None:
        others = self.create_users(3)
        for other, minute in zip(others, (3, 1, 2), strict=True):
            follow(self.thoas, other, timestamp=at(minute))

        self.assertEqual([other for other, _ in get_followings(self.thoas)], [others[0], others[2], others[1]])

    def test_it_is_read_like_a_list(self) -> None:
        """Iteration ends, [0] is the first, negative indices and steps work."""
        self.create_fans()
        whole = list(self.followers())
        unread = self.followers

        self.assertEqual([unread()[number] for number in range(-5, 5)], whole * 2)
        for start in (None, 0, 1, 4, 5, 9, -1, -3, -9):
            for stop in (None, 0, 1, 4, 5, 9, -1, -3, -9):
                part = self.slice(start, stop)
                self.assertEqual((part.count(), list(part)), (len(whole[start:stop]), whole[start:stop]))
        for steps in (slice(None, None, 2), slice(None, None, -1), slice(3, 0, -2)):
            self.assertEqual(list(unread()[steps]), whole[steps])
        self.assertEqual(list(unread()[1:4][1:]), whole[1:4][1:])
        self.assertEqual((len(unread()), unread().count(), bool(unread()), unread().first()), (5, 5, True, whole[0]))
        self.assertEqual([unread() == whole, unread() == whole[1:], whole[2] in unread()], [True, False, True])
        self.assertEqual(list(reversed(unread())), whole[::-1])
        self.assertEqual(list(unread().iterator(chunk_size=2)), whole)
        self.assertEqual(list(self.slice(1, 4).iterator(chunk_size=2)), whole[1:4])
        for number in (5, -6, 99):
            with self.assertRaises(IndexError):
                unread()[number]

    def test_an_empty_one_is_false_and_equal_to_nothing(self) -> None:
        nobody = get_followers(self.thoas)

        self.assertEqual((list(nobody), nobody.count(), len(nobody), bool(nobody)), ([], 0, 0, False))
        self.assertEqual((nobody.first(), repr(nobody), list(nobody.iterator())), (None, "[]", []))
        self.assertEqual(nobody, [])

    def test_django_paginates_it(self) -> None:
        """The count is that of the list."""
        fans = self.create_fans()
        pages = Paginator(self.followers(), 2)

        self.assertEqual((pages.count, pages.num_pages), (5, 3))
        self.assertEqual([[fan for fan, _ in page.object_list] for page in pages], [fans[0:2], fans[2:4], fans[4:]])

    def test_a_page_out_of_range_is_empty(self) -> None:
        """The last page is not repeated."""
        fans = self.create_fans()
        pages = [[fan for fan, _ in self.followers()[start : start + 2]] for start in (4, 6, 10**9)]

        self.assertEqual(pages, [[fans[4]], [], []])

    def test_what_was_read_stays_and_all_reads_again(self) -> None:
        """all() is a new list."""
        self.create_fans()
        before = self.followers()
        self.assertEqual(len(before), 5)

        follow(self.thoas, self.project)

        self.assertEqual((len(before), before.count(), len(before.all())), (5, 6, 6))

    def test_a_list_that_was_read_is_paged_without_repetition(self) -> None:
        """A new follower does not push the last one of a page onto the next page."""
        fans = self.create_fans()
        followers = self.followers()
        len(followers)

        pages = [list(followers[0:2])]
        follow(self.thoas, self.project)
        pages.append(list(followers[2:4]))

        self.assertEqual([[fan for fan, _ in page] for page in pages], [fans[0:2], fans[2:4]])

    def test_a_list_that_is_gone_through_repeats_nothing(self) -> None:
        fans = self.create_fans()
        seen = []

        for fan, _ in self.followers():
            seen.append(fan)
            follow(self.create_user(), self.project)

        self.assertEqual(seen, fans)

    def test_a_list_that_is_streamed_neither_repeats_nor_skips(self) -> None:
        """Follows that begin or end do not shift the rest of the list."""
        fans = self.create_fans()
        seen = []

        for fan, _ in self.followers().iterator(chunk_size=1):
            seen.append(fan)
            follow(self.create_user(), self.project)
            unfollow(fan, self.project)

        self.assertEqual(seen, fans)

    def test_two_slices_of_one_list_do_not_disturb_each_other(self) -> None:
        """The limits of a slice are not kept on the list."""
        fans = self.create_fans()
        followers = self.followers()

        crossed = [(one, other) for one, _ in followers[0:2] for other, _ in followers[3:5]]

        self.assertEqual(crossed, [(one, other) for one in fans[0:2] for other in fans[3:5]])
        self.assertEqual([fan for fan, _ in followers], fans)

    def test_ties_have_an_order_that_stays(self) -> None:
        users = self.create_users(12)
        for user in users:
            follow(self.thoas, user, timestamp=at(0))

        newest_first = [user for user, _ in get_followings(self.thoas)]
        paged = [user for start in range(0, 12, 5) for user, _ in get_followings(self.thoas)[start : start + 5]]
        oldest_first = [user for user, _ in get_followings(self.thoas, desc=False)]

        self.assertEqual((paged, oldest_first), (newest_first, newest_first[::-1]))
        self.assertCountEqual(newest_first, users)

    def test_one_kind_of_resource(self) -> None:
        """An identifier can be given as a class."""
        follow(self.thoas, self.newbie, timestamp=at(1))
        follow(self.thoas, self.project, timestamp=at(2))

        self.assertEqual([one for one, _ in get_followings(self.thoas)], [self.project, self.newbie])
        for kind in (self.user_kind, type(self.newbie)):
            followings = get_followings(self.thoas, identifier=kind)
            self.assertEqual(([one for one, _ in followings], followings.count()), ([self.newbie], 1))
        self.assertEqual(list(get_followers(self.thoas, identifier=self.project_kind)), [])

    def test_a_hidden_instance_never_breaks_a_page(self) -> None:
        """Neither a bare key nor None stands for an instance that cannot be shown."""
        fans = self.create_fans()
        for hidden in (fans[1], fans[3]):
            self.hide(hidden)
        visible = [fans[0], fans[2], fans[4]]
        followers = self.followers()

        self.assertEqual(self.shown(), visible)
        self.assertEqual((followers.count(), len(followers), followers.hidden), (5, 3, 2))
        unread = [self.followers()[number][0] for number in range(-3, 3)]
        self.assertEqual(unread, visible + visible)
        pages = Paginator(self.followers(), 2)
        self.assertEqual([len(page.object_list) for page in pages], [1, 1, 1])
        self.assertEqual([bool(self.followers()[1:2]), bool(self.followers()[2:3])], [False, True])
        with self.assertRaises(IndexError):
            self.followers()[3]

    def test_what_is_hidden_can_be_unfollowed_by_its_key(self) -> None:
        """Otherwise a ghost would be counted for ever."""
        ghost = self.create_user()
        follow(self.thoas, ghost)
        follow(ghost, self.thoas)
        self.hide(ghost)
        key = key_of(ghost)

        for one, other in ((self.thoas, key), (key, self.thoas)):
            self.assertTrue(is_following(one, other))
            self.assertIsNotNone(unfollow(one, other))

        counts = get_followings_count(self.thoas), get_followers_count(self.thoas), get_friends_count(self.thoas)
        self.assertEqual((counts, is_following(self.thoas, key)), ((0, 0, 0), False))
        self.assertEqual((get_followers(self.thoas).hidden, get_followings(self.thoas).hidden), (0, 0))

    def test_first_skips_what_is_hidden(self) -> None:
        fans = self.create_fans()
        for hidden in fans[:4]:
            self.hide(hidden)

        self.assertEqual(self.followers().first(), (fans[4], at(0)))

    def test_a_list_of_what_is_all_hidden_is_empty(self) -> None:
        follow(self.newbie, self.thoas)
        self.hide(self.newbie)

        followers = get_followers(self.thoas)

        self.assertEqual(
            (list(followers), bool(followers), followers.first(), repr(followers)), ([], False, None, "[]")
        )
        self.assertEqual((followers.count(), followers.hidden), (1, 1))

    def test_a_list_shrinks_where_a_follow_ends(self) -> None:
        fans = self.create_fans()
        unfollow(fans[2], self.project)
        unfollow(fans[0], self.project)

        self.assertEqual(self.shown(), [fans[1], fans[3], fans[4]])
        self.assertEqual(get_followers(key_of(self.project))[-1], (fans[4], at(0)))
