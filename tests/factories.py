"""Instances of the test app, with the names of the documentation."""

from typing import Any

import factory

from tests.testapp.models import (
    Article,
    Basket,
    BigProject,
    Document,
    FavouriteProject,
    Package,
    Profile,
    Project,
    Star,
    Stranger,
    User,
)


class UserFactory(factory.django.DjangoModelFactory[User]):
    class Meta:
        model = User

    username = factory.Sequence(lambda n: f"user{n}")


class NamedFactory(factory.django.DjangoModelFactory[Any]):
    class Meta:
        abstract = True

    name = factory.Sequence(lambda n: f"name {n}")


class ProjectFactory(NamedFactory):
    class Meta:
        model = Project


class FavouriteProjectFactory(NamedFactory):
    class Meta:
        model = FavouriteProject


class BigProjectFactory(NamedFactory):
    class Meta:
        model = BigProject


class DocumentFactory(NamedFactory):
    class Meta:
        model = Document


class PackageFactory(NamedFactory):
    class Meta:
        model = Package

    name = factory.Sequence(lambda n: f"lib:{n}:amd64")


class StarFactory(NamedFactory):
    class Meta:
        model = Star

    id = factory.Sequence(lambda n: 2**62 + n)


class ProfileFactory(NamedFactory):
    class Meta:
        model = Profile

    user = factory.SubFactory(UserFactory)


class BasketFactory(NamedFactory):
    class Meta:
        model = Basket


class ArticleFactory(NamedFactory):
    class Meta:
        model = Article


class StrangerFactory(NamedFactory):
    class Meta:
        model = Stranger
