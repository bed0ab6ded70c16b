"""Who likes which project. A like is an action: in the timeline of who likes, and in that of what is liked."""

from django.db import transaction

from example_project.community.models import Project, User
from example_project.community.sequere_registry import LikeAction
from sequere.contrib.timeline import Timeline


def likes(user: User, project: Project) -> bool:
    """Whether somebody likes a project. 1 query, and 2 if so."""
    return Timeline(user).get_public(action=LikeAction, target=project).exists()


def number_of_likes(project: Project) -> int:
    """How many like a project. 1 query. In Redis a private timeline has a cap, and so has this number."""
    return Timeline(project).get_private_count(action=LikeAction, target=project)


def save(action: LikeAction) -> None:
    for owner in (action.actor, action.target):
        Timeline(owner).save(action)


@transaction.atomic
def like(user: User, project: Project) -> None:
    """Like a project; whoever likes it already goes on to."""
    _one_at_a_time(user)
    if not likes(user, project):
        save(LikeAction(actor=user, target=project))


@transaction.atomic
def unlike(user: User, project: Project) -> None:
    """Like a project no longer: nobody sees any more that it was liked."""
    _one_at_a_time(user)
    for action in Timeline(user).get_public(action=LikeAction, target=project):
        Timeline(user).delete(action)


def _one_at_a_time(user: User) -> None:
    """Whoever presses a button twice does it once: the second one waits for the first, and then sees it."""
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
