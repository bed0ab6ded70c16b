"""Likes of projects. A like is an action, in the timelines of the user and of the project."""

from django.db import transaction

from example_project.community.models import Project, User
from example_project.community.sequere_registry import LikeAction
from sequere.contrib.timeline import Timeline


def likes(user: User, project: Project) -> bool:
    """Whether a user likes a project. 1 query, or 2 if so."""
    return Timeline(user).get_public(action=LikeAction, target=project).exists()


def number_of_likes(project: Project) -> int:
    """The number of likes of a project. 1 query. In Redis, the cap of private timelines limits it."""
    return Timeline(project).get_private_count(action=LikeAction, target=project)


def save(action: LikeAction) -> None:
    for owner in (action.actor, action.target):
        Timeline(owner).save(action)


@transaction.atomic
def like(user: User, project: Project) -> None:
    """Like a project. A second like does nothing."""
    _one_at_a_time(user)
    if not likes(user, project):
        save(LikeAction(actor=user, target=project))


@transaction.atomic
def unlike(user: User, project: Project) -> None:
    """Take back all likes of a project: they disappear from every timeline."""
    _one_at_a_time(user)
    for action in Timeline(user).get_public(action=LikeAction, target=project):
        Timeline(user).delete(action)


def _one_at_a_time(user: User) -> None:
    """If a button is pressed twice, the second request waits for the first, and then sees its effect."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
