"""People and projects."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from sequere.mixin import SequereMixin

NAME_MAX_LENGTH = 200
TEXT_MAX_LENGTH = 280


class User(SequereMixin, AbstractUser):
    """A person who follows projects and other people."""

    about = models.CharField(_("about you"), max_length=TEXT_MAX_LENGTH, blank=True)
    is_private = models.BooleanField(
        _("private profile"), default=False, help_text=_("You accept or deny everybody who wants to follow you.")
    )

    def __str__(self) -> str:
        return self.get_full_name() or self.username

    def get_absolute_url(self) -> str:
        return reverse("person", args=[self.username])


class Project(SequereMixin):
    """A project. People follow it, and projects follow each other."""

    name = models.CharField(_("name"), max_length=NAME_MAX_LENGTH, unique=True)
    about = models.CharField(_("what it is about"), max_length=TEXT_MAX_LENGTH, blank=True)
    owner = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="projects", verbose_name=_("owner")
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("project", args=[self.pk])
