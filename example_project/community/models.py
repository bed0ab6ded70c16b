"""Who and what there is: people and projects."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.urls import reverse

from sequere.mixin import SequereMixin

NAME_MAX_LENGTH = 200


class User(SequereMixin, AbstractUser):
    """Someone who follows projects and other people."""

    def get_absolute_url(self) -> str:
        return reverse("person", args=[self.username])


class Project(SequereMixin):
    """Something that is followed; projects follow each other too."""

    name = models.CharField(max_length=NAME_MAX_LENGTH, unique=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("project", args=[self.pk])
