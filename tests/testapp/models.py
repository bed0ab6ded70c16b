"""Models of every kind that a host may register."""

from typing import Any
from uuid import uuid4

from django.contrib.auth.models import AbstractUser
from django.db import models

from sequere.mixin import SequereMixin


class User(SequereMixin, AbstractUser):
    """The users of the documentation: thoas, newbie."""


class Named(SequereMixin):
    name = models.CharField(max_length=150)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class Project(Named):
    """The project of the documentation: La classe americaine."""


class FavouriteProject(Project):
    class Meta:
        proxy = True


class BigProject(Project):
    """A child with a table of its own, not registered."""


class Document(Named):
    id = models.UUIDField(primary_key=True, default=uuid4)


class Package(Named):
    name = models.CharField(max_length=200, primary_key=True)


class Star(Named):
    id = models.BigIntegerField(primary_key=True)


class Profile(Named):
    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True)


class Basket(Named):
    """Always empty, and therefore falsy."""

    def __len__(self) -> int:
        return 0


class VisibleManager(models.Manager["Article"]):
    def get_queryset(self) -> models.QuerySet["Article"]:
        return super().get_queryset().filter(is_hidden=False)


class Article(Named):
    """Soft-deleted: the default manager hides it."""

    is_hidden = models.BooleanField(default=False)

    objects = VisibleManager()
    everything: models.Manager[Any] = models.Manager()


class Stranger(models.Model):
    """Never registered, unless a test does it."""

    name = models.CharField(max_length=150)

    def __str__(self) -> str:
        return self.name
