"""Suggestions of people and projects to follow."""

from typing import Any

from django.db import models

from example_project.community.models import Project, User

#: The newest of each, some of which may be followed already.
LOOKED_AT = 20
SHOWN = 3


def suggestions(user: User) -> list[models.Model]:
    """The newest people and projects that a user does not follow yet. 3 queries."""
    people: list[Any] = list(User.objects.filter(is_active=True).exclude(pk=user.pk).order_by("-pk")[:LOOKED_AT])
    projects: list[Any] = list(Project.objects.order_by("-pk")[:LOOKED_AT])
    is_followed = user.is_following_many([*people, *projects])
    return [one for some in (people, projects) for one in [one for one in some if not is_followed[one]][:SHOWN]]
