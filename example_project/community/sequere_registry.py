"""Who takes part, and what they do."""

import sequere
from sequere.base import ModelBase
from sequere.contrib.timeline import Action

from .models import Project, User


class JoinAction(Action):
    verb = "join"


class LikeAction(Action):
    verb = "like"


class ReleaseAction(Action):
    """A new version of a project: ReleaseAction(actor=project, version="1.0")."""

    verb = "release"

    def __str__(self) -> str:
        return f"{super().__str__()} {self.kwargs['version']}"


class UserSequere(ModelBase):
    identifier = "user"
    actions = (JoinAction, LikeAction)


class ProjectSequere(ModelBase):
    identifier = "project"
    actions = (ReleaseAction,)


sequere.register(User, UserSequere)
sequere.register(Project, ProjectSequere)
