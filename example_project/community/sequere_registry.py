"""The registered models, and their actions."""

from typing import Any

from django.contrib.sites.models import Site
from django.db import models

import sequere
from sequere.base import ModelBase
from sequere.contrib.timeline import Action

from .models import Project, User


class JoinAction(Action):
    verb = "join"


class LikeAction(Action):
    verb = "like"


class NoteAction(Action):
    """A note: NoteAction(actor=user, text="Il est fort ce George")."""

    verb = "note"
    public_kwargs = ("text",)


class StartAction(Action):
    """A new project: StartAction(actor=user, target=project)."""

    verb = "start"


class ReleaseAction(Action):
    """A new version of a project: ReleaseAction(actor=project, version="1.0", text="what is new")."""

    verb = "release"
    public_kwargs = ("version", "text")

    def __str__(self) -> str:
        return f"{super().__str__()} {self.kwargs['version']}"


class UserSequere(ModelBase):
    identifier = "user"
    actions = (JoinAction, LikeAction, NoteAction, StartAction)

    def get_queryset(self) -> models.QuerySet[Any]:
        return User.objects.filter(is_active=True)

    def requires_approval(self, from_instance: Any, to_instance: Any) -> bool:
        return bool(to_instance.is_private)


class ProjectSequere(ModelBase):
    identifier = "project"
    actions = (ReleaseAction,)


class SiteSequere(ModelBase):
    """The site has a timeline of what everybody does; nobody can follow it."""

    identifier = "site"

    def can_follow(self, user: Any, instance: models.Model) -> bool:
        return False


sequere.register(User, UserSequere)
sequere.register(Project, ProjectSequere)
sequere.register(Site, SiteSequere)
