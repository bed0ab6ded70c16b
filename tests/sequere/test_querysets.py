"""Follows in querysets of the host's models."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, models
from django.db.models import Q

from sequere import querysets
from sequere.base import ResourceKey
from sequere.exceptions import AnonymousInstance, NotSupported, TooManyIds, UnsavedInstance
from sequere.log.locks import Resource
from sequere.models import follow, follow_many, unfollow
from sequere.querysets import (
    FollowQuerySet,
    followed_by,
    followers_count,
    followings_count,
    follows,
    most_followed,
    with_following,
)
from tests.conftest import BACKEND
from tests.factories import ArticleFactory, BigProjectFactory, PackageFactory, ProjectFactory, UserFactory
from tests.statements import exactly
from tests.testapp.models import (
    Article,
    BigProject,
    Circle,
    Document,
    FavouriteProject,
    Invoice,
    Order,
    Price,
    Profile,
    Project,
    Showing,
    Square,
    Star,
    Tag,
    Ticket,
    Ulid,
    User,
)

pytestmark = pytest.mark.django_db

in_sql = pytest.mark.skipif(BACKEND != "database", reason="annotations need the tables of DatabaseBackend")

#: For each kind of keys, two instances.
TWO: dict[str, Callable[[], list[Any]]] = {
    "integers": lambda: [ProjectFactory(), ProjectFactory()],
    "negative integers": lambda: [ProjectFactory(pk=-3), ProjectFactory(pk=3)],
    "64 bits": lambda: [Star.objects.create(pk=-(2**63)), Star.objects.create(pk=2**63 - 1)],
    "UUIDs": lambda: [Document.objects.create(name=name) for name in "ab"],
    "texts": lambda: [PackageFactory(name="lib:é:amd64"), PackageFactory(name="50%")],
    "one-to-one": lambda: [Profile.objects.create(user=UserFactory(pk=UserFactory().pk + 7)) for _ in "ab"],
    "texts for integers": lambda: [Order.objects.create(pk=f"order_{n}") for n in ("ff", "100")],
    "one-to-one to these": lambda: [
        Invoice.objects.create(order=Order.objects.create(pk=f"order_{n}")) for n in ("ff", "100")
    ],
    "objects for UUIDs": lambda: [Ticket.objects.create(pk=Ulid(UUID(int=n))) for n in (1, 2)],
    "decimals": lambda: [Price.objects.create(pk=Decimal(n)) for n in ("1.50", "20")],
    "datetimes": lambda: [Showing.objects.create(pk=datetime(2013, 10, day, tzinfo=UTC)) for day in (25, 26)],
    "a child": lambda: [Circle.objects.create(), Circle.objects.create()],
    "a child that is not registered": lambda: [BigProjectFactory(), BigProjectFactory()],
    "a child with a key of its own": lambda: [Square.objects.create(number=9), Square.objects.create(number=8)],
}
#: Kinds of keys of which SQL does not make the texts.
BY_IDS = {"datetimes", *(["decimals"] if connection.vendor == "sqlite" else [])}


@pytest.mark.parametrize("kind", TWO)
def test_a_queryset_has_what_somebody_follows_and_who_follows(kind: str, thoas: User) -> None:
    one, other = TWO[kind]()
    objects = type(one)._default_manager.order_by()
    follow(thoas, one)
    follow(other, thoas)

    found = [objects.filter(followed_by(thoas)), objects.filter(follows(thoas))]
    others = [objects.exclude(followed_by(thoas)), objects.filter(~Q(follows(thoas)))]

    assert [list(each) for each in found] == [[one], [other]]
    assert [list(each) for each in others] == [[other], [one]]
    assert list(objects.filter(followed_by(thoas), pk=one.pk)) == [one]
    assert objects.filter(Q(followed_by(thoas)) | Q(follows(thoas))).count() == 2


@in_sql
@pytest.mark.parametrize("kind", TWO.keys() - BY_IDS)
def test_annotations(kind: str, thoas: User, newbie: User) -> None:
    one, other = TWO[kind]()
    follow_many([(thoas, one), (newbie, one), (other, one), (other, thoas)])

    annotated = type(one)._default_manager.annotate(
        mine=with_following(thoas), n=followers_count(), followings=followings_count()
    )

    assert {each.pk: (each.mine, each.n, each.followings) for each in annotated.filter(n__gte=0)} == {
        one.pk: (True, 3, 0),
        other.pk: (False, 0, 2),
    }
    assert [each.pk for each in annotated.order_by("-n", "pk")] == [one.pk, other.pk]
    assert [each.pk for each in annotated.filter(mine=False)] == [other.pk]
    assert [each.pk for each in annotated.filter(mine=True)] == [one.pk]


@in_sql
@pytest.mark.parametrize("kind", BY_IDS)
def test_annotations_of_other_keys_say_what_to_do(kind: str) -> None:
    model = type(TWO[kind]()[0])

    with pytest.raises(NotSupported, match=r"SQL does not know the texts of a \w+: ask get_followers_count\(\)"):
        list(model._default_manager.annotate(n=followers_count()))


@in_sql
@pytest.mark.django_db(transaction=True)
def test_what_no_key_of_the_model_can_be_is_not_found(thoas: User) -> None:
    """As after the type of its keys has changed."""
    project = ProjectFactory(pk=5)
    for object_id in ("05", "abc", "9" * 19, "1" * 30, " 5", "5.0", ""):
        _follow_from_elsewhere(thoas, ResourceKey("project", object_id))
        _follow_from_elsewhere(thoas, ResourceKey("document", object_id))

    assert list(Project.objects.filter(followed_by(thoas))) == []
    assert list(Document.objects.filter(followed_by(thoas))) == []
    assert list(Project.objects.exclude(followed_by(thoas))) == [project]


def _follow_from_elsewhere(follower: Any, key: ResourceKey) -> None:
    """A follow of a key that the registry would refuse."""
    package = PackageFactory(name=f"{key} of {follower.pk}")
    follow(follower, package)
    Resource.objects.filter(identifier="package", object_id=package.pk).update(
        identifier=key.identifier, object_id=key.object_id
    )


def test_a_collation_finds_no_more_than_python(thoas: User) -> None:
    tag = Tag.objects.create(name="Film")
    follow(thoas, ResourceKey("tag", "film"))

    assert list(Tag.objects.filter(followed_by(thoas))) == []

    follow(thoas, tag)

    assert list(Tag.objects.filter(followed_by(thoas))) == [tag]


def test_it_is_evaluated_when_it_is_used(thoas: User, project: Project) -> None:
    with exactly(0):
        mine = Project.objects.filter(followed_by(thoas))
    assert list(mine.all()) == []

    follow(thoas, project)
    assert list(mine.all()) == [project]

    unfollow(thoas, project)
    assert list(mine.all()) == []


@pytest.mark.database
def test_it_is_a_part_of_the_statement(thoas: User, project: Project) -> None:
    """Only for a condition that a statement may begin with, its numbers are looked up."""
    follow(thoas, project)

    with exactly(1):
        list(Project.objects.exclude(followed_by(thoas)).annotate(mine=with_following(thoas)))
    with exactly(2):
        list(Project.objects.filter(followed_by(thoas)).annotate(n=followers_count()).order_by("-n"))


def test_in_subqueries_joins_and_updates(thoas: User, newbie: User) -> None:
    profile = Profile.objects.create(user=newbie)
    Profile.objects.create(user=thoas)
    follow(thoas, newbie)

    authors = User.objects.filter(followed_by(thoas))
    assert list(Profile.objects.filter(user__in=authors)) == [profile]
    assert list(Profile.objects.select_related("user").filter(user__in=authors).order_by("user__username")) == [profile]
    assert authors.update(first_name="Newbie") == 1
    assert authors.filter(Q(first_name="Newbie") & Q(is_staff=False)).delete()[1]["testapp.User"] == 1


@in_sql
def test_aggregates(thoas: User, newbie: User) -> None:
    projects = [ProjectFactory() for _ in range(3)]
    follow_many([(thoas, projects[0]), (newbie, projects[0]), (thoas, projects[1])])

    counted = Project.objects.annotate(n=followers_count())

    assert counted.aggregate(models.Sum("n"), models.Max("n")) == {"n__sum": 3, "n__max": 2}
    assert list(counted.values_list("n").annotate(models.Count("pk")).order_by("n")) == [(0, 1), (1, 1), (2, 1)]
    assert [type(one.n) for one in counted] == [int] * 3


@in_sql
def test_most_followed(thoas: User, newbie: User) -> None:
    one, other, third = (ProjectFactory() for _ in range(3))
    big = BigProjectFactory()
    follow_many([(thoas, other), (newbie, other), (thoas, one), (thoas, third), (newbie, third), (thoas, big)])

    ranked = most_followed(Project)

    assert [(each.pk, each.followers_count) for each in ranked] == [  # type: ignore[attr-defined]
        (other.pk, 2),
        (third.pk, 2),
        (one.pk, 1),
        (big.pk, 1),
    ]
    assert list(most_followed(BigProject)) == [big]
    assert [type(each) for each in most_followed(FavouriteProject)[:1]] == [FavouriteProject]


@in_sql
def test_hidden_ones_are_counted_but_not_in_the_queryset(thoas: User, newbie: User) -> None:
    shown, hidden = ArticleFactory(), ArticleFactory(is_hidden=True)
    follow_many([(thoas, shown), (thoas, hidden), (newbie, hidden)])
    User.objects.filter(pk=newbie.pk)._raw_delete("default")

    assert list(most_followed(Article)) == [shown]
    assert list(Article.objects.filter(followed_by(thoas))) == [shown]
    assert list(Article.everything.filter(followed_by(thoas)).order_by("pk")) == [shown, hidden]
    assert Article.everything.annotate(n=followers_count()).get(pk=hidden.pk).n == 2


@in_sql
def test_a_queryset_of_the_host(thoas: User, newbie: User, project: Project) -> None:
    follow_many([(thoas, project), (newbie, thoas)])
    projects, users = FollowQuerySet(Project), FollowQuerySet(User)

    assert list(projects.followed_by(thoas)) == [project]
    assert list(users.follows(project)) == [thoas]
    assert projects.with_following(newbie).get().is_followed is False
    assert [(one.followers_count, one.followings_count) for one in users.with_counts().order_by("pk")] == [
        (1, 1),
        (0, 1),
    ]
    assert [one.pk for one in users.most_followed()] == [thoas.pk, newbie.pk]


def test_scopes(thoas: User, project: Project) -> None:
    other = ProjectFactory()
    follow(thoas, project, scope="watch")
    follow(thoas, other)

    assert list(Project.objects.filter(followed_by(thoas, scope="watch"))) == [project]
    assert list(Project.objects.exclude(followed_by(thoas, scope="watch"))) == [other]
    assert list(User.objects.filter(follows(project, scope="watch"))) == [thoas]
    assert list(User.objects.filter(follows(project))) == []
    assert list(Project.objects.filter(followed_by(thoas, scope="100%"))) == []


@in_sql
def test_annotations_with_scopes(thoas: User, project: Project) -> None:
    follow(thoas, project, scope="watch")
    projects = FollowQuerySet(Project)

    watched = projects.with_counts(scope="watch").with_following(thoas, scope="watch").get()
    assert (watched.followers_count, watched.is_followed) == (1, True)
    assert (projects.with_following(thoas).get().is_followed, projects.with_counts().get().followers_count) == (
        False,
        0,
    )
    assert [one.followers_count for one in most_followed(Project, scope="watch")] == [1]  # type: ignore[attr-defined]


def test_who_cannot_follow_is_refused_at_once() -> None:
    from django.contrib.auth.models import AnonymousUser

    with pytest.raises(AnonymousInstance):
        followed_by(AnonymousUser())
    with pytest.raises(UnsavedInstance):
        follows(User())


PLANS: dict[str, Callable[[User, Project], Any]] = {
    "followed_by": lambda user, project: Project.objects.filter(followed_by(user)),
    "followed_by, a page": lambda user, project: Project.objects.filter(followed_by(user)).order_by("name")[:25],
    "followed_by, not": lambda user, project: Project.objects.exclude(followed_by(user))[:25],
    "followed_by, or": lambda user, project: Project.objects.filter(Q(followed_by(user)) | Q(name="x")),
    "followed_by, one": lambda user, project: Project.objects.filter(followed_by(user), pk=project.pk),
    "follows": lambda user, project: User.objects.filter(follows(project)),
    "follows, one": lambda user, project: User.objects.filter(follows(project), pk=user.pk),
    "follows, not": lambda user, project: User.objects.exclude(follows(project)),
    "with_following": lambda user, project: Project.objects.annotate(mine=with_following(user)),
    "most_followed": lambda user, project: most_followed(Project),
    "in a subquery": lambda user, project: Profile.objects.filter(user__in=User.objects.filter(followed_by(user))),
}


@pytest.mark.database
def test_no_plan_reads_all_relations(thoas: User) -> None:
    """With what PostgreSQL has learnt about the sizes of the tables, and as SQLite plans without."""
    users = User.objects.bulk_create(User(username=f"user {n}") for n in range(1000))
    projects = Project.objects.bulk_create(Project(name=f"project {n}") for n in range(500))
    follow_many((user, projects[(n * k) % 500]) for n, user in enumerate(users) for k in (1, 7, 11, 13, 17))
    follow_many((user, projects[0]) for user in users[:200])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")

    plans = {name: queryset(users[5], projects[0]).explain() for name, queryset in PLANS.items()}

    assert [name for name, plan in plans.items() if _reads_all_relations(plan)] == []


def _reads_all_relations(plan: str) -> bool:
    in_words = "Seq Scan on sequere_database_relation" if connection.vendor == "postgresql" else "SCAN l"
    return in_words in plan


def test_a_condition_takes_ids_where_it_cannot_join(thoas: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not too many, whatever the reason: here, that SQL does not know the texts of datetimes."""
    monkeypatch.setattr(querysets, "MAX_IDS", 2)
    shows = [Showing(pk=datetime.fromtimestamp(second, UTC)) for second in range(3)]
    Showing.objects.bulk_create(shows)
    follow_many((thoas, one) for one in shows[:2])
    assert Showing.objects.filter(followed_by(thoas)).count() == 2

    follow(thoas, shows[2])

    with pytest.raises(
        TooManyIds, match=r"at most 2 instances of testapp.Showing, .* of user:\d+: .*get_followings\(\)"
    ):
        Showing.objects.filter(followed_by(thoas)).count()
