"""Suggestions of people and projects to follow, each with its reason."""

from typing import Any, NamedTuple

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from example_project.community.models import Project, User

#: The newest of each, some of which may be followed already.
LOOKED_AT = 20
SHOWN = 6


class Suggested(NamedTuple):
    resource: models.Model
    why: str


def suggestions(user: User) -> list[Suggested]:
    """What those follow whom the user follows; if they are few, the newest people and projects as well. At most 7
    queries."""
    shared = [
        Suggested(
            one.instance,
            ngettext("Followed by {} whom you follow", "Followed by {} whom you follow", one.shared).format(one.shared),
        )
        for one in user.suggest()[:SHOWN]
    ]
    return shared if len(shared) == SHOWN else [*shared, *_newest(user, shared)][:SHOWN]


def _newest(user: User, shared: list[Suggested]) -> list[Suggested]:
    """The newest that the user neither follows, nor asks to follow, nor has blocked: people and projects in turns."""
    people: list[Any] = list(User.objects.filter(is_active=True).exclude(pk=user.pk).order_by("-pk")[:LOOKED_AT])
    projects: list[Any] = list(Project.objects.order_by("-pk")[:LOOKED_AT])
    known = {one.resource for one in shared} | {one for one, _since in user.get_blocked()[:LOOKED_AT]}
    for answers in (user.is_following_many([*people, *projects]), user.is_pending_many(people)):
        known |= {one for one, is_known in answers.items() if is_known}
    new = [[one for one in some if one not in known][: SHOWN // 2] for some in (people, projects)]
    return [Suggested(one, _("New here")) for some in new for one in some]
