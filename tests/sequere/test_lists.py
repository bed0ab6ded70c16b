"""get_followers(), get_followings() and get_friends() are lists, and ask only for what is looked at."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.paginator import Paginator
from django.db import connection
from django.template import Context, Template

from sequere.exceptions import NotRegistered, UnknownIdentifier
from sequere.models import follow, follow_many, get_followers, get_followers_count, get_followings, get_friends
from tests.factories import ArticleFactory, BasketFactory, ProjectFactory, StrangerFactory, UserFactory
from tests.statements import exactly
from tests.testapp.models import Article, Project, Stranger, User

pytestmark = pytest.mark.django_db

START = datetime(2013, 10, 25, tzinfo=UTC)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


@pytest.fixture
def film() -> Any:
    return ProjectFactory(name="La classe americaine")


@pytest.fixture
def fans(film: Project) -> list[User]:
    """Five of them, the newest first."""
    users = UserFactory.create_batch(5)
    for minute, user in enumerate(users):
        follow(user, film, timestamp=at(minute))
    return users[::-1]


def test_it_holds_instances_and_times_newest_first(film: Project, fans: list[User]) -> None:
    """D4, D18: the order belongs to the whole list, not to its slices, and each call has its own."""
    pairs = [(fan, at(4 - number)) for number, fan in enumerate(fans)]

    assert list(get_followers(film)) == pairs
    assert list(get_followers(film, desc=False)) == pairs[::-1]
    assert list(get_followers(film, desc=False)[0:2]) == pairs[::-1][0:2]


def test_it_is_read_like_a_list(film: Project, fans: list[User]) -> None:
    """Q1, Q2, Q3, Q6: iteration ends, [0] is the first, negative indices and steps work."""
    whole = list(get_followers(film))
    unread = get_followers(film).all

    assert [unread()[number] for number in range(-5, 5)] == [whole[number] for number in range(-5, 5)]
    for start in (None, 0, 1, 4, 5, 9, -1, -3, -9):
        for stop in (None, 0, 1, 4, 5, 9, -1, -3, -9):
            assert list(unread()[start:stop]) == whole[start:stop]
            assert unread()[start:stop].count() == len(whole[start:stop])
    assert [list(unread()[::2]), list(unread()[::-1]), list(unread()[3:0:-2])] == [
        whole[::2],
        whole[::-1],
        whole[3:0:-2],
    ]
    assert list(unread()[1:4][1:]) == whole[1:4][1:]
    assert (len(unread()), unread().count(), bool(unread()), unread().first()) == (5, 5, True, whole[0])
    assert [unread() == whole, unread() == unread(), unread() == whole[1:], whole[2] in unread()] == [
        True,
        True,
        False,
        True,
    ]
    assert list(reversed(unread())) == whole[::-1]
    assert list(unread().iterator(chunk_size=2)) == whole
    for number in (5, -6, 99):
        with pytest.raises(IndexError):
            unread()[number]


def test_an_empty_one_is_false_and_equal_to_nothing(film: Project) -> None:
    nobody = get_followers(film)

    assert (list(nobody), nobody.count(), len(nobody), bool(nobody), nobody.first(), repr(nobody)) == (
        [],
        0,
        0,
        False,
        None,
        "[]",
    )
    assert nobody == []


def test_it_is_shown_like_a_list_and_only_its_beginning(film: Project, fans: list[User]) -> None:
    assert repr(get_followers(film)[:1]) == f"[(<User: {fans[0]}>, {at(4)!r})]"

    follow_many((user, film) for user in UserFactory.create_batch(20))
    shown = repr(get_followers(film))
    assert shown.endswith(", '...(remaining elements truncated)...']")
    assert shown.count("<User: ") == 20


@pytest.mark.database
def test_a_page_costs_one_query_and_one_for_each_model(film: Project, fans: list[User]) -> None:
    """D17, Semantics, hydration: one query for each instance."""
    follow_many((project, film) for project in ProjectFactory.create_batch(30))

    with exactly(3):
        assert len(list(get_followers(film)[0:40])) == 35
    with exactly(1):
        assert get_followers(film).count() == 35
    with exactly(0):
        assert list(get_followers(film)[:0]) == list(get_followers(film)[3:3]) == []
    with exactly(2):
        assert get_followers(film).first() is not None
    followers = get_followers(film)
    with exactly(3):
        assert [len(followers), len(list(followers)), followers[0] == followers[0], len(followers[2:9])] == [
            35,
            35,
            True,
            7,
        ]


def test_django_paginates_it(film: Project, fans: list[User]) -> None:
    """D5: the count is that of the list."""
    pages = Paginator(get_followers(film), 2)

    assert (pages.count, pages.num_pages) == (5, 3)
    assert [[fan for fan, _ in page] for page in pages] == [fans[0:2], fans[2:4], fans[4:]]


def test_a_template_loops_over_it(film: Project, fans: list[User]) -> None:
    template = Template("{% if all %}{% for user, since in all %}{{ user.pk }} {% endfor %}{% endif %}{{ all|length }}")

    rendered = template.render(Context({"all": get_followers(film)}))

    assert rendered == " ".join([*(str(fan.pk) for fan in fans), "5"])


def test_what_was_read_stays_and_all_reads_again(film: Project, fans: list[User]) -> None:
    """Q4: all() is a new list."""
    before = get_followers(film)
    assert len(before) == 5

    follow(UserFactory(), film)

    assert (len(before), before.count(), len(before.all())) == (5, 6, 6)


@pytest.mark.database
def test_ties_are_in_the_order_of_the_log(film: Project) -> None:
    """R11, Semantics, ties: neither the order of keys nor a meaningless one."""
    users = UserFactory.create_batch(12)
    for user in users:
        follow(user, film, timestamp=START)

    assert [user for user, _ in get_followers(film)] == users[::-1]
    assert [user for user, _ in get_followers(film, desc=False)] == users


def test_one_kind_of_resource(film: Project) -> None:
    """D3, D16: equal keys of different kinds, and an identifier given as a class."""
    user, project = UserFactory(pk=7001), ProjectFactory(pk=7001)
    fan = UserFactory()
    follow(fan, user)
    follow(fan, project)

    assert [one for one, _ in get_followings(fan)] == [project, user]
    for identifier in ("user", User):
        assert [one for one, _ in get_followings(fan, identifier=identifier)] == [user]
        assert get_followings(fan, identifier=identifier).count() == 1
        assert get_followers_count(user, identifier=identifier) == 1
    assert get_followers_count(user, identifier=Project) == 0
    assert list(get_friends(fan, identifier="project")) == []


@pytest.mark.parametrize("get", [get_followers, get_followings, get_friends, get_followers_count])
def test_an_unknown_identifier_is_refused(film: Project, get: Any) -> None:
    with pytest.raises(UnknownIdentifier, match=r"use one of .*project.*user"):
        get(film, identifier="usr")
    with pytest.raises(NotRegistered, match=r"testapp\.Stranger"):
        get(film, identifier=Stranger)
    with pytest.raises(TypeError):
        get(film, "user")


def test_a_hidden_instance_never_breaks_a_page(film: Project) -> None:
    """D6: neither a bare key nor None stands for what the manager hides."""
    articles = ArticleFactory.create_batch(4)
    follow_many((article, film) for article in articles)
    Article.everything.filter(pk__in=[articles[3].pk, articles[1].pk]).update(is_hidden=True)
    followers = get_followers(film)

    assert [article for article, _ in followers] == [articles[2], articles[0]]
    assert (followers.count(), len(followers), followers.hidden) == (4, 2, 2)
    assert followers.all().first() == followers[0]
    assert followers.all()[0][0] == articles[2]
    assert followers.all()[-1][0] == articles[0]
    assert [len(page.object_list) for page in Paginator(get_followers(film), 2)] == [1, 1]
    assert bool(get_followers(film)[3:4]) is True
    assert bool(get_followers(film)[0:1]) is False


def test_the_last_one_may_be_hidden(film: Project) -> None:
    visible, hidden = ArticleFactory.create_batch(2)
    follow(hidden, film)
    follow(visible, film)
    Article.everything.filter(pk=hidden.pk).update(is_hidden=True)

    assert get_followers(film)[-1][0] == visible
    with pytest.raises(IndexError):
        get_followers(film)[1]


def test_a_falsy_instance_counts(film: Project) -> None:
    """D20: an instance with __len__ is a resource like any other."""
    basket = BasketFactory()

    follow(basket, film)

    assert [one for one, _ in get_followers(film)] == [basket]


def test_it_is_awaited(film: Project, fans: list[User]) -> None:
    async def read() -> tuple[list[User], int, Any]:
        followers = get_followers(film)
        return [user async for user, _ in followers], await followers.acount(), await followers.afirst()

    assert async_to_sync(read)() == (fans, 5, (fans[0], at(4)))


def test_a_stranger_has_no_list() -> None:
    with pytest.raises(NotRegistered):
        get_followers(StrangerFactory())


def test_two_slices_of_one_list_do_not_disturb_each_other(film: Project, fans: list[User]) -> None:
    """Q6: the limits were kept on the list."""
    followers = get_followers(film)

    crossed = [(one, other) for one, _ in followers[0:2] for other, _ in followers[3:5]]

    assert crossed == [(one, other) for one in fans[0:2] for other in fans[3:5]]
    assert [fan for fan, _ in followers] == fans


@pytest.mark.database
def test_a_stepped_slice_of_nothing_asks_once(film: Project) -> None:
    """Q6: it asked twice."""
    with exactly(1):
        assert get_followers(film)[::2] == []


def test_a_list_that_was_read_is_paged_without_repetition(film: Project, fans: list[User]) -> None:
    """Q5, Semantics, page stability: a new follower pushed the last one of a page onto the next."""
    followers = get_followers(film)
    len(followers)

    pages = [list(followers[0:2])]
    follow(UserFactory(), film)
    pages.append(list(followers[2:4]))

    assert [[fan for fan, _ in page] for page in pages] == [fans[0:2], fans[2:4]]


def test_a_list_that_is_gone_through_repeats_nothing(film: Project, fans: list[User]) -> None:
    """Q5."""
    seen = []

    for fan, _ in get_followers(film):
        seen.append(fan)
        follow(UserFactory(), film)

    assert seen == fans


def test_a_page_out_of_range_is_empty(film: Project, fans: list[User]) -> None:
    """Semantics, page number out of range: the last page came again and again."""
    assert [list(get_followers(film)[start : start + 2]) for start in (4, 6, 10**9)] == [
        [(fans[4], at(0))],
        [],
        [],
    ]


@pytest.mark.database
def test_a_long_list_costs_a_query_for_500_of_each_model(film: Project) -> None:
    """R20: the keys of a page were one unbounded IN."""
    follow_many((user, film) for user in UserFactory.create_batch(501))

    with exactly(3):
        assert len(get_followers(film)) == 501
    with exactly(1 + 6):
        assert sum(1 for _ in get_followers(film).iterator(chunk_size=100)) == 501


def test_first_skips_what_is_hidden(film: Project) -> None:
    articles = ArticleFactory.create_batch(3)
    follow_many((article, film) for article in articles)
    Article.everything.exclude(pk=articles[0].pk).update(is_hidden=True)

    first = get_followers(film).first()

    assert first is not None
    assert first[0] == articles[0]


def test_a_list_of_what_is_all_hidden_is_empty(film: Project) -> None:
    follow(ArticleFactory(is_hidden=True), film)

    followers = get_followers(film)

    assert (list(followers), bool(followers), followers.first(), repr(followers)) == ([], False, None, "[]")
    assert (followers.count(), followers.hidden) == (1, 1)


@pytest.mark.database
@pytest.mark.parametrize("get", [get_followers, get_followings, get_friends])
@pytest.mark.parametrize("options", [{}, {"desc": False}, {"identifier": "user"}])
def test_a_page_is_read_from_an_index(film: Project, fans: list[User], get: Any, options: dict[str, Any]) -> None:
    """D20: no index had kind, key and time together."""
    rows = get(fans[0], **options)._source.rows(0, 20)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")

    plan = rows.explain()

    assert "sequere_follow_" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


def test_an_index_means_the_same_before_and_after_reading(film: Project) -> None:
    """D6: the hidden ones are no items, so they have no index."""
    articles = ArticleFactory.create_batch(5)
    follow_many((article, film) for article in articles)
    Article.everything.filter(pk__in=[articles[4].pk, articles[2].pk]).update(is_hidden=True)
    read = get_followers(film)
    whole = list(read)

    unread = [get_followers(film)[number] for number in range(-len(whole), len(whole))]

    assert unread == [read[number] for number in range(-len(whole), len(whole))] == whole + whole
