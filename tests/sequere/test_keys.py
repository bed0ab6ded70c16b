"""Any primary key names a resource; whatever cannot is refused with a helpful message."""

from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils.functional import SimpleLazyObject

from sequere import ResourceKey
from sequere.exceptions import (
    AnonymousInstance,
    InvalidObjectId,
    NoInstance,
    NotRegistered,
    SelfFollowException,
    UnknownIdentifier,
    UnsavedInstance,
)
from sequere.models import Resource, follow, get_followers, get_followings, is_following
from sequere.registry import registry
from tests.factories import (
    DocumentFactory,
    FavouriteProjectFactory,
    PackageFactory,
    ProfileFactory,
    ProjectFactory,
    StarFactory,
    StrangerFactory,
    UserFactory,
)
from tests.testapp.models import Document, Package, Project, User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("factory", "object_id"),
    [
        (lambda: ProjectFactory(pk=7), "7"),
        (lambda: StarFactory(pk=2**63 - 1), str(2**63 - 1)),
        (lambda: DocumentFactory(pk=UUID(int=7)), str(UUID(int=7))),
        (lambda: PackageFactory(pk="libc6:amd64"), "libc6:amd64"),
        (lambda: PackageFactory(pk="L’été, 100 % \U0001f3ac '\"\\"), "L’été, 100 % \U0001f3ac '\"\\"),
        (lambda: ProfileFactory(user__pk=10**6), str(10**6)),
    ],
    ids=["int", "big int", "UUID", "text with a colon", "any text", "one-to-one"],
)
def test_any_primary_key(factory: Any, object_id: str) -> None:
    """No key overflows, collides or cannot be read back."""
    thoas, other = UserFactory(), factory()

    event = follow(thoas, other)
    follow(other, thoas)

    assert event is not None
    assert event.target == registry.key_of(other)
    assert event.target_object_id == object_id
    assert is_following(thoas, other)
    assert [one for one, _ in get_followings(thoas)] == [one for one, _ in get_followers(thoas)] == [other]


def test_equal_texts_of_different_kinds_do_not_collide() -> None:
    """The identifier is part of the key."""
    thoas = UserFactory()
    package, project = PackageFactory(pk="7"), ProjectFactory(pk=7)

    follow(thoas, package)

    assert (is_following(thoas, package), is_following(thoas, project)) == (True, False)


def test_a_key_stands_for_its_instance_in_any_spelling() -> None:
    thoas, document = UserFactory(), DocumentFactory(pk=UUID(int=7))
    follow(ResourceKey("user", f"0{thoas.pk}"), ResourceKey("document", UUID(int=7).hex))

    assert is_following(thoas, document)
    assert is_following(thoas, ResourceKey("document", str(UUID(int=7))))


def test_a_proxy_is_its_concrete_model() -> None:
    """The registered model stands for its proxies."""
    thoas, favourite = UserFactory(), FavouriteProjectFactory()
    follow(thoas, favourite)

    assert is_following(thoas, Project.objects.get(pk=favourite.pk))


def test_a_lazy_user_is_the_user() -> None:
    thoas, project = UserFactory(), ProjectFactory()
    lazy = SimpleLazyObject(lambda: User.objects.get(pk=thoas.pk))

    follow(lazy, project)

    assert is_following(thoas, project)
    with pytest.raises(SelfFollowException):
        follow(lazy, thoas)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (AnonymousUser, AnonymousInstance, "is_authenticated"),
        (lambda: SimpleLazyObject(AnonymousUser), AnonymousInstance, "is_authenticated"),
        (lambda: Project(name="new"), UnsavedInstance, "save"),
        (lambda: Document(name="new"), UnsavedInstance, "save"),
        (lambda: Package(pk="new"), UnsavedInstance, "save"),
        (StrangerFactory, NotRegistered, r"sequere\.register\(Stranger\)"),
        (lambda: None, NoInstance, "^None is not a model instance"),
        (lambda: "", NoInstance, "^'' is not a model instance"),
        (lambda: 7, NoInstance, "^a value of type int is not a model instance"),
        (lambda: Project, NoInstance, r"^testapp\.Project is not a model instance"),
        (Project.objects.all, NoInstance, "^a value of type QuerySet is not a model instance"),
        (lambda: ResourceKey("usr", "1"), UnknownIdentifier, "user"),
        (lambda: ResourceKey("project", "seven"), InvalidObjectId, r"^'seven' cannot be a key of 'project': .+[^.]\.$"),
        (lambda: ResourceKey("project", str(10**22)), InvalidObjectId, "less than or equal"),
        (lambda: ResourceKey("document", "7"), InvalidObjectId, "UUID"),
        (lambda: ResourceKey("package", "p" * 256), InvalidObjectId, "longer than 255"),
        (lambda: ResourceKey("package", "a\x00b"), InvalidObjectId, "NUL"),
        (lambda: ResourceKey("package", "a\ud800b"), InvalidObjectId, "surrogate"),
        (lambda: ResourceKey("project", "9" * 5000), InvalidObjectId, "longer than 255"),
    ],
)
def test_anything_without_a_key_is_refused(make: Any, error: type[Exception], words: str) -> None:
    """Nothing can be followed that cannot be found again."""
    thoas, other = UserFactory(), make()

    for call in (follow, is_following):
        with pytest.raises(error, match=words):
            call(thoas, other)
        with pytest.raises(error, match=words):
            call(other, thoas)


def test_a_deleted_instance_has_no_key() -> None:
    """Its key can still be asked about."""
    thoas, project = UserFactory(), ProjectFactory(pk=7)
    follow(thoas, project)
    project.delete()

    with pytest.raises(UnsavedInstance):
        is_following(thoas, project)
    assert not is_following(thoas, ResourceKey("project", "7"))


def test_reads_write_nothing() -> None:
    """Asking about a new instance leaves no trace."""
    thoas, project = UserFactory(), ProjectFactory()

    assert not is_following(thoas, project)
    assert get_followers(project).count() == len(get_followings(thoas)) == 0
    assert Resource.objects.count() == 0
